"""This package, through its public face."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import trio

import rpc
from benchmarks.contender import Caller, Contender, Kind, Place
from benchmarks.runtimes.trio_loop import Trio

_calc = rpc.Service("calc")
_seen = {"notifications": 0, "cancelled": 0}


@_calc.method
def add(a: int, b: int) -> int:
    return a + b


@_calc.method
async def add_async(a: int, b: int) -> int:
    return a + b


@_calc.method
def upload(data: bytes) -> int:
    return len(data)


@_calc.method
def download(size: int) -> bytes:
    return bytes(size)


@_calc.method
def echo(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return records


@_calc.method
async def give(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@_calc.method
async def take(numbers: AsyncIterable[int]) -> int:
    count = 0
    async for _ in numbers:
        count += 1
    return count


@_calc.method
async def give_blocks(count: int, size: int) -> AsyncIterator[bytes]:
    block = bytes(size)
    for _ in range(count):
        yield block


@_calc.method
async def take_blocks(blocks: AsyncIterable[bytes]) -> int:
    count = 0
    async for _ in blocks:
        count += 1
    return count


@_calc.notification
def observe(name: str, value: float) -> None:
    _seen["notifications"] += 1


@_calc.method
async def sleep() -> None:
    try:
        await trio.sleep_forever()
    finally:
        _seen["cancelled"] += 1


@_calc.method
def seen(what: str) -> int:
    return _seen[what]


class _Caller(Caller):
    shared = True

    def __init__(self, client: rpc.Client, place: Place, stack: AsyncExitStack) -> None:
        self._client = client
        self._place = place
        self._stack = stack
        self._notifier: rpc.Notifier | None = None

    async def add(self, a: int, b: int) -> int:
        return await self._client.call(add, a, b)

    async def upload(self, data: bytes) -> int:
        return await self._client.call(upload, data)

    async def download(self, size: int) -> int:
        return len(await self._client.call(download, size))

    async def echo(self, records: Any) -> int:
        return len(await self._client.call(echo, records))

    async def give(self, count: int) -> AsyncIterator[object]:
        async with self._client.stream(give, count) as numbers:
            async for number in numbers:
                yield number

    async def take(self, count: int) -> int:
        return await self._client.call(take, give(count))

    async def give_blocks(self, count: int, size: int) -> AsyncIterator[object]:
        async with self._client.stream(give_blocks, count, size) as blocks:
            async for block in blocks:
                yield block

    async def take_blocks(self, count: int, size: int) -> int:
        return await self._client.call(take_blocks, give_blocks(count, size))

    async def notify(self, value: float) -> None:
        await self._client.notify(observe, "fps", value)

    async def send_datagram(self, value: float) -> None:
        if self._notifier is None:
            self._notifier = await self._stack.enter_async_context(rpc.notifier(_datagrams(self._place)))
        self._notifier.send(observe, "fps", value)

    async def notified(self) -> int:
        return await self._client.call(seen, "notifications")

    async def cancel(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._add_and_cancel, nursery.cancel_scope)
            await self._client.call(sleep)

    async def _add_and_cancel(self, scope: trio.CancelScope) -> None:
        await self.add(1, 2)
        scope.cancel()

    async def cancelled(self) -> int:
        return await self._client.call(seen, "cancelled")


class _AsyncCaller(Caller):
    """Only what differs where the handler is an ``async def``."""

    shared = True

    def __init__(self, client: rpc.Client, _: Place, __: AsyncExitStack) -> None:
        self._client = client

    async def add(self, a: int, b: int) -> int:
        return await self._client.call(add_async, a, b)


class Triorpc(Contender):
    kind = Kind.OURS
    runtime = Trio()

    def __init__(self, name: str, caller: Callable[[rpc.Client, Place, AsyncExitStack], Caller]) -> None:
        self.name = name
        self._caller = caller

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        trio.run(_serve, place, ready)

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        async with rpc.connect(f"unix:{place.path}") as client, AsyncExitStack() as stack:
            yield self._caller(client, place, stack)


async def _serve(place: Place, ready: Callable[[], None]) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, _calc, [f"unix:{place.path}", _datagrams(place)])
        ready()


def _datagrams(place: Place) -> str:
    return f"udp://127.0.0.1:{place.port}"


CONTENDERS = (Triorpc("triorpc", _Caller), Triorpc("triorpc, `async def` handler", _AsyncCaller))
