"""What a way to call another process must offer to be measured: a file in ``contenders`` and a row in its table."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.connection import Connection
from typing import Protocol

import attrs
import trio

__all__ = ["Contender", "Outcome", "Turn", "Turns"]


@attrs.frozen
class Outcome:
    """What one turn came to: calls answered, and the seconds they took."""

    calls: int
    seconds: float


@attrs.define
class Turn:
    """A time to make calls in.

    Attributes:
        started, ends: on the clock of `time.perf_counter`. After `ends` no call is begun; those in flight are awaited.
        calls: those that were answered; the contender counts.
    """

    started: float
    ends: float
    calls: int = 0

    @classmethod
    def of(cls, seconds: float) -> Turn:
        now = time.perf_counter()
        return cls(now, now + seconds)

    def lasts(self) -> bool:
        return time.perf_counter() < self.ends

    def outcome(self) -> Outcome:
        return Outcome(self.calls, time.perf_counter() - self.started)


class Turns:
    """The turns of a client process: iterate to take them, in trio with ``async for``."""

    def __init__(self, control: Connection[Outcome, float | None]) -> None:
        """`control` receives the seconds of each turn, None after the last, and is told what each came to."""
        self._control = control

    def __iter__(self) -> Iterator[Turn]:
        while (seconds := self._control.recv()) is not None:
            turn = Turn.of(seconds)
            yield turn
            self._control.send(turn.outcome())

    async def __aiter__(self) -> AsyncIterator[Turn]:
        while True:
            # Only this task waits: between its turns, too, a client serves its connection.
            await trio.lowlevel.wait_readable(self._control.fileno())
            if (seconds := self._control.recv()) is None:
                return
            turn = Turn.of(seconds)
            yield turn
            self._control.send(turn.outcome())


class Contender(Protocol):
    """One way to call another process, with what it calls there.

    Objects are pickled into the two processes.
    """

    @property
    def name(self) -> str:
        """What the tables call it."""
        ...

    @property
    def in_flight(self) -> int:
        """How many calls the client has open at any moment."""
        ...

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        """Be the server process: listen on the Unix socket `path`, say so with `ready`, and serve until killed."""
        ...

    def drive(self, path: str, turns: Turns) -> None:
        """Be the client process: connect to the server at `path` and make calls in each of the turns."""
        ...
