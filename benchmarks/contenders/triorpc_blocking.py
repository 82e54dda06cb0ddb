"""This package's client for programs without trio, before the same server as the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from benchmarks.contender import Caller, Contender, Kind, Place
from benchmarks.runtimes.blocking import Blocking


class _Caller(Caller):
    shared = True

    def __init__(self, client: Any) -> None:
        self._client = client

    async def add(self, a: int, b: int) -> int:
        return int(self._client.call("calc.add", a, b))

    async def upload(self, data: bytes) -> int:
        return int(self._client.call("calc.upload", data))

    async def download(self, size: int) -> int:
        return len(self._client.call("calc.download", size))

    async def echo(self, records: Any) -> int:
        return len(self._client.call("calc.echo", records))

    async def give(self, count: int) -> AsyncIterator[object]:
        with self._client.stream("calc.give", count) as numbers:
            for number in numbers:
                yield number

    async def take(self, count: int) -> int:
        return int(self._client.call("calc.take", iter(range(count))))

    async def notify(self, value: float) -> None:
        self._client.notify("calc.observe", "fps", value)

    async def notified(self) -> int:
        return int(self._client.call("calc.seen", "notifications"))


class TriorpcBlocking(Contender):
    name = "triorpc, blocking client"
    kind = Kind.OURS
    runtime = Blocking()

    def missing(self) -> str | None:
        return None if find_spec("rpc.blocking") else "this version has no blocking client"

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        contenders: Any = import_module("benchmarks.contenders.triorpc").CONTENDERS
        contenders[0].serve(place, ready)

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        blocking: Any = import_module("rpc.blocking")
        with blocking.connect(f"unix:{place.path}") as client:
            yield _Caller(client)


CONTENDERS = (TriorpcBlocking(),)
