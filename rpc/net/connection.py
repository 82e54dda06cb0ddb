"""A connection: a session, a link, and the few tasks that move bytes between them.

Everything that decides is in the session; here are three synchronous steps. `pump` reads once, has the session
make events of it, acts on them and flushes. `_act` does what each event says. `flush` is the one place that sends, in
`rpc.net.writer`.

The rules:

1. No step awaits, and none is entered twice: whoever holds the reading runs `pump` from `recv` to its end.
2. A frame is whole in the session's queue before anyone may be cancelled. What a send left over belongs to the
   connection, so a cancelled call never leaves half a frame behind.
3. A reader never waits for handlers, nor for its own writer.
4. The end is one synchronous step, `end`, that happens once: the session gives the last events, which wake every
   waiter and cancel every handler; the link is closed; `run` cancels what is left.
5. A failure inside is the end of this connection alone.

The tasks are `run`, the workers of `rpc.net.workers`, and now and then `linger` of
`rpc.net.leaving`, one of the writer, a timer of
`rpc.net.timers`; all live in the nursery of `run`.
"""

from __future__ import annotations

import contextvars
import logging
import sys
from collections.abc import Callable
from typing import Any

import trio

from rpc.errors import ProtocolError, Reason
from rpc.limits import Limits
from rpc.net import outcomes
from rpc.net.appetite import Appetite
from rpc.net.dispatch import Dispatcher
from rpc.net.greeting import Authenticate, Refusal, greet
from rpc.net.handlers import Handlers
from rpc.net.leaving import break_off, drain, take_goaway
from rpc.net.link import Buffer, Explain, Link, SocketLink, StreamLink
from rpc.net.polling import Polling
from rpc.net.pulse import Pulse
from rpc.net.readiness import Readiness
from rpc.net.reading import Reading
from rpc.net.timers import FrameTimer, start_watches
from rpc.net.workers import Workers
from rpc.net.writer import Writer
from rpc.peer import Peer
from rpc.session.calls import Incoming
from rpc.session.events import Event, Events
from rpc.session.session import Session, Waits
from rpc.wire.hello import Settings

__all__ = ["Connection"]

_KEPT = 65_536
"""Bytes up to which what was read is copied out of the space that all reads share; of more, each frame is."""


class Connection:
    """One connection to a peer, in either role.

    Attributes:
        session: its state.
        link: what it stands on, owned by the connection.
        settings: what the peer accepts; None until its HELLO was read.
        workers: run its handlers.
        polling: how what comes next is waited for.
        room: where callers wait for one of the peer's slots.
        failure: why this side, or the peer, has broken it off.
        peer_stops: whether the peer takes no more calls since it stops, and blames nobody.
        pulse: asks the peer for signs of life, and answers.
        flush, flushed, drained, is_slow, ping, read_until: of its writer, its pulse and its reading.
        is_lost: whether the peer is gone, from before the end where that has yet to be explained.
        ended: set when the connection is over; then `end_reason` says why, as text for a person.
        client: whatever the role gives to handlers as `Context.client`.
    """

    def __init__(self, link: Link, session: Session, readiness: Readiness, handlers: Handlers, limits: Limits) -> None:
        self.link = link
        self.session = session
        self._outbox = session.outbox
        self.readiness = readiness
        self.polling = Polling()
        self.limits = limits
        self.log = handlers.log
        self.counts = handlers.counts
        self.settings: Settings | None = None
        self.context = contextvars.copy_context()
        self.room = trio.lowlevel.ParkingLot()
        self.opened = trio.Event()
        self.is_lost = False
        self.ended = trio.Event()
        self.end_reason = ""
        self.failure: ProtocolError | None = None
        self.peer_stops = False
        self.client: Any = None
        self.reads = 0
        self.heard_at = trio.current_time()
        self.dispatcher = Dispatcher(self, handlers)
        self._writer = Writer(self)
        self.flush = self._writer.flush
        self.flushed = self._writer.flushed
        self.drained = self._writer.drained
        self.is_slow = self._writer.is_slow
        self.pulse = Pulse(self)
        self.ping = self.pulse.ping
        self.read_until = Reading(self).until
        self._appetite = Appetite(link.least_read)
        self._ending: str | None = None
        self._aborting: tuple[Reason, str] | None = None
        self._acting = False
        self._frame_timer = FrameTimer(self)
        self._actions = self._make_actions()

    def __repr__(self) -> str:
        return f"<connection to {self.peer.address}, {'ended' if self.is_over else self.session}>"

    @property
    def peer(self) -> Peer:
        return self.link.peer

    @property
    def is_quiet(self) -> bool:
        """Whether no call is open in either direction, and no handler runs."""
        return self.session.is_idle and not (self.is_over or self.dispatcher.notifications.is_running)

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended."""
        return self.ended.is_set()

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
                self.workers = Workers(nursery, self.context)
                self.dispatcher.notifications.nursery = nursery
                await greet(self, refusal, authenticate)
                task_status.started()
                start_watches(self)
                await self.ended.wait()
                with trio.move_on_after(self.limits.drain_timeout):
                    await self.dispatcher.notifications.finish()
                nursery.cancel_scope.cancel()
        except Exception:
            self.fail()
        finally:
            self.end("this side closed it")
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
        self.end_reason = reason
        self.ended.set()
        self.opened.set()
        self._act(self.session.lost(reason))
        self.readiness.remove(self)
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
        self.nursery.start_soon(self._end_explained, self.link.explain, reason)

    async def _end_explained(self, explain: Explain, reason: str) -> None:
        self.end(await explain() or reason)

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

    def refuse(self, reason: Reason, text: str) -> None:
        """Turn the peer away before anything runs."""
        self.session.refuse(reason, text)
        # Where there are too many, the server says so, and not for each of them.
        level = logging.DEBUG if reason is Reason.TOO_MANY else logging.WARNING
        break_off(self, ProtocolError(text, reason=reason), level)

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
        body, space = self.session.want(), self._space()
        try:
            if body is None:
                filled, count = 0, self.link.receive_into_nowait(space)
            else:
                count = self.link.receive_into_nowait(body, space)
                filled = min(count, len(body))
                count -= filled
        except BlockingIOError:
            return False
        except OSError as error:
            self.lose(error.strerror or str(error))
            return True
        if filled:
            self._handle(self.session.filled, filled)
        elif not count:
            self.lose("the peer closed the connection" + (" in the midst of a frame" if body is not None else ""))
        if count > _KEPT:
            self._appetite.eat(self._take, space[:count], count)
        elif count:
            self._appetite.eat(self._take, bytes(space[:count]), count)
        return True

    def _space(self) -> memoryview:
        """Where to read to now."""
        return self._appetite.of(self.readiness.space, is_shared=self.readiness.is_shared)

    def _take(self, data: Buffer) -> None:
        self._handle(self.session.receive, data)

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
        try:
            self._act(take(what))
            self.flush()
            if self.room:
                self.room.unpark(count=max(0, self.session.caller.free_slots))
        except Exception:
            self.fail()
        if self._aborting is not None:
            self.abort(*self._aborting)
        if self._ending is not None:
            self.end(self._ending)
        elif self.session.waits_for is Waits.FRAME:
            self._frame_timer.start()

    # --- Acting --------------------------------------------------------------------------------------------------

    def _make_actions(self) -> tuple[Callable[[Any, Any], None], ...]:
        """What each event does, by its number."""
        actions: dict[Event, Callable[[Any, Any], None]] = {
            Event.HELLO: self._on_hello,
            Event.CALL: self.dispatcher.call,
            Event.GATHERING: self._on_gathering,
            Event.CANCEL: outcomes.cancel,
            Event.REPLY: outcomes.reply,
            Event.ERROR: outcomes.error,
            Event.ITEM: outcomes.item,
            Event.ITEMS_END: outcomes.items_end,
            Event.CREDIT: outcomes.credit,
            Event.NOTIFY: self._on_notify,
            Event.PING: self.pulse.take_ping,
            Event.PONG: self.pulse.take_pong,
            Event.GOAWAY: self._on_goaway,
            Event.BROKEN: self._on_broken,
            Event.ENDED: self._on_ended,
        }
        return tuple(actions[event] for event in Event)

    def _act(self, events: Events) -> None:
        """Do what the events say; this decides nothing about the protocol."""
        if not events:
            return
        assert not self._acting, "the steps of a connection are never entered twice"
        self._acting = True
        actions = self._actions
        left = iter(events)
        try:
            for event, record, value in left:
                actions[event](record, value)
                if self._ending is not None:
                    break
                if self._outbox.has_batch:
                    self.flush()
        finally:
            self._acting = False
            # Cut short, what is left is not begun; but calls that have ended in it are in no table any more.
            for event, record, value in left:
                if event is Event.REPLY or event is Event.ERROR:
                    actions[event](record, value)

    def _on_hello(self, record: None, settings: Settings) -> None:
        self.settings = settings
        self.opened.set()

    def _on_gathering(self, record: Incoming, value: None) -> None:
        record.owner = trio.current_time()
        self._frame_timer.gather(record)

    def _on_notify(self, record: None, value: list[Any]) -> None:
        method, metadata, payload = value
        self.dispatcher.notifications.take(method, metadata, payload, self.peer, self.client)

    def _on_goaway(self, record: None, value: tuple[int | None, int, str]) -> None:
        take_goaway(self, *value)

    def _on_broken(self, record: None, error: ProtocolError) -> None:
        self.counts.cut[error.reason.name.lower()] += 1
        break_off(self, error)

    def _on_ended(self, record: None, reason: str) -> None:
        pass

    async def drain(self) -> None:
        """Take no more calls, let those that are open end, and end; see `rpc.net.leaving`."""
        await drain(self)
