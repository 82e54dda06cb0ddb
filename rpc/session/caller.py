"""The calls that this side makes: one half of a session."""

from __future__ import annotations

from functools import lru_cache, partial

from rpc import limits as numbers
from rpc.errors import Error, Processed, ProtocolError, Unavailable
from rpc.session.calls import Outgoing
from rpc.session.credit import Allowance, Window
from rpc.session.events import Event, Events
from rpc.session.outbox import SMALL, Message
from rpc.session.shared import Shared
from rpc.session.states import CALLER_TAKES, END, GIVE_UP, GIVEN_UP, LOST, OPEN, QUEUED, Step
from rpc.wire import failures, frames
from rpc.wire.frames import Fields, Frame
from rpc.wire.gathering import arrived
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import Buffer, Payload

__all__ = ["Caller"]

_ITEM, _REPLY = Event.ITEM, Event.REPLY

_method_item = lru_cache(1024)(frames.method_item)


class Caller:
    """The table of outgoing calls, the commands on them, and the frames that come back.

    Attributes:
        calls: those without an end, by id; what was given up is among them.
        refusal: why no call can be made any more, or yet; None while they can.
    """

    __slots__ = ("_last_id", "_next_id", "_shared", "calls", "refusal")

    def __init__(self, shared: Shared) -> None:
        self.calls: dict[int, Outgoing] = {}
        self._shared = shared
        self._next_id = 2 - shared.parity
        self._last_id: int | None = None
        self.refusal: str | None = "the connection is not open yet"

    # --- Commands ------------------------------------------------------------------------------------------------

    @property
    def free_slots(self) -> int:
        """How many calls more the peer takes now."""
        return self._shared.peer.max_calls - len(self.calls)

    def check_open(self) -> None:
        """Raise `Unavailable` (not processed) if no call can be made any more."""
        if self.refusal is None and self._next_id > numbers.MAX_ID:
            self.refusal = "the connection has used up its call numbers"
        if self.refusal is not None:
            raise Unavailable(self.refusal, processed=Processed.NOT_PROCESSED)

    def call(
        self,
        method: str,
        payload: Payload,
        *,
        timeout: int | None = None,
        flags: int = 0,
        metadata: bytes = NO_METADATA,
    ) -> Outgoing:
        """Queue a CALL; whoever calls has made sure of `free_slots`.

        Args:
            method: the wire name.
            payload: the encoded arguments.
            timeout: milliseconds left, or None.
            flags: NAMED, SENDS and TAKES as they fit.
            metadata: an encoded item, see `rpc.wire.metadata.encode`.

        Raises:
            Unavailable: the connection has ended, or the peer takes no more calls; nothing was sent.
            ResourceExhausted: the payload is over the peer's max_message; nothing was sent.
            ValueError: the name is empty or too long.
        """
        if self.refusal is not None or self._next_id > numbers.MAX_ID:
            self.check_open()
        shared, id, item = self._shared, self._next_id, _method_item(method)
        small = payload if isinstance(payload, bytes) and len(payload) <= SMALL else None
        if small is None:
            shared.check_size(payload, f"the arguments of {method}")
        record = Outgoing(id, method, flags)
        if flags & frames.SENDS:
            record.items_out = Allowance(shared.peer.window)
        if flags & frames.TAKES:
            record.items_in = Window(shared.limits.window)
        self._next_id = id + 2
        self.calls[id] = record
        if small is not None:
            shared.outbox.put_small_call(record, frames.call(id, item, timeout, metadata, flags, len(small)) + small)
        else:
            first = partial(frames.call, id, item, timeout, metadata)
            shared.outbox.put_call(record, Message(first, payload, flags))
        shared.outbox.weigh(len(self.calls))
        return record

    def cancel(self, record: Outgoing) -> None:
        """Give up a call: a CALL that was not taken is dropped, else CANCEL is sent, once. Nothing more is told."""
        outbox = self._shared.outbox
        record.wants_end = False
        if record.state is QUEUED:
            outbox.drop_call(record)
            del self.calls[record.id]
            record.step(GIVE_UP)
        elif record.state is OPEN:
            outbox.drop(record.id)
            record.step(GIVE_UP)
            outbox.put_control(frames.cancel(record.id))

    def stop(self, record: Outgoing) -> bool:
        """Cancel a call whose end is still to be told; False where it has none to come."""
        self.cancel(record)
        record.wants_end = record.state is GIVEN_UP
        return record.wants_end

    def send_item(self, record: Outgoing, payload: Payload, *, end: bool = False) -> None:
        """Queue an item of a call that SENDS; there must be credit for it (`record.items_out.is_open`).

        With `end` it is the last one.

        Raises:
            ResourceExhausted: the item is over the peer's max_message; nothing was sent.
        """
        if record.state in (OPEN, QUEUED) and not record.sent_end:
            assert record.items_out is not None
            if not isinstance(payload, bytes) or len(payload) > SMALL:
                self._shared.check_size(payload, f"an item of {record.method}")
            record.sent_end = end
            self._shared.outbox.put_item(record, record.items_out, payload, frames.END if end else 0)

    def end_items(self, record: Outgoing) -> None:
        """Queue the end of the items of a call that SENDS, once."""
        if record.state in (OPEN, QUEUED) and not record.sent_end:
            record.sent_end = True
            self._shared.outbox.put(record, Message(partial(frames.data, record.id), b"", frames.END))

    # --- The session's steps ---------------------------------------------------------------------------------------

    def open(self) -> None:
        """The peer's HELLO was read: calls may be made."""
        self.refusal = None

    def drain(self, last_id: int | None, refusal: str, events: Events) -> None:
        """The peer takes no more calls, and has not taken those above `last_id`, if it names one.

        Raises:
            ProtocolError: the peer named a lower one before.
        """
        self.refusal = refusal
        if last_id is None:
            return
        if self._last_id is not None and last_id > self._last_id:
            raise ProtocolError(f"GOAWAY: the last id rose from {self._last_id} to {last_id}")
        self._last_id = last_id
        for record in [record for record in self.calls.values() if record.id > last_id]:
            error = Unavailable(refusal, processed=Processed.NOT_PROCESSED)
            if record.state is QUEUED:
                self._lose(record, error, events)
            elif record.state is OPEN:
                self._shared.outbox.drop(record.id)
                record.step(GIVE_UP)
                events.append((Event.ERROR, record, error))

    def lose(self, reason: str, events: Events) -> None:
        """The connection has ended: so does every call, which may have run if its CALL was written."""
        self.refusal = f"the connection has ended: {reason}"
        for record in list(self.calls.values()):
            processed = Processed.NOT_PROCESSED if record.state is QUEUED else Processed.UNKNOWN
            self._lose(record, Unavailable(f"the connection was lost: {reason}", processed=processed), events)

    def _lose(self, record: Outgoing, error: Error, events: Events) -> None:
        is_told = record.state is not GIVEN_UP or record.wants_end
        if record.state is QUEUED:
            self._shared.outbox.drop_call(record)
        self._end(record, LOST)
        if is_told:
            events.append((Event.ERROR, record, error))

    def _end(self, record: Outgoing, step: Step) -> None:
        record.step(step)
        record.parts = None
        del self.calls[record.id]
        if self._shared.outbox.has_lanes:
            self._shared.outbox.drop(record.id)

    # --- Frames of the callee --------------------------------------------------------------------------------------

    def take_reply(self, fields: Fields, events: Events) -> None:
        _, id, flags, payload = fields
        record = self._find(id, frames.REPLY)
        if record.parts is not None or record.reply_begun:
            raise ProtocolError(f"REPLY for call {id} inside an unfinished payload")
        if flags or len(payload) > self._shared.limits.max_message:
            record.reply_begun = True
            self._take_result(record, payload, flags, events)
        else:
            self._take_end(record, (_REPLY, record, arrived(payload)), events)

    def take_error(self, fields: Fields, events: Events) -> None:
        _, id, failure = fields
        record = self._find(id, frames.ERROR)
        try:
            error = failures.decode(failure)
        except ValueError as problem:
            raise ProtocolError(f"ERROR: {problem}") from problem
        self._take_end(record, (Event.ERROR, record, error), events)

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
        more = flags & frames.MORE
        if flags & frames.END:
            raise ProtocolError("DATA: only a caller ends its items")
        if record.reply_begun:
            self._take_result(record, payload, more, events)
        elif record.items_in is None:
            raise ProtocolError(f"DATA for call {id}, which takes no items")
        else:
            self._take_item(record, record.items_in, payload, more, events)

    def take_credit(self, fields: Fields, events: Events) -> None:
        _, id, total = fields
        record = self._find(id, frames.CREDIT)
        if record.items_out is None:
            raise ProtocolError(f"CREDIT for call {id}, which sends no items")
        if record.items_out.raise_to(total) and record.state is OPEN:
            events.append((Event.CREDIT, record, None))

    def _find(self, id: int, frame: Frame) -> Outgoing:
        record = self.calls.get(id)
        if record is None or frame not in CALLER_TAKES[record.state]:
            raise ProtocolError(f"{frame.name} for call {id}, which is not open")
        return record

    def _take_result(self, record: Outgoing, payload: Buffer, more: int, events: Events) -> None:
        whole, fits = self._shared.gather(record, payload, more)
        error = None if fits else self._shared.too_large(f"the result of {record.method}")
        if not more:
            self._take_end(record, (Event.ERROR, record, error) if error else (Event.REPLY, record, whole), events)
        elif error:
            self._give_up_on(record, error, events)

    def _take_item(self, record: Outgoing, window: Window, payload: Buffer, more: int, events: Events) -> None:
        if record.state is OPEN:
            if record.parts is None:
                window.start()
            window.add(len(payload))
        whole, fits = self._shared.gather(record, payload, more)
        if not fits or (whole is not None and not len(whole)):
            self._give_up_on(record, self._shared.unfit_item(record, fits=fits), events)
        elif whole is not None and record.state is OPEN:
            window.items += 1
            events.append((_ITEM, record, whole))

    def _take_end(self, record: Outgoing, happening: tuple[Event, Outgoing, object], events: Events) -> None:
        if record.state is OPEN or record.wants_end:
            events.append(happening)
        self._end(record, END)

    def _give_up_on(self, record: Outgoing, error: Error, events: Events) -> None:
        """End a call on this side alone: what it receives is nothing that this side takes."""
        if record.state is OPEN:
            self.cancel(record)
            events.append((Event.ERROR, record, error))
