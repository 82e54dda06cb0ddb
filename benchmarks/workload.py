"""What is measured: how a client process spends a turn, and what is read from it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import attrs

from benchmarks.contender import Caller, Contender, Place
from benchmarks.processes import cpu_time

__all__ = ["Client", "Measure", "Round", "Turn", "Workload"]


@attrs.frozen
class Round:
    """What one turn came to.

    Attributes:
        count: how much was done.
        seconds: how long that took.
        client_cpu, server_cpu: seconds of processor time that each side used in that time.
        samples: what else was seen, where one number is not all of it.
    """

    count: float
    seconds: float
    client_cpu: float
    server_cpu: float
    samples: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        return self.count / self.seconds


@attrs.frozen
class Measure:
    """One figure of a round: what the tables call it, and whether less of it is better."""

    name: str
    unit: str
    of: Callable[[Round], float]
    less_is_better: bool = False


@attrs.define
class Turn:
    """A time to make calls in.

    Attributes:
        servers: the process ids of the server, whose processor time is counted.
        allotted: seconds; after them no call is begun, and those in flight are awaited.
        count: what was done; the workload counts.
        samples: what else the workload has seen.
    """

    _servers: Sequence[int]
    allotted: float
    count: float = 0
    samples: list[float] = attrs.field(factory=list[float])
    _started: float = attrs.field(init=False, default=0.0)
    _ended: float = attrs.field(init=False, default=0.0)
    _cpu: tuple[float, float] = attrs.field(init=False, default=(0.0, 0.0))

    def begin(self) -> None:
        """Start the clock: what has to be prepared is ready."""
        self._cpu = self._used()
        self._started = time.perf_counter()

    def lasts(self) -> bool:
        return time.perf_counter() < self._started + self.allotted

    @property
    def left(self) -> float:
        """Seconds until the turn is over; below zero when it is."""
        return self._started + self.allotted - time.perf_counter()

    def end(self) -> None:
        """Stop the clock, if something has to be cleared away; it is stopped at the end of the turn anyway."""
        self._ended = time.perf_counter()
        client, server = self._used()
        self._cpu = client - self._cpu[0], server - self._cpu[1]

    def outcome(self) -> Round:
        if not self._ended:
            self.end()
        return Round(self.count, self._ended - self._started, *self._cpu, tuple(self.samples))

    def _used(self) -> tuple[float, float]:
        return time.process_time(), cpu_time(self._servers)


class Client:
    """A client process's own side: its connection, and more of them where a workload asks."""

    def __init__(self, contender: Contender, place: Place, server_pid: int) -> None:
        self.contender = contender
        self.place = place
        self.server_pid = server_pid
        self.runtime = contender.runtime
        self._stack = AsyncExitStack()
        self._kept = AsyncExitStack()
        self._caller: Caller | None = None

    async def caller(self) -> Caller:
        """The connection that is kept from turn to turn."""
        if self._caller is None:
            self._caller = await self._stack.enter_async_context(self.contender.connect(self.place))
        return self._caller

    async def forget(self) -> None:
        """Close the connection that is kept: something has gone wrong over it, or no more turns come."""
        self._caller = None
        await self.release()
        await self._stack.aclose()

    async def keep(self, count: int) -> Sequence[Caller]:
        """Some more connections, which stay until the end of the workload, from turn to turn."""
        return [await self._kept.enter_async_context(self.contender.connect(self.place)) for _ in range(count)]

    async def release(self) -> None:
        """Close the connections that were kept for a workload."""
        await self._kept.aclose()

    @asynccontextmanager
    async def callers(self, count: int) -> AsyncGenerator[Sequence[Caller]]:
        """Some more connections, for as long as the block lasts."""
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(self.contender.connect(self.place)) for _ in range(count)]


class Workload(Protocol):
    """One thing to do. Objects are pickled into the client processes."""

    @property
    def name(self) -> str:
        """What the tables call it."""
        ...

    @property
    def measures(self) -> Sequence[Measure]:
        """What is told of it; the first is what contenders are compared by."""
        ...

    async def work(self, client: Client, turn: Turn) -> None:
        """Spend a turn.

        Raises:
            NotOfferedError: the contender has no such thing.
        """
        ...
