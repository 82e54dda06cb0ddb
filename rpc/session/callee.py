"""The calls that the peer makes: the other half of a session."""

from __future__ import annotations

from functools import partial

from rpc.errors import (
    Cancelled,
    DeadlineExceeded,
    Error,
    Processed,
    ProtocolError,
    ResourceExhausted,
    Unavailable,
)
from rpc.session.calls import Incoming
from rpc.session.credit import Allowance, Window
from rpc.session.events import Event, Events
from rpc.session.outbox import SMALL, Message
from rpc.session.shared import Shared
from rpc.session.states import CALLEE_TAKES, END, GATHERING, LOST, OPEN, SENT, STOP, STOPPING, WHOLE
from rpc.wire import failures, frames
from rpc.wire.frames import Fields, Frame
from rpc.wire.payload import Buffer, Payload

__all__ = ["Callee"]

_CALL, _ITEM = Event.CALL, Event.ITEM

_FOREVER = 2**53
"""Milliseconds of a timeout from which there is none."""


class Callee:
    """The table of incoming calls, the frames of their callers, and the commands that answer them.

    Attributes:
        calls: by id, until their end was written to the transport. Each holds one of `max_calls` slots until the
            writing of its end has begun.
        last_id: the highest id that has arrived, 0 for none.
    """

    __slots__ = ("_budget", "_last_taken", "_shared", "calls", "last_id")

    def __init__(self, shared: Shared) -> None:
        self.calls: dict[int, Incoming] = {}
        self.last_id = 0
        self._shared = shared
        self._budget = shared.share.budget
        self._last_taken: int | None = None

    # --- Commands ------------------------------------------------------------------------------------------------

    def reply(self, record: Incoming, payload: Payload) -> None:
        """Queue the result of a call, which ends it; a result over the peer's max_message becomes an error."""
        if record.state not in (OPEN, STOPPING):
            return
        id, outbox = record.id, self._shared.outbox
        if isinstance(payload, bytes) and len(payload) <= SMALL and not outbox.has_lane(id):
            record.step(END)
            outbox.put_small_end(record, frames.reply(id, 0, len(payload)) + payload)
            return
        try:
            self._shared.check_size(payload, f"the result of {record.method}")
            self._shared.check_room(payload, f"the result of {record.method}")
        except ResourceExhausted as error:
            self.fail(record, error)
        else:
            record.step(END)
            outbox.put(record, Message(partial(frames.reply, id), payload, ends=record))

    def fail(self, record: Incoming, error: Error) -> None:
        """Queue an ERROR, which ends a call; what is left of a payload on its way is dropped."""
        if record.state in (OPEN, STOPPING, GATHERING):
            record.parts = None
            record.step(END)
            self._shared.outbox.drop(record.id)
            self._shared.outbox.put_small_end(record, frames.error(record.id, failures.encode(error)))

    def send_item(self, record: Incoming, payload: Payload, *, end: bool = False) -> None:
        """Queue an item of a call that TAKES; there must be credit for it (`record.items_out.is_open`).

        A callee's items end with its reply, so `end` is for callers alone.

        Raises:
            ResourceExhausted: the item is over the peer's max_message; nothing was sent.
        """
        assert not end
        if record.state is OPEN:
            assert record.items_out is not None
            if not isinstance(payload, bytes) or len(payload) > SMALL:
                self._shared.check_size(payload, f"an item of {record.method}")
            self._shared.outbox.put_item(record, record.items_out, payload)

    # --- The session's steps ---------------------------------------------------------------------------------------

    @property
    def last_taken(self) -> int:
        """The highest id whose call may have run: what a GOAWAY names, and may never raise again."""
        return self.last_id if self._last_taken is None else self._last_taken

    def drain(self) -> int:
        """Refuse the calls above the last that has arrived; gives its id."""
        self._last_taken = self.last_taken
        return self._last_taken

    def ends_written(self) -> None:
        """The ends that were taken for writing are written: their slots are free."""
        leaving = self._shared.outbox.leaving
        for record in leaving:
            record.step(SENT)
            del self.calls[record.id]
        self._budget.calls -= len(leaving)
        leaving.clear()

    def lose(self, events: Events) -> None:
        """The connection has ended: the handlers of all calls are to be cancelled."""
        for record in self.calls.values():
            if record.state is OPEN:
                events.append((Event.CANCEL, record, None))
            record.parts = None
            record.step(LOST)
        self._budget.calls -= len(self.calls)
        self.calls.clear()
        self._shared.outbox.leaving.clear()

    # --- Frames of the caller --------------------------------------------------------------------------------------

    def take_call(self, fields: Fields, events: Events) -> None:
        _, id, flags, method, timeout, metadata, payload = fields
        if id & 1 == self._shared.parity:
            raise ProtocolError(f"CALL: {id} is a number of the other side's calls")
        if id <= self.last_id:
            raise ProtocolError(f"CALL: the id {id} is not above the last one, {self.last_id}")
        self.last_id = id
        if timeout is not None and timeout >= _FOREVER:
            timeout = None
        record = Incoming(id, flags, method, timeout, metadata)
        refusal = self._refusal(record, len(payload))
        if refusal is not None:
            self._shared.gather(record, payload, flags & frames.MORE)  # its fragment may still break the protocol
            self._shared.outbox.put_frame(self._shared.owe(frames.error(id, failures.encode(refusal))))
            return
        if flags & frames.SENDS:
            record.items_in = Window(self._shared.limits.window)
        if flags & frames.TAKES:
            record.items_out = Allowance(self._shared.peer.window)
        self.calls[id] = record
        self._budget.calls += 1
        if flags & frames.MORE or len(payload) > SMALL:
            self._take_arguments(record, payload, flags & frames.MORE, events)
            if record.state is GATHERING:
                events.append((Event.GATHERING, record, None))
        else:
            record.payload = payload
            record.size = len(payload)
            record.step(WHOLE)
            events.append((_CALL, record, None))

    def take_cancel(self, fields: Fields, events: Events) -> None:
        _, id = fields
        if id & 1 == self._shared.parity:
            raise ProtocolError(f"CANCEL: call {id} is for its caller to cancel")
        record = self._find(id, frames.CANCEL)
        if record is None:
            return
        if record.state is GATHERING:
            self.fail(record, Cancelled("cancelled by its caller", processed=Processed.NOT_PROCESSED))
        else:
            record.step(STOP)
            record.parts = None
            events.append((Event.CANCEL, record, None))

    def take_data(self, fields: Fields, events: Events) -> None:
        _, id, flags, payload = fields
        record = self.calls.get(id)
        if record is not None and record.is_between_items and not flags and 0 < len(payload) <= SMALL:
            # A small and whole item, the usual one, takes the short way; the long one would come to the same.
            assert record.items_in is not None
            record.items_in.take(len(payload))
            events.append((_ITEM, record, payload))
            return
        record = self._find(id, frames.DATA)
        if record is None:
            return
        if record.state is GATHERING:
            if flags & frames.END:
                raise ProtocolError("DATA: END on a fragment of a CALL")
            self._take_arguments(record, payload, flags & frames.MORE, events)
        elif record.items_in is None or record.got_end:
            raise ProtocolError(f"DATA for call {id}, which sends no items or has ended them")
        else:
            self._take_item(record, record.items_in, flags, payload, events)

    def take_credit(self, fields: Fields, events: Events) -> None:
        _, id, total = fields
        record = self._find(id, frames.CREDIT)
        if record is None:
            return
        if record.items_out is None:
            raise ProtocolError(f"CREDIT for call {id}, which takes no items")
        if record.items_out.raise_to(total):
            events.append((Event.CREDIT, record, None))

    def _find(self, id: int, frame: Frame) -> Incoming | None:
        """The call that a frame is for; None where it is over and the frame is to be ignored."""
        if id > self.last_id:
            raise ProtocolError(f"{frame.name} for call {id}, which was never opened")
        record = self.calls.get(id)
        return record if record is not None and frame in CALLEE_TAKES[record.state] else None

    def _refusal(self, record: Incoming, size: int) -> Error | None:
        """Why a call cannot be taken at all, judged in the order of section 5."""
        # An end that is being written may have been read by its caller, who may have made the next call since.
        slots = len(self.calls) - len(self._shared.outbox.leaving)
        budget = self._budget
        if self._last_taken is not None and record.id > self._last_taken:
            error: Error = Unavailable("this side is closing and takes no more calls")
        elif slots >= self._shared.limits.max_calls:
            budget.refused["max_calls"] += 1
            error = ResourceExhausted(f"max_calls: {slots} calls are open on this connection")
        elif budget.calls >= budget.max_calls:
            budget.refused["max_calls_total"] += 1
            error = ResourceExhausted(f"max_calls_total: {budget.calls} calls are open on all connections")
        elif budget.bytes > budget.ease and self._shared.share.is_full(size):
            budget.refused["max_bytes_in_flight"] += 1
            error = ResourceExhausted(self._shared.share.excess)
        elif record.timeout == 0:
            error = DeadlineExceeded("the deadline had passed when the call arrived")
        else:
            return None
        error.processed = Processed.NOT_PROCESSED
        return error

    def _take_arguments(self, record: Incoming, payload: Buffer, more: int, events: Events) -> None:
        """One frame of the payload of a CALL."""
        whole, fits = self._shared.gather(record, payload, more)
        if not fits:
            error = self._shared.too_large(f"the arguments of {record.method}", Processed.NOT_PROCESSED)
            self.fail(record, error)
        elif whole is not None:
            record.payload = whole
            record.size = len(whole)
            record.step(WHOLE)
            events.append((_CALL, record, None))

    def _take_item(self, record: Incoming, window: Window, flags: int, payload: Buffer, events: Events) -> None:
        if payload or record.parts is not None or not flags & frames.END:
            if record.parts is None:
                window.start()
            window.add(len(payload))
            whole, fits = self._shared.gather(record, payload, flags & frames.MORE)
            if not fits or (whole is not None and not len(whole)):
                self.fail(record, self._shared.unfit_item(record, fits=fits))
                events.append((Event.CANCEL, record, None))
                return
            if whole is not None:
                window.items += 1
                events.append((_ITEM, record, whole))
        if flags & frames.END:
            record.got_end = True
            events.append((Event.ITEMS_END, record, None))
