"""A server for those who do not belong: its handlers tell when they run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

import rpc

__all__ = ["Doors", "served"]


class Doors:
    """A service with a handler of each kind, all of which tell when they run."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.service = service = rpc.Service("door")

        @service.method
        def open(*numbers: int) -> str:
            self.ran.append("open")
            return "come in"

        @service.method
        async def wait() -> None:
            self.ran.append("wait")

        @service.method
        async def stream() -> AsyncIterator[int]:
            self.ran.append("stream")
            yield 1

        @service.notification
        def ring() -> None:
            self.ran.append("ring")


@asynccontextmanager
async def served(doors: Doors, bind: str, **options: Any) -> AsyncGenerator[str]:
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(doors.service, bind, task_status=task_status, **options)

        [address] = await nursery.start(serve)
        yield address
        nursery.cancel_scope.cancel()
