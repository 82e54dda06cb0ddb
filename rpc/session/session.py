"""The session: the pure state of one connection. Bytes in, events out; commands in, bytes out.

How it is driven::

    events = session.receive(data)      # never raises: a broken peer is the last event
    batch = session.take()              # what to write next; then, when all of it is written:
    session.sent()
    events = session.lost(reason)       # the transport has ended, for whatever reason

Calls are made by ``session.caller`` and answered by ``session.callee``; the same machine serves both roles, and
what a call may do is a table in `rpc.session.states`. The session has no clock and starts no timer: `waits_for`
tells its owner what a timer should watch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from rpc import limits as numbers
from rpc.errors import Processed, ProtocolError, Reason, ResourceExhausted, Unavailable
from rpc.limits import Limits
from rpc.session.budget import STEP, Budget, Share
from rpc.session.callee import Callee
from rpc.session.caller import Caller
from rpc.session.calls import Record
from rpc.session.events import Event, Events
from rpc.session.outbox import size_of
from rpc.session.phases import Phase, Waits
from rpc.session.placing import Placing
from rpc.session.runs import take_run
from rpc.session.shared import Shared
from rpc.wire import frames, hello
from rpc.wire.frames import Fields, Frame
from rpc.wire.framing import PREFIX, FrameReader
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import Buffer, Payload

__all__ = ["Session", "Waits"]

_CALL, _REPLY, _GREETING = int(Frame.CALL), int(Frame.REPLY), Phase.GREETING

_IGNORED = 1024
"""Frames of unknown types that may come beyond one for each known frame."""


class Session:
    """The rules of one connection, for both roles.

    Args:
        is_connector: whether this side opened the connection; its calls then have odd ids.
        limits: what this side accepts.
        agent: name and version, for the peer's log.
        credential: sent in HELLO; connectors only.
        budget: what all connections of this side hold together; None for one of its own.

    Raises:
        ValueError: agent and credential are too long for a HELLO.

    Attributes:
        caller: the calls that this side makes.
        callee: the calls that the peer makes.
        outbox: what waits to be written.
        share: what this connection holds of the budget.
        frames_read: how many frames have come, HELLO among them.
        notified: how many notifications were queued.
        unsent: bytes of the last `take` that the transport could not take at once, see `stalled`.
    """

    def __init__(
        self,
        *,
        is_connector: bool,
        limits: Limits,
        agent: str = "",
        credential: bytes | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.limits = limits
        self.share = Share(budget or Budget(limits), self._held)
        self._shared = Shared(limits, 1 if is_connector else 0, self.share)
        self.caller = Caller(self._shared)
        self.callee = Callee(self._shared)
        self.outbox = self._shared.outbox
        self.frames_read = 0
        self.unsent = 0
        self._ignored = self._pings = self.notified = 0
        self._phase = Phase.GREETING
        place = Placing(self._shared.parity, self.caller.calls, self.callee.calls)
        self._reader = FrameReader(min(numbers.MAX_FIRST_FRAME, limits.max_frame), place)
        self.outbox.put_control(hello.offer(limits, agent, credential))

    def __repr__(self) -> str:
        return f"<session {self._phase.name.lower()}, {len(self.caller.calls)} calls out, {len(self.callee.calls)} in>"

    # --- Bytes in ------------------------------------------------------------------------------------------------

    def receive(self, data: Buffer) -> Events:
        """Take what the transport has read; nothing of it is kept, so its space may be used again."""
        events = [] if self._phase >= Phase.BROKEN else self._take_bodies(self._reader.bodies(data))
        self.share.note(len(data))
        return events

    def want(self) -> memoryview | None:
        """Where the transport should read the rest of a large frame to, then calling `filled`; else None."""
        return None if self._phase >= Phase.BROKEN else self._reader.want()

    def filled(self, count: int) -> Events:
        """The first `count` bytes of the last `want` were read."""
        events = self._take_bodies(self._reader.filled(count))
        self.share.note(count)
        return events

    @property
    def waits_for(self) -> Waits:
        """What must come soon, by the timeouts of `Limits`."""
        if self._phase is Phase.GREETING:
            return Waits.HELLO
        if self._phase is Phase.OPEN and self._reader.is_partial:
            return Waits.FRAME
        return Waits.NOTHING

    @property
    def is_open(self) -> bool:
        """Whether HELLO was read and the connection is neither broken nor lost."""
        return self._phase is Phase.OPEN

    @property
    def is_overrun(self) -> bool:
        """Whether the peer leaves more answers unread than it may."""
        return self._shared.overrun

    def _take_bodies(self, bodies: Iterable[Buffer]) -> Events:
        events: Events = []
        try:
            for body in bodies:
                self.frames_read += 1
                if not body:
                    self._take_data(self._reader.placed, events)
                elif self._phase is _GREETING:
                    self._take_hello(body, events)
                else:
                    before = len(events)
                    self._take_frame(body, events)
                    if len(events) > before:
                        self.frames_read += take_run(body, self._reader, events)
        except ProtocolError as error:
            self._break(error, events)
        if self._shared.overrun and self._phase is Phase.OPEN:
            text = f"the peer does not read its answers: more than {self.limits.max_unread} bytes wait"
            self._break(ProtocolError(text, reason=Reason.TOO_MANY), events)
        return events

    def _take_frame(self, body: Buffer, events: Events) -> None:
        fields = frames.decode(body)
        if fields is None:
            self._ignore()
            return
        kind = fields[0]
        if kind == _CALL:
            self.callee.take_call(fields, events)
        elif kind == _REPLY:
            self.caller.take_reply(fields, events)
        else:
            self._RECEIVERS[kind](self, fields, events)

    def _ignore(self) -> None:
        """A frame of a type that is not known here (section 3); they may go with others, but not be all there is."""
        self._ignored += 1
        if 2 * self._ignored > self.frames_read + _IGNORED:
            raise ProtocolError("too many frames of types that are not known here", reason=Reason.TOO_MANY)

    def _take_hello(self, body: Buffer, events: Events) -> None:
        version, settings = hello.decode(body)
        if version < 1:
            raise ProtocolError(f"version {version} of the protocol is not spoken here", reason=Reason.VERSION)
        self._phase = Phase.OPEN
        self._shared.peer = settings
        # A frame as large as the peer would take might hold up all others; ours is a size that does not.
        self.outbox.max_frame = min(settings.max_frame, self.limits.max_frame)
        self._reader.max_frame = self.limits.max_frame
        self.caller.open()
        events.append((Event.HELLO, None, settings))

    def _take_error(self, fields: Fields, events: Events) -> None:
        self.caller.take_error(fields, events)

    def _take_cancel(self, fields: Fields, events: Events) -> None:
        self.callee.take_cancel(fields, events)

    def _take_data(self, fields: Fields, events: Events) -> None:
        (self.caller if fields[1] & 1 == self._shared.parity else self.callee).take_data(fields, events)

    def _take_credit(self, fields: Fields, events: Events) -> None:
        (self.caller if fields[1] & 1 == self._shared.parity else self.callee).take_credit(fields, events)

    def _take_notify(self, fields: Fields, events: Events) -> None:
        events.append((Event.NOTIFY, None, fields[1:]))

    def _take_ping(self, fields: Fields, events: Events) -> None:
        kind, token = fields
        self._pings += 1
        events.append((Event.PING if kind == Frame.PING else Event.PONG, None, token))

    def _take_goaway(self, fields: Fields, events: Events) -> None:
        _, last_id, reason, text = fields
        said = text or Reason.words_of(reason)
        self.caller.drain(last_id, f"the peer takes no more calls: {said}", events)
        events.append((Event.GOAWAY, None, (last_id, reason, text)))

    # One table for all sessions: a bound method for each frame would cost each idle connection a KiB.
    _RECEIVERS: ClassVar[dict[int, Callable[[Session, Fields, Events], None]]] = {
        Frame.DATA: _take_data,
        Frame.ERROR: _take_error,
        Frame.CANCEL: _take_cancel,
        Frame.CREDIT: _take_credit,
        Frame.NOTIFY: _take_notify,
        Frame.PING: _take_ping,
        Frame.PONG: _take_ping,
        Frame.GOAWAY: _take_goaway,
    }
    """What else a frame does than CALL and REPLY, which come most and are asked for first."""

    # --- Commands --------------------------------------------------------------------------------------------------

    def notify(self, method: str, payload: Payload, metadata: bytes = NO_METADATA) -> None:
        """Queue a notification.

        Raises:
            Unavailable: the connection has ended.
            ResourceExhausted: the frame would be over the peer's max_frame, and a notification is never cut.
        """
        if self._phase is not Phase.OPEN:
            raise Unavailable("the connection has ended", processed=Processed.NOT_PROCESSED)
        size, limit = size_of(payload), self._shared.peer.max_frame
        head = frames.notify_head(method, metadata, size)
        if len(head) - PREFIX + size > limit:
            text = f"a notification to {method}: {size} bytes are over max_frame, {limit} bytes, of the peer"
            raise ResourceExhausted(text, processed=Processed.DO_NOT_RETRY)
        self.notified += 1
        self.outbox.put_frame(head + payload if isinstance(payload, bytes) else b"".join((head, *payload)))

    def ping(self, token: int) -> None:
        """Queue a PING; the peer's PONG comes back as an event with the same token."""
        if self._phase is Phase.OPEN:
            self.outbox.put_control(frames.ping(token))

    def pong(self, token: int) -> None:
        """Queue the answer to a PING."""
        if self._phase is Phase.OPEN:
            self.outbox.put_control(self._shared.owe(frames.pong(token)))

    def drain(self, *, last: bool = False, text: str = "") -> None:
        """Tell the peer to open no more calls; with `last`, also that those above the last received are refused."""
        if self._phase <= Phase.OPEN:
            self.outbox.put_control(frames.goaway(self.callee.drain() if last else None, Reason.NONE, text))

    def refuse(self, reason: Reason, text: str) -> None:
        """Turn the peer away before anything ran: HELLO and GOAWAY(0, reason, text); the owner closes then."""
        if self._phase <= Phase.OPEN:
            self.outbox.clear()
            self.outbox.put_control(frames.goaway(0, reason, text))
            self._phase = Phase.BROKEN

    def abort(self, reason: Reason, text: str) -> Events:
        """Break the connection from this side: GOAWAY is queued, all else is dropped, every call ends."""
        events: Events = []
        if self._phase < Phase.BROKEN:
            self._break(ProtocolError(text, reason=reason), events)
        return events

    def lost(self, reason: str) -> Events:
        """The transport has ended: every open call ends, and nothing happens any more."""
        events: Events = []
        if self._phase is not Phase.LOST:
            self._phase = Phase.LOST
            self._end_all(reason, events)
            self.share.end()
            events.append((Event.ENDED, None, reason))
        return events

    def consumed(self, record: Record, size: int, count: int = 1) -> bool:
        """The application took items, see `Shared.consumed`."""
        return self._shared.consumed(record, size, count)

    # --- Bytes out -------------------------------------------------------------------------------------------------

    @property
    def has_output(self) -> bool:
        """Whether `take` would give something."""
        return bool(self.outbox)

    @property
    def queued(self) -> int:
        """Bytes that wait for `take`."""
        return self.outbox.size

    @property
    def uses(self) -> int:
        """Rises whenever something but a ping or its answer has come, or a notification was queued."""
        return self.frames_read - self._pings + self.notified

    @property
    def open_calls(self) -> int:
        """How many calls have no end yet, in both directions."""
        return len(self.caller.calls) + len(self.callee.calls)

    @property
    def is_idle(self) -> bool:
        """Whether no call is open in either direction, and every end was written."""
        return not self.caller.calls and not self.callee.calls

    def stalled(self, size: int) -> None:
        """Of the last `take` the transport has not taken so many bytes, of which more may have to be kept."""
        self.unsent = size
        self.share.renew()

    def take(self) -> list[Buffer]:
        """The next batch to write. It must be written whole before the next `take`, and then told to `sent`."""
        self._shared.batch_taken()
        return self.outbox.take()

    def sent(self) -> None:
        """All of the last `take` was given to the transport: the calls that ended in it free their slots."""
        self.unsent = 0
        self._shared.batch_sent()
        self.callee.ends_written()
        if self.share.held > STEP:
            self.share.renew()

    # --- Inside ----------------------------------------------------------------------------------------------------

    def _break(self, error: ProtocolError, events: Events) -> None:
        self._phase = Phase.BROKEN
        self._end_all(error.message, events)
        self.outbox.put_control(frames.goaway(self.callee.last_taken, error.reason, error.message))
        events.append((Event.BROKEN, None, error))

    def _held(self) -> int:
        """Bytes of payloads that are on their way here: unfinished, in use, or not yet taken by either side."""
        held = self._reader.held + self.outbox.size + self.unsent
        held += sum(incoming.held for incoming in self.callee.calls.values())
        return held + sum(outgoing.held for outgoing in self.caller.calls.values())

    def _end_all(self, reason: str, events: Events) -> None:
        self.caller.lose(reason, events)
        self.callee.lose(events)
        self.outbox.clear()
