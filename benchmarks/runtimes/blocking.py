"""No loop: coroutines that never wait, each in a thread of its own where several are to run at the same time."""

from __future__ import annotations

import select
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.runtime import Start, Work

__all__ = ["Blocking", "finish"]


def finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("a coroutine has waited, and there is no loop")


class Blocking:
    concurrent = False

    def run(self, main: Work) -> None:
        finish(main())

    async def readable(self, descriptor: int) -> None:
        select.select([descriptor], [], [])

    async def parallel(self, works: Sequence[Work], begin: Callable[[], None]) -> None:
        failures: list[BaseException] = []
        started = threading.Event()

        def thread(work: Work) -> None:
            started.wait()
            try:
                finish(work())
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=thread, args=(work,)) for work in works]
        for each in threads:
            each.start()
        begin()
        started.set()
        for each in threads:
            each.join()
        if failures:
            raise failures[0]

    @asynccontextmanager
    async def tasks(self) -> AsyncGenerator[Start]:
        yield lambda work: finish(work())
