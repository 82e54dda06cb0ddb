"""grpc.aio, of grpcio, with protobuf messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from benchmarks.contender import Caller, Contender, Place
from benchmarks.grpc_calc import OPTIONS, AsyncCaller, handlers, stubs
from benchmarks.protobuf import Messages, messages
from benchmarks.runtimes.asyncio_loop import Asyncio


class _Calc:
    """The handlers, by the names of their methods."""

    def __init__(self, of: Messages) -> None:
        self._of = of
        self._cancelled = 0

    async def Add(self, request: Any, _: object) -> Any:
        return self._of.Number(value=request.a + request.b)

    async def Upload(self, request: Any, _: object) -> Any:
        return self._of.Number(value=len(request.data))

    async def Download(self, request: Any, _: object) -> Any:
        return self._of.Data(data=bytes(request.value))

    async def Echo(self, request: Any, _: object) -> Any:
        return request

    async def Give(self, request: Any, _: object) -> AsyncIterator[Any]:
        for number in range(request.value):
            yield self._of.Number(value=number)

    async def Take(self, numbers: AsyncIterator[Any], _: object) -> Any:
        count = 0
        async for _ in numbers:
            count += 1
        return self._of.Number(value=count)

    async def GiveBlocks(self, request: Any, _: object) -> AsyncIterator[Any]:
        block = bytes(request.size)
        for _ in range(request.count):
            yield self._of.Data(data=block)

    async def TakeBlocks(self, blocks: AsyncIterator[Any], _: object) -> Any:
        return await self.Take(blocks, _)

    async def Sleep(self, request: Any, _: object) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            self._cancelled += 1

    async def Cancelled(self, request: Any, _: object) -> Any:
        return self._of.Number(value=self._cancelled)


class _Caller(AsyncCaller):
    async def give(self, count: int) -> AsyncIterator[object]:
        async for number in self.stubs["Give"](self.of.Number(value=count)):
            yield number.value

    async def take(self, count: int) -> int:
        return int((await self.stubs["Take"](self.numbers(count))).value)

    async def give_blocks(self, count: int, size: int) -> AsyncIterator[object]:
        async for block in self.stubs["GiveBlocks"](self.of.Blocks(count=count, size=size)):
            yield block.data

    async def take_blocks(self, count: int, size: int) -> int:
        return int((await self.stubs["TakeBlocks"](self.blocks(count, size))).value)


class GrpcAio(Contender):
    name = "grpc.aio"
    packages = ("grpcio", "protobuf")
    runtime = Asyncio()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        asyncio.run(_serve(place, ready))

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        aio: Any = import_module("grpc.aio")
        async with aio.insecure_channel(f"unix:{place.path}", options=OPTIONS) as channel:
            yield _Caller(stubs(channel), messages())


async def _serve(place: Place, ready: Callable[[], None]) -> None:
    aio: Any = import_module("grpc.aio")
    server = aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers([handlers(_Calc(messages()))])
    server.add_insecure_port(f"unix:{place.path}")
    await server.start()
    ready()
    await server.wait_for_termination()


CONTENDERS = (GrpcAio(),)
