"""asyncio, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from benchmarks.runtime import Start, Work

__all__ = ["Asyncio"]


class Asyncio:
    concurrent = True

    def run(self, main: Work) -> None:
        asyncio.run(main())

    async def readable(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        loop.add_reader(descriptor, event.set)
        try:
            await event.wait()
        finally:
            loop.remove_reader(descriptor)

    async def parallel(self, works: Sequence[Work], begin: Callable[[], None]) -> None:
        begin()
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work())

    @asynccontextmanager
    async def tasks(self) -> AsyncGenerator[Start]:
        async with asyncio.TaskGroup() as group:
            yield lambda work: _start(group, work)


def _start(group: asyncio.TaskGroup, work: Work) -> None:
    group.create_task(work())
