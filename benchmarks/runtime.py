"""What a client's coroutines run on: asyncio, trio, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

__all__ = ["Runtime", "Start", "Work"]

Work = Callable[[], Coroutine[Any, Any, None]]
Start = Callable[[Work], None]


class Runtime(Protocol):
    """How a client waits, and how it does several things at once. The workloads are written for all of them.

    Attributes:
        concurrent: work that was started as a task goes on while other work does.
    """

    concurrent: bool

    def run(self, main: Work) -> None:
        """Run the program of a client process to its end."""
        ...

    async def readable(self, descriptor: int) -> None:
        """Wait until there is something to read, while connections are served."""
        ...

    async def parallel(self, works: Sequence[Work], begin: Callable[[], None]) -> None:
        """Do all of these at the same time, from the moment when `begin` is called."""
        ...

    def tasks(self) -> AbstractAsyncContextManager[Start]:
        """A block in which work may be started at any time, and at whose end all of it is done.

        Where nothing runs at the same time, work is done when it is started.
        """
        ...
