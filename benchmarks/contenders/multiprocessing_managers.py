"""The standard library's `multiprocessing.managers`: proxies of an object in another process, with pickled values.

A proxy has a connection for each thread that uses it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from multiprocessing.managers import BaseManager
from typing import Any

from benchmarks.contender import Caller, Contender, Place
from benchmarks.runtimes.blocking import Blocking

_KEY = b"known to both"


class _Calc:
    def add(self, a: int, b: int) -> int:
        return a + b

    def upload(self, data: bytes) -> int:
        return len(data)

    def download(self, size: int) -> bytes:
        return bytes(size)

    def echo(self, records: Any) -> Any:
        return records


class _Manager(BaseManager):
    pass


_Manager.register("calc", _Calc)


class _Caller(Caller):
    own_connection = False

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy

    async def add(self, a: int, b: int) -> int:
        return int(self._proxy.add(a, b))

    async def upload(self, data: bytes) -> int:
        return int(self._proxy.upload(data))

    async def download(self, size: int) -> int:
        return len(self._proxy.download(size))

    async def echo(self, records: Any) -> int:
        return len(self._proxy.echo(records))


class MultiprocessingManagers(Contender):
    name = "multiprocessing.managers"
    runtime = Blocking()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        server = _Manager(place.path, _KEY).get_server()
        ready()
        server.serve_forever()

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        manager = _Manager(place.path, _KEY)
        manager.connect()
        calc: Any = manager
        yield _Caller(calc.calc())


CONTENDERS = (MultiprocessingManagers(),)
