"""Pyro5 with marshal, its quickest serializer, and with MessagePack.

Its batches are many calls in one message, one batch after the other; marshal cannot carry them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from benchmarks.contender import Caller, Contender, Kind, Place
from benchmarks.runtimes.blocking import Blocking

_CONNECTIONS = 1000  # a thread for each


class Calc:
    def __init__(self) -> None:
        self._notified = 0

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

    def observe(self, name: str, value: float) -> None:
        self._notified += 1

    def notified(self) -> int:
        return self._notified


class _Caller(Caller):
    def __init__(self, proxy: Any, _: Any) -> None:
        self._proxy = proxy

    async def claim(self) -> None:
        self._proxy._pyroClaimOwnership()

    async def add(self, a: int, b: int) -> int:
        return int(self._proxy.add(a, b))

    async def upload(self, data: bytes) -> int:
        return int(self._proxy.upload(data))

    async def download(self, size: int) -> int:
        return len(self._proxy.download(size))

    async def echo(self, records: Any) -> int:
        return len(self._proxy.echo(records))

    async def give(self, count: int) -> AsyncIterator[object]:
        for number in self._proxy.give(count):
            yield number

    async def notify(self, value: float) -> None:
        self._proxy.observe("fps", value)

    async def notified(self) -> int:
        return int(self._proxy.notified())


class _BatchCaller(Caller):
    def __init__(self, proxy: Any, api: Any) -> None:
        self._proxy = proxy
        self._api = api

    async def many(self, count: int, lasts: Callable[[], bool]) -> int:
        answered = 0
        while lasts():
            batch = self._api.BatchProxy(self._proxy)
            for _ in range(count):
                batch.add(1, 2)
            for result in batch():
                assert result == 3
                answered += 1
        return answered


class Pyro(Contender):
    packages = ("Pyro5", "msgpack")
    runtime = Blocking()

    def __init__(
        self, name: str, serializer: str, caller: Callable[[Any, Any], Caller], kind: Kind = Kind.PEER
    ) -> None:
        self.name = name
        self.kind = kind
        self._serializer = serializer
        self._caller = caller

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        api = self._configured()
        Calc.observe = api.oneway(Calc.observe)  # type: ignore[method-assign]
        daemon = api.Daemon(unixsocket=place.path)
        daemon.register(api.expose(Calc)(), "calc")
        ready()
        daemon.requestLoop()

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        api = self._configured()
        with api.Proxy(f"PYRO:calc@./u:{place.path}") as proxy:
            yield self._caller(proxy, api)

    def _configured(self) -> Any:
        api: Any = import_module("Pyro5.api")
        api.config.SERIALIZER = self._serializer
        api.config.THREADPOOL_SIZE = _CONNECTIONS
        return api


CONTENDERS = (
    Pyro("Pyro5, marshal", "marshal", _Caller),
    Pyro("Pyro5, MessagePack", "msgpack", _Caller),
    Pyro("Pyro5, batches in one message", "msgpack", _BatchCaller, Kind.BATCH),
)
