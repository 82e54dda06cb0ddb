"""A connection: a session, a link, and the few tasks that move bytes between them.

Everything that decides is in the session; here are synchronous steps. `pump` reads once, has the session make events of
it, does what they say in `_act`, and sends by `flush`, which is in `rpc.net.writer`.

The rules:

1. A step runs to its end without awaiting, and no other begins before: who reads does all that follows of it.
2. Frames are queued whole, and sent by the connection, also what the transport would not take at once. So a cancelled
   call leaves no part of a frame, neither here nor on the wire.
3. A reader never waits for handlers, nor for its own writer.
4. The end is one synchronous step, `end`, that happens once: the session's last events wake every waiter and cancel
   every handler; the link is closed; `run` cancels what is left.
5. A failure inside is the end of this connection alone.
"""

from __future__ import annotations

import contextvars
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from rpc.errors import ProtocolError, Reason
from rpc.limits import Limits
from rpc.net.appetite import Appetite
from rpc.net.dispatch import Dispatcher
from rpc.net.greeting import Authenticate, Refusal, greet
from rpc.net.handlers import Counts, Handlers
from rpc.net.leaving import drain, end_explained
from rpc.net.link import Buffer, Link, SocketLink, StreamLink
from rpc.net.logs import PeerLog
from rpc.net.outcomes import ACTIONS
from rpc.net.polling import Polling
from rpc.net.pulse import Pulse
from rpc.net.readiness import Readiness
from rpc.net.reading import Reading
from rpc.net.timers import FrameTimer
from rpc.net.waiting import Lot
from rpc.net.watchman import Watch
from rpc.net.workers import Workers
from rpc.net.writer import Writer
from rpc.peer import Peer
from rpc.session.calls import Outgoing
from rpc.session.events import Event, Events
from rpc.session.outbox import Outbox
from rpc.session.session import Session, Waits
from rpc.wire.hello import Settings

__all__ = ["Connection"]

_CALL = Event.CALL

_OF_CALLS = frozenset({Event.ITEM, Event.ITEMS, Event.REPLY, Event.ERROR})

_KEPT = 65_536
"""Bytes up to which what was read is copied out of the space that all reads share; of more, each frame is."""


@attrs.define(eq=False, repr=False)
class Connection:
    """One connection to a peer, in either role.

    Attributes:
        session, limits: its state, and what its peer may do.
        link, polling: what it stands on, owned by the connection; how what comes next there is waited for.
        settings: what the peer accepts; None until its HELLO was read.
        readiness, handlers: what all connections of a server, or of a client, have in common; `log`, `counts` of it.
        dispatcher: begins what the peer calls, with `context` to start from; `workers` and `nursery` run it.
        room: where callers wait for one of the peer's slots.
        failure: why this side, or the peer, has broken it off.
        peer_stops: whether the peer takes no more calls since it stops, and blames nobody.
        pulse, frame_timer: ask the peer for signs of life, and answer; end what stays unfinished.
        flush, drained, read_until: of its writer and its reading, of which `reads` is the count, `heard_at` the last.
        opened: set when the peer was greeted, or will not be.
        is_lost: whether the peer is gone, from before the end where that has yet to be explained.
        ended: set when the connection is over (`is_over`); then `end_reason` says why, as text for a person.
        client: whatever the role gives to handlers as `Context.client`.
    """

    link: Link
    session: Session
    readiness: Readiness
    handlers: Handlers
    limits: Limits
    polling: Polling = attrs.field(init=False)
    log: PeerLog = attrs.field(init=False)
    counts: Counts = attrs.field(init=False)
    settings: Settings | None = attrs.field(init=False, default=None)
    context: contextvars.Context = attrs.field(init=False, factory=contextvars.copy_context)
    nursery: trio.Nursery = attrs.field(init=False)
    workers: Workers = attrs.field(init=False)
    room: Lot = attrs.field(init=False, factory=Lot)
    opened: trio.Event = attrs.field(init=False, factory=trio.Event)
    is_lost: bool = attrs.field(init=False, default=False)
    ended: trio.Event = attrs.field(init=False, factory=trio.Event)
    is_over: bool = attrs.field(init=False, default=False)
    end_reason: str = attrs.field(init=False, default="")
    failure: ProtocolError | None = attrs.field(init=False, default=None)
    peer_stops: bool = attrs.field(init=False, default=False)
    client: Any = attrs.field(init=False, default=None)
    reads: int = attrs.field(init=False, default=0)
    heard_at: float = attrs.field(init=False, factory=trio.current_time)
    dispatcher: Dispatcher = attrs.field(init=False)
    drained: Lot = attrs.field(init=False)
    pulse: Pulse = attrs.field(init=False)
    frame_timer: FrameTimer = attrs.field(init=False)
    flush: Callable[[], None] = attrs.field(init=False)
    read_until: Callable[[Callable[[], bool]], Awaitable[bool]] = attrs.field(init=False)
    _outbox: Outbox = attrs.field(init=False)
    _writer: Writer = attrs.field(init=False)
    _reading: Reading = attrs.field(init=False)
    _watch: Watch | None = attrs.field(init=False, default=None)
    _appetite: Appetite = attrs.field(init=False)
    _ending: str | None = attrs.field(init=False, default=None)
    _aborting: tuple[Reason, str] | None = attrs.field(init=False, default=None)
    _acting: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.polling = Polling(self.readiness.is_polling)
        self.log, self.counts = self.handlers.log, self.handlers.counts
        self.dispatcher = Dispatcher(self, self.handlers)
        self.pulse = Pulse(self)
        self.frame_timer = FrameTimer(self)
        self._outbox, self._writer = self.session.outbox, Writer(self)
        self.flush, self.drained = self._writer.flush, self._writer.drained
        self._reading = Reading(self)
        self.read_until = self._reading.until
        self._appetite = Appetite(self.link.least_read)

    def __repr__(self) -> str:
        return f"<connection to {self.peer.address}, {'ended' if self.is_over else self.session}>"

    @property
    def peer(self) -> Peer:
        return self.link.peer

    @property
    def is_quiet(self) -> bool:
        """Whether no call is open in either direction, and no handler runs."""
        return self.session.is_idle and self._rests

    @property
    def waits_for_peer(self) -> bool:
        """Whether no handler runs, and all that there was to say was sent; calls of this side may be open."""
        session = self.session
        is_busy = session.callee.calls or session.has_output or session.unsent
        return self._rests and not (is_busy or self._reading.is_lent)

    @property
    def _rests(self) -> bool:
        return not (self.is_over or self.is_lost or self.dispatcher.notifications.is_running)

    @property
    def is_amid(self) -> bool:
        """Whether a large frame has come in part: more of it is mostly there already."""
        return self.session.want() is not None

    # --- Life ----------------------------------------------------------------------------------------------------

    async def run(
        self,
        *,
        refusal: Refusal | None = None,
        authenticate: Authenticate | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve the connection until it ends; started when the peer's HELLO was read or will not come.

        With a `refusal` the peer is told so, and nothing of it is taken; with `authenticate` it is so unless that
        says who the peer is.

        When this returns or is cancelled, the link is closed and no task is left.
        """
        try:
            async with trio.open_nursery() as nursery:
                self.nursery = nursery
                try:
                    self.workers = Workers(nursery, self.context)
                    self.dispatcher.notifications.nursery = nursery
                    await greet(self, refusal, authenticate)
                    task_status.started()
                    if self.session.is_open:
                        self._watch = self.readiness.watchman.watch(self)
                    await self.ended.wait()
                    if self.dispatcher.notifications.is_running:
                        with trio.move_on_after(self.limits.drain_timeout):
                            await self.dispatcher.notifications.finish()
                finally:
                    # Others may have it flush, which wants a task, as long as it is not over.
                    failed = nursery.cancel_scope.cancel_called
                    self.end("a failure inside this side" if failed else "this side closed it")
                nursery.cancel_scope.cancel()
        except Exception:
            self.fail()
        finally:
            if isinstance(self.link, StreamLink):
                with trio.CancelScope(shield=True):
                    await self.link.aclose()

    def end(self, reason: str) -> None:
        """End the connection at once, telling the peer nothing; does nothing the second time."""
        if self.is_over:
            return
        if self._acting:
            # A handler asked for the end in the midst of a batch: `pump` acts on it when the events are done.
            self._ending = reason
            return
        self._ending = None
        self.is_over, self.end_reason = True, reason
        self.ended.set()
        self.opened.set()
        self._act(self.session.lost(reason))
        self.readiness.remove(self)
        if self._watch is not None:
            self.readiness.watchman.forget(self._watch)
        self.link.close()
        self.room.unpark_all()
        self.drained.unpark_all()
        self.pulse.stop()

    def lose(self, reason: str) -> None:
        """End the connection since the peer is gone, as soon as the link knows why, where it can know."""
        if self.is_over or self.is_lost:
            return
        if self.link.explain is None:
            self.end(reason)
            return
        # Until then calls only queue, and nobody reads: whoever had the reading finds the link closed.
        self.is_lost = True
        self._writer.stop()
        self.readiness.remove(self)
        self.link.close()
        self.nursery.start_soon(end_explained, self, self.link.explain, reason)

    def fail(self) -> None:
        """End the connection for the exception at hand, which is a fault of this library (rule 5)."""
        what = "a failure inside this library ends the connection"
        self.log.write(logging.ERROR, "failure inside", self.peer, what, failure=sys.exception())
        self.end("a failure inside this side")

    def abort(self, reason: Reason, text: str) -> None:
        """End the connection for something that the peer did, and tell it why."""
        if self._acting:
            self._aborting = (reason, text)
            return
        self._act(self.session.abort(reason, text))
        self.flush()

    def flush_soon(self) -> None:
        """Have what is queued leave in the next pass of the loop, with all that is queued until then.

        A whole batch leaves at once; not, though, while events are acted on, when no step may be entered.
        """
        if self._outbox.has_batch and not self._acting:
            self.flush()
        elif not self.is_over:
            self.readiness.mark(self)

    # --- Reading -------------------------------------------------------------------------------------------------

    def pump(self) -> bool:
        """Read once without waiting, and act on it; False where nothing was there."""
        assert isinstance(self.link, SocketLink)
        if self.is_over:
            return True
        body = self.session.want()
        wanted = 0 if body is None else len(body)
        space = self._appetite.of(self.readiness.space, wanted, is_shared=self.readiness.others_wait(self))
        try:
            read = (space,) if body is None else (body, space)
            count = self.link.receive_into_nowait(*read)
        except BlockingIOError:
            return False
        except OSError as error:
            self.lose(error.strerror or str(error))
            return True
        if not count:
            self.lose("the peer closed the connection" + (" in the midst of a frame" if wanted else ""))
        if wanted and count:
            self._handle(self.session.filled, min(count, wanted))
        if count > wanted:
            self._appetite.eat(self._take, space[: count - wanted], count - wanted)
        return True

    def _take(self, data: memoryview) -> None:
        self._handle(self.session.receive, data if len(data) > _KEPT else bytes(data))

    def pump_data(self, data: bytes | bytearray) -> None:
        """Act on what a reader task has read; ``b""`` is the end of the stream."""
        if data:
            self._handle(self.session.receive, data)
        else:
            self.lose("the peer closed the connection")

    def _handle(self, take: Callable[[Any], Events], what: int | Buffer) -> None:
        """Have the session take what was read, act on its events, and send what there is to send."""
        if self.is_over:
            return
        self.reads += 1
        self.heard_at = trio.current_time()
        self.readiness.heard(self)
        try:
            self._act(take(what))
            self.flush()
            if self.room:
                self.room.unpark(count=max(0, self.session.caller.free_slots))
        except Exception:
            self.fail()
        if self._aborting is not None:
            aborting, self._aborting = self._aborting, None
            self.abort(*aborting)
        if self._ending is not None:
            self.end(self._ending)
        elif self.session.waits_for is Waits.FRAME:
            self.frame_timer.start()

    # --- Acting --------------------------------------------------------------------------------------------------

    def _act(self, events: Events) -> None:
        """Do what the events say; this decides nothing about the protocol."""
        if not events:
            return
        assert not self._acting, "the steps of a connection are never entered twice"
        self._acting = True
        dispatch = self.dispatcher.call
        left = iter(events)
        try:
            for event, record, value in left:
                if event is _CALL:
                    dispatch(record)
                else:
                    ACTIONS[event](self, record, value)
                if self._ending is not None or self._aborting is not None:
                    break
                if self._outbox.has_batch:
                    self.flush()
        finally:
            self._acting = False
            # Cut short, what is left is not begun. But calls of this side that have ended in it are in no table any
            # more, and what came for them before belongs to them.
            for event, record, value in left:
                if event in _OF_CALLS and isinstance(record, Outgoing):
                    ACTIONS[event](self, record, value)

    async def flushed(self) -> None:
        """See `rpc.net.writer.Writer.flushed`."""
        await self._writer.flushed()

    def is_slow(self) -> bool:
        """See `rpc.net.writer.Writer.is_slow`."""
        return self._writer.is_slow()

    async def ping(self) -> float:
        """See `rpc.net.pulse.Pulse.ping`."""
        return await self.pulse.ping()

    async def drain(self) -> None:
        """Take no more calls, let those that are open end, and end; see `rpc.net.leaving`."""
        await drain(self)
