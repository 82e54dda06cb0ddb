"""RPyC: a thread for each connection; many calls are its asynchronous ones. All of them are answered.

Records are tuples, which RPyC sends by value; of lists and dictionaries it would send references.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, cast

from benchmarks.contender import Caller, Contender, Place, Record
from benchmarks.runtimes.blocking import Blocking


class _Calc:
    """To be joined with RPyC's own class."""

    def exposed_add(self, a: int, b: int) -> int:
        return a + b

    def exposed_upload(self, data: bytes) -> int:
        return len(data)

    def exposed_download(self, size: int) -> bytes:
        return bytes(size)

    def exposed_echo(self, records: Any) -> Any:
        return records

    def exposed_give(self, count: int) -> Iterator[int]:
        yield from range(count)


class _Caller(Caller):
    def __init__(self, root: Any, asynchronous: Callable[[Any], Any]) -> None:
        self._root = root
        self._add = asynchronous(root.add)

    async def add(self, a: int, b: int) -> int:
        return int(self._root.add(a, b))

    async def many(self, count: int, lasts: Callable[[], bool]) -> int:
        answered = 0
        waiting = deque(self._add(1, 2) for _ in range(count))
        while waiting:
            assert waiting.popleft().value == 3
            answered += 1
            if lasts():
                waiting.append(self._add(1, 2))
        return answered

    async def upload(self, data: bytes) -> int:
        return int(self._root.upload(data))

    async def download(self, size: int) -> int:
        return len(self._root.download(size))

    def natural(self, records: Sequence[Record]) -> Any:
        return tuple(tuple(map(_by_value, record.values())) for record in records)

    async def echo(self, records: Any) -> int:
        return len(self._root.echo(records))

    async def give(self, count: int) -> AsyncIterator[object]:
        for number in self._root.give(count):
            yield number


def _by_value(part: Any) -> Any:
    return tuple(cast("list[float]", part)) if isinstance(part, list) else part


class Rpyc(Contender):
    name = "RPyC"
    packages = ("rpyc",)
    runtime = Blocking()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        rpyc: Any = import_module("rpyc")
        service = type("Calc", (_Calc, rpyc.Service), {})
        server = import_module("rpyc.utils.server").ThreadedServer(service, socket_path=place.path, backlog=128)
        server.listener.listen(128)
        ready()
        server.start()

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        rpyc: Any = import_module("rpyc")
        with rpyc.utils.factory.unix_connect(place.path) as connection:
            yield _Caller(connection.root, rpyc.async_)


CONTENDERS = (Rpyc(),)
