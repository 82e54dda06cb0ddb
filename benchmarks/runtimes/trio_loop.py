"""trio, as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from benchmarks.runtime import Start, Work

__all__ = ["Trio"]


class Trio:
    concurrent = True

    def run(self, main: Work) -> None:
        trio.run(main)

    async def readable(self, descriptor: int) -> None:
        await trio.lowlevel.wait_readable(descriptor)

    async def parallel(self, works: Sequence[Work], begin: Callable[[], None]) -> None:
        begin()
        async with trio.open_nursery() as nursery:
            for work in works:
                nursery.start_soon(work)

    @asynccontextmanager
    async def tasks(self) -> AsyncGenerator[Start]:
        async with trio.open_nursery() as nursery:
            yield nursery.start_soon
