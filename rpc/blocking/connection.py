"""A blocking connection: a session, a transport, and the threads that move bytes between while they wait.

There is no thread of its own: whoever waits for something reads, for all others too.

The rules:

1. One lock. The session, the transport and all that is here are touched with `lock` held, and by nobody for long:
   sends and reads under it do not wait. Who waits, for the socket or for its turn, has given the lock back.
2. One reader. A thread that has to wait takes the reading, if nobody has it, and acts on whatever comes until its own
   has come. Others park. Whoever stops waiting while nobody reads wakes one of those, which takes the reading.
3. Whoever queues something flushes it. What the socket did not take stays with the connection, and whoever waits next
   sends it on.
4. A step is whole or it is the end. What strikes in the midst of one (Ctrl-C between two lines of Python) ends the
   connection; where it strikes a thread that waits, only that thread's own call is given up.
5. The end is one step, `end`, that happens once: the session gives the last events, every thread that waits is woken,
   and the socket is closed when the last of them has let go of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from rpc.blocking.acting import actions_of
from rpc.blocking.transport import Transport, wait_for
from rpc.blocking.vigil import Vigil
from rpc.blocking.waiting import NEVER, Deadline, Gate, Waiter, reacquire
from rpc.errors import ProtocolError, Unavailable
from rpc.limits import Limits
from rpc.net.polling import Polling
from rpc.session.events import Events
from rpc.session.session import Session
from rpc.wire.payload import Buffer

__all__ = ["Connection", "scratch"]

_SPACE = 262_144
"""Bytes that are read at once, into space that is used again: new space for each read would cost more than it."""


class _Scratch(threading.local):
    """What a thread reads into: one space for all its connections, as none is in use when a read has been acted on."""

    def __init__(self) -> None:
        self.space = memoryview(bytearray(_SPACE))


scratch = _Scratch()

_KEPT = 65_536
"""Bytes up to which what was read is copied out of that space; of more, each frame is."""

_HELP = 0.05
"""Seconds that a thread which cannot read waits to send on, before it looks whether it may read by now."""


class Connection:
    """One connection to a server.

    Attributes:
        session: its state.
        transport: what it stands on, owned by the connection.
        lock: held by whoever touches anything here (rule 1); the methods expect it, unless they say otherwise.
        failure: why this side, or the peer, has broken it off.
        is_over: whether it has ended; then `end_reason` says why, as text for a person.
        peer_stops: whether the peer takes no more calls, and blames nobody: another one may take its place.
        pings: who waits for the answer to a ping, by its token.
        room: where threads wait for one of the peer's slots.
        vigil: what whoever waits watches.
    """

    def __init__(self, transport: Transport, session: Session, limits: Limits, polling: bool = True) -> None:
        self.transport = transport
        self.session = session
        self.lock = threading.Lock()
        self.failure: ProtocolError | None = None
        self.is_over = False
        self.peer_stops = False
        self.end_reason = ""
        self.pings: dict[int, Waiter] = {}
        self.room: list[Gate] = []
        self.vigil = Vigil(session, limits, transport.peer)
        self._rest: list[Buffer] = []
        self._polling = Polling(polling)
        self._parked: dict[Gate, None] = {}
        self._is_read = False
        self._is_mute = False
        self._is_left = False
        self._held = 0
        self._actions = actions_of(self)

    @property
    def is_idle(self) -> bool:
        """Whether it is of no use to anybody now: no call is open, and nobody waits for anything."""
        if self._is_read or self._held or self._parked:
            return False
        return all(record.owner is None for record in self.session.caller.calls.values())  # but for those given up

    # --- Waiting -------------------------------------------------------------------------------------------------

    def wait(self, gate: Gate, is_there: Callable[[], bool], deadline: Deadline) -> None:
        """Wait until `is_there`, or the connection is over; `gate` is opened by what may bring that about.

        Raises:
            TimeoutError: the deadline has passed.
        """
        try:
            while not (self.is_over or is_there()):
                if not self._is_read:
                    self._read_until(is_there, deadline)
                elif self._rest:
                    self._await(deadline, read=False, write=True, most=_HELP)
                    self.flush()
                else:
                    self._park(gate, deadline)
        finally:
            if self._parked and not self._is_read:
                next(iter(self._parked)).open()
            self.end_if_left()

    def _park(self, gate: Gate, deadline: Deadline) -> None:
        left = deadline.left()
        self._parked[gate] = None
        gate.shut()
        self.lock.release()
        try:
            gate.sleep(left)
        finally:
            try:
                reacquire(self.lock)
            finally:
                self._parked.pop(gate, None)

    def _await(self, deadline: Deadline, *, read: bool, write: bool, most: float | None = None) -> None:
        """Wait for the socket, without the lock; also no longer than the vigil allows."""
        bounds = [bound for bound in (deadline.left(), self.vigil.left(bool(self._rest)), most) if bound is not None]
        self._held += 1
        self.lock.release()
        try:
            wait_for(self.transport.socket, read=read, write=write, seconds=min(bounds) if bounds else None)
        finally:
            try:
                reacquire(self.lock)
            finally:
                self._held -= 1
                if self.is_over and not self._held:
                    self.transport.close()

    def _read_until(self, is_there: Callable[[], bool], deadline: Deadline) -> None:
        polling = self._polling
        self._is_read = True
        try:
            self.vigil.begin()
            while not (self.is_over or is_there()):
                if self._parked or self._rest:
                    # Others are to be read for, or want to send: they must not wait for the lock meanwhile.
                    self._read_when_ready(deadline)
                    continue
                if deadline is not NEVER:
                    deadline.left()  # which a peer that has much to say to others must not outrun
                is_polling = polling.starts()
                while is_polling and not self.pump():
                    is_polling = polling.goes_on()
                if is_polling or self._read_when_ready(deadline):
                    polling.arrived()
        finally:
            self._is_read = False

    def _read_when_ready(self, deadline: Deadline) -> bool:
        self._await(deadline, read=True, write=bool(self._rest))
        if self._rest:
            self.flush()
        if self.pump():
            return True
        reason = self.vigil.act(bool(self._rest))
        if reason is not None:
            self.end(reason)
        self.flush()
        return False

    # --- Reading -------------------------------------------------------------------------------------------------

    def pump(self) -> bool:
        """Read once without waiting, and act on it; False where nothing was there."""
        if self.is_over:
            return True
        session, space = self.session, scratch.space
        try:
            body = session.want()
            try:
                if body is None:
                    filled, count = 0, self.transport.receive_into(space)
                else:
                    count = self.transport.receive_into(body, space)
                    filled = min(count, len(body))
                    count -= filled
            except BlockingIOError:
                return False
            except OSError as error:
                self.end(self.transport.failure or error.strerror or str(error))
                return True
            if filled:
                self._act(session.filled(filled))
            elif not count:
                self.end("the peer closed the connection" + (" in the midst of a frame" if body is not None else ""))
            if count:
                self._act(session.receive(space[:count] if count > _KEPT else bytes(space[:count])))
            self.vigil.heard()
            self.flush()
            if self.failure is not None and not session.is_open:
                self.end(self.failure.message)  # it is broken, and its GOAWAY has left
            self.wake_waiting()
            self.end_if_left()
        except BaseException:
            self.end("this side was interrupted as it read")
            raise
        return True

    def look(self) -> None:
        """Read what has come, if nobody else does."""
        while not (self.is_over or self._is_read) and self.pump():
            pass

    # --- Writing -------------------------------------------------------------------------------------------------

    @property
    def is_flushed(self) -> bool:
        """Whether all that was queued was given to the socket."""
        return not (self._rest or self.session.has_output)

    def flush(self) -> None:
        """Send what is queued, as far as the socket takes it without waiting."""
        session = self.session
        try:
            while (self._rest or session.has_output) and not (self.is_over or self._is_mute):
                before = self._rest
                self._rest = self.transport.send(before or session.take())
                if self._rest:
                    session.unsent = sum(map(len, self._rest))
                    self.vigil.stalled(session.unsent, is_new=not before)
                    return
                session.sent()
        except OSError as error:
            self._end_unsent(error.strerror or str(error))
        except BaseException:
            self.end("this side was interrupted as it sent")
            raise

    def _end_unsent(self, reason: str) -> None:
        """The peer is gone; but what it said before it left is still to be read."""
        self._is_mute = True
        while not self.is_over and self.pump():
            pass
        self.end(self.transport.failure or reason)

    def wake_waiting(self) -> None:
        """Have those look again who wait for a slot of the peer's."""
        for gate in self.room:
            gate.open()

    # --- The end -------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Nobody begins anything here any more: it ends as soon as nobody has anything open."""
        self._is_left = True
        self.end_if_left()

    def end_if_left(self) -> None:
        """End it, if it was left and nobody needs it."""
        if self._is_left and self.is_idle:
            self.end("calls go by another connection")

    def end(self, reason: str) -> None:
        """End the connection at once; does nothing the second time."""
        if self.is_over:
            return
        self.is_over = True
        self.end_reason = reason
        self._rest = []
        self._act(self.session.lost(reason))
        for waiter in self.pings.values():
            waiter.fail(Unavailable(f"the connection ended: {reason}"))
        for gate in self._parked:  # who waits for a slot is among them
            gate.open()
        self.transport.shut()
        if not self._held:
            self.transport.close()

    # --- Acting --------------------------------------------------------------------------------------------------

    def _act(self, events: Events) -> None:
        """Do what the events say; this decides nothing about the protocol."""
        actions = self._actions
        for event, record, value in events:
            actions[event](record, value)
