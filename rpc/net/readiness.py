"""Readiness: who may read now, for all the connections of one server, or of all clients in an event loop.

On Linux one task waits for all plain sockets at once, on an epoll descriptor of its own: with many busy connections
one task is woken where a reader task for each would be, and the epoll call that each wait costs is spared. Everything
else (memory, pipes, other systems) has a reader task for each connection. A connection does not know which it has.

The flusher is here too: what was queued in one pass of the loop leaves in the next, in one send for each connection.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Protocol

import trio

from rpc.net.link import Link, SocketLink
from rpc.net.polling import IN_A_ROW, Polling
from rpc.net.watchman import Watchman

__all__ = ["Pumped", "Readiness"]

_BATCH = 64
"""Connections served in one pass of the loop, so that handlers and writers get their turn."""

_SPACE = 262_144 + 4096
"""Bytes of one read: a whole window of a stream, so that a fast sender's items are taken in one pass of the loop; or a
whole fragment, and the head of the next, which then goes straight to its place."""

_OFFSET = 2048
"""Where in a page the space begins. Large blocks begin within the first 64 bytes of one, and a copy whose target is in
its page 1 to 31 bytes behind its source takes 12 times as long on some processors (measured, AMD)."""

_READS = 8
"""Reads in a row of a frame that has come in part: 2 MiB of a payload that is cut into frames."""

_TURNS = 3
"""Passes of the loop for tasks that were woken, when nobody knows yet whether they will wait: for a handler, for
callers whose next calls leave in the pass behind theirs, and for those that these have woken. With 8 calls in flight
that, and to poll then, is 1.3 times as quick as 2 passes, behind which the peer is waited for (measured)."""

_OTHERS = 2
"""Other clients that wait, from which one task for all is quicker than to read, and poll, by oneself. With two callers
who are each alone on their connection it is 0.8 as quick, with three or four the same, with eight 1.4 (measured)."""

_STREAK = 8
"""Reads of one connection and no other, behind which other clients' calls do not count: they take long, it seems."""

_HAS_EPOLL = hasattr(select, "epoll")


_space: trio.lowlevel.RunVar[memoryview] = trio.lowlevel.RunVar("rpc.space")


def _space_of_this_run() -> memoryview:
    """The one space of all connections in this event loop: what was read is acted on before anything else is read."""
    try:
        return _space.get()
    except LookupError:
        space = memoryview(bytearray(_OFFSET + _SPACE))[_OFFSET:]
        _space.set(space)
        return space


class Pumped(Protocol):
    """What is read and flushed: a connection."""

    link: Link
    polling: Polling
    nursery: trio.Nursery

    @property
    def is_quiet(self) -> bool:
        """Whether no call is open in either direction, and no handler runs."""
        ...

    @property
    def waits_for_peer(self) -> bool:
        """Whether no handler runs, and all that there was to say was sent; calls of this side may be open."""
        ...

    @property
    def is_amid(self) -> bool:
        """Whether a large frame has come in part."""
        ...

    def pump(self) -> bool:
        """Read once without waiting, and act on it; False where nothing was there."""
        ...

    def pump_data(self, data: bytes | bytearray) -> None:
        """Act on what a reader task has read; ``b""`` is the end of the stream."""
        ...

    def flush(self) -> None:
        """Send what is queued, as far as it goes without waiting."""
        ...


class Readiness:
    """The reading and flushing of a group of connections; `run` must be running.

    Args:
        is_polling: whether its connections may poll; see `rpc.net.polling`.
        is_of_clients: whether peers say nothing unless they are called, so that one which is not called just now needs
            nobody who looks for what it says.

    Attributes:
        is_polling: as above.
        space: what plain sockets are read into, one after the other: new space for each read would cost more than
            the read, and one for each client a quarter of a MiB.
        watchman: looks after those that are idle.

    Its tasks are `run` (three: the epoll waiter, the flusher, and the watchman while there is something to watch), and
    a reader task in the connection's own nursery for each connection that is no plain socket.
    """

    def __init__(self, is_polling: bool = True, *, is_of_clients: bool = False) -> None:
        self.is_polling = is_polling
        self._is_of_clients = is_of_clients
        self._callers: set[Pumped] = set()
        self._heard: Pumped | None = None
        self._in_a_row = 0
        self.space = _space_of_this_run()
        self.watchman = Watchman()
        self._epoll = select.epoll() if _HAS_EPOLL else None
        self._by_descriptor: dict[int, Pumped] = {}
        self._dirty: dict[Pumped, None] = {}
        self._flusher: trio.lowlevel.Task | None = None

    async def run(self) -> None:
        """Serve until cancelled; closes the epoll descriptor at the end."""
        try:
            await self.run_for_a_while()
        finally:
            self.close()

    async def run_for_a_while(self) -> None:
        """Serve until cancelled, and leave all as it is: another task may go on with it."""
        try:
            async with trio.open_nursery() as nursery:
                self.watchman.start(nursery)
                nursery.start_soon(self._flush_forever)
                if self._epoll is not None:
                    nursery.start_soon(self._pump_forever, self._epoll)
        finally:
            self.watchman.stop()

    def close(self) -> None:
        """Close the epoll descriptor; nothing is read here any more."""
        epoll, self._epoll = self._epoll, None
        if epoll is not None:
            trio.lowlevel.notify_closing(epoll.fileno())
            epoll.close()

    # --- Reading -------------------------------------------------------------------------------------------------

    def others_wait(self, connection: Pumped) -> bool:
        """Whether there are other plain sockets that whoever reads this one for long would keep waiting.

        Of clients at least two, with something open, where not all of the last reads were of this one.
        """
        if not self._is_of_clients:
            return len(self._by_descriptor) > 1
        if connection is self._heard and self._in_a_row >= _STREAK:
            return False
        busy, quiet = 0, list[Pumped]()
        for other in self._callers:
            if other.is_quiet:
                quiet.append(other)
            elif other is not connection:
                busy += 1
                if busy == _OTHERS:
                    return True
        self._callers.difference_update(quiet)
        return False

    def add(self, connection: Pumped, nursery: trio.Nursery) -> None:
        """Begin to read a connection."""
        link = connection.link
        if self._epoll is not None and isinstance(link, SocketLink):
            descriptor = link.socket.fileno()
            self._by_descriptor[descriptor] = connection
            self._epoll.register(descriptor, select.EPOLLIN)
        else:
            nursery.start_soon(self._read_forever, connection)

    def remove(self, connection: Pumped) -> None:
        """Read a connection no more; its link must still be open."""
        self._dirty.pop(connection, None)
        self._callers.discard(connection)
        if connection is self._heard:
            self._heard = None
        link = connection.link
        if self._epoll is not None and isinstance(link, SocketLink):
            descriptor = link.socket.fileno()
            if self._by_descriptor.pop(descriptor, None) is not None:
                self._epoll.unregister(descriptor)

    def heard(self, connection: Pumped) -> None:
        """Something was read from a connection."""
        self._in_a_row = self._in_a_row + 1 if connection is self._heard else 0
        self._heard = connection

    def lend(self, connection: Pumped) -> bool:
        """Lend the reading of a connection to the task that asks; False where that cannot be, or others wait.

        Who polls for one connection keeps all others waiting, and one task that is woken for many sockets is quicker
        than many that wait for their own.
        """
        link = connection.link
        if self._epoll is None or not isinstance(link, SocketLink):
            return False
        self._callers.add(connection)
        if self.others_wait(connection):
            return False
        self._epoll.modify(link.socket.fileno(), 0)
        return True

    def take_back(self, connection: Pumped) -> None:
        """Take the reading back; what has come meanwhile is seen, since epoll tells levels."""
        link = connection.link
        if self._epoll is not None and isinstance(link, SocketLink):
            self._epoll.modify(link.socket.fileno(), select.EPOLLIN)

    async def _pump_forever(self, epoll: select.epoll) -> None:
        descriptor = epoll.fileno()
        while True:
            # Levels are told, so what was left over makes this return at once, after others had their turn.
            await trio.lowlevel.wait_readable(descriptor)
            ready = epoll.poll(0, _BATCH)
            for number, _ in ready:
                # A number may have been closed, and even given to another socket, earlier in this batch: that
                # connection then finds nothing to read.
                connection = self._by_descriptor.get(number)
                if connection is None:
                    continue
                try:
                    connection.polling.arrived()
                    connection.pump()
                    if len(ready) == 1:
                        self.read_on(connection)
                        if not connection.is_amid and not (self._is_of_clients and self.others_wait(connection)):
                            await self._poll(connection)
                except trio.Cancelled:
                    raise
                except BaseException as error:
                    _raise_at(connection, error)

    def read_on(self, connection: Pumped) -> None:
        """Read on where a large frame has come in part, and nobody else waits: most of it is there already."""
        reads = 1
        while reads < _READS and connection.is_amid and not self.others_wait(connection) and connection.pump():
            reads += 1

    async def _poll(self, connection: Pumped) -> None:
        """Look for what a lone peer sends next, as long as nobody else here has anything to do."""
        found = 0
        while await self._is_settled(connection) and connection.polling.starts():
            while not connection.pump():
                if not connection.polling.goes_on():
                    return
            connection.polling.arrived()
            found += 1
            if self._is_of_clients and self.others_wait(connection):
                return
            if not found % IN_A_ROW:
                if len(self._by_descriptor) > 1:
                    return  # others have waited long enough to be looked at
                await trio.lowlevel.checkpoint()

    async def _is_settled(self, connection: Pumped) -> bool:
        """Whether only its peer can bring news to a connection, once the tasks that were woken have had their turns.

        What comes meanwhile is read: with a few calls in flight, to wait for it anew costs more than the calls.
        """
        turns = 0
        while not (connection.is_quiet and self._flusher is not None):
            if turns == _TURNS:
                return connection.waits_for_peer and self._flusher is not None
            await trio.lowlevel.checkpoint()
            turns += 1
            if turns > 1 and connection.waits_for_peer and not self.others_wait(connection) and connection.pump():
                connection.polling.arrived()
                turns = 0
        return True

    async def _read_forever(self, connection: Pumped) -> None:
        link = connection.link
        if isinstance(link, SocketLink):
            while not link.is_closed:
                try:
                    await link.wait_readable()
                except trio.ClosedResourceError:
                    return
                connection.pump()
            return
        while True:
            try:
                data = await link.receive_some()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            connection.pump_data(data)
            if not data:
                return

    # --- Writing -------------------------------------------------------------------------------------------------

    def mark(self, connection: Pumped) -> None:
        """Have a connection flushed in the next pass of the loop, with all that is queued until then."""
        self._dirty[connection] = None
        if self._flusher is not None:
            flusher, self._flusher = self._flusher, None
            trio.lowlevel.reschedule(flusher)

    async def _flush_forever(self) -> None:
        def forget(_: Callable[[], None]) -> trio.lowlevel.Abort:
            self._flusher = None
            return trio.lowlevel.Abort.SUCCEEDED

        while True:
            if not self._dirty:
                self._flusher = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(forget)
            dirty, self._dirty = self._dirty, {}
            for connection in dirty:
                try:
                    connection.flush()
                except BaseException as error:
                    _raise_at(connection, error)
            if self._dirty:
                await trio.lowlevel.checkpoint()


def _raise_at(connection: Pumped, error: BaseException) -> None:
    """Have whoever owns a connection see what was raised while it was served, in a task that serves others too.

    What is no failure of this library comes from a handler, or with a signal: a KeyboardInterrupt.
    """

    async def fail() -> None:
        raise error

    connection.nursery.start_soon(fail)
