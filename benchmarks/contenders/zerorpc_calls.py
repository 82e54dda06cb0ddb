"""zerorpc: MessagePack over ZeroMQ, in gevent's greenlets. It has no calls that are not answered."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from benchmarks.contender import Caller, Contender, Place
from benchmarks.runtime import Work
from benchmarks.runtimes.blocking import Blocking, finish

_ASYNC = {"async": True}  # older than the keyword


class Greenlets(Blocking):
    """No loop that one sees; several things at once in greenlets."""

    async def parallel(self, works: Sequence[Work], begin: Callable[[], None]) -> None:
        gevent: Any = import_module("gevent")
        begin()
        gevent.joinall([gevent.spawn(_do, work) for work in works], raise_error=True)


def _do(work: Work) -> None:
    finish(work())


class _Calc:
    def add(self, a: int, b: int) -> int:
        return a + b

    def upload(self, data: bytes) -> int:
        return len(data)

    def download(self, size: int) -> bytes:
        return bytes(size)

    def echo(self, records: Any) -> Any:
        return records

    def give(self, count: int) -> Iterator[int]:
        yield from range(count)


class _Caller(Caller):
    def __init__(self, client: Any) -> None:
        self._client = client

    async def add(self, a: int, b: int) -> int:
        return int(self._client.add(a, b))

    async def many(self, count: int, lasts: Callable[[], bool]) -> int:
        answered = 0
        waiting = deque(self._client.add(1, 2, **_ASYNC) for _ in range(count))
        while waiting:
            assert waiting.popleft().get() == 3
            answered += 1
            if lasts():
                waiting.append(self._client.add(1, 2, **_ASYNC))
        return answered

    async def upload(self, data: bytes) -> int:
        return int(self._client.upload(data))

    async def download(self, size: int) -> int:
        return len(self._client.download(size))

    async def echo(self, records: Any) -> int:
        return len(self._client.echo(records))

    async def give(self, count: int) -> AsyncIterator[object]:
        for number in self._client.give(count):
            yield number


class Zerorpc(Contender):
    name = "zerorpc"
    packages = ("zerorpc",)
    runtime = Greenlets()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        zerorpc = _quiet()
        _Calc.give = zerorpc.stream(_Calc.give)  # type: ignore[method-assign]
        server = zerorpc.Server(_Calc())
        server.bind(f"ipc://{place.path}")
        ready()
        server.run()

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        zerorpc = _quiet()
        client = zerorpc.Client()
        client.connect(f"ipc://{place.path}")
        try:
            yield _Caller(client)
        finally:
            client.close()


def _quiet() -> Any:
    """Of what a stream still gets that has ended it tells as of a fault, unless it is told not to."""
    logging.disable(logging.WARNING)
    return import_module("zerorpc")


CONTENDERS = (Zerorpc(),)
