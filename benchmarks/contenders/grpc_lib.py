"""grpclib: gRPC written in Python, in asyncio, with protobuf messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from benchmarks.contender import Caller, Contender, Place
from benchmarks.grpc_calc import AsyncCaller, methods
from benchmarks.protobuf import Messages, messages
from benchmarks.runtimes.asyncio_loop import Asyncio


class _Calc:
    """The handlers, by the names of their methods."""

    def __init__(self, of: Messages) -> None:
        self._of = of
        self._cancelled = 0

    async def Add(self, stream: Any) -> None:
        request = await stream.recv_message()
        await stream.send_message(self._of.Number(value=request.a + request.b))

    async def Upload(self, stream: Any) -> None:
        request = await stream.recv_message()
        await stream.send_message(self._of.Number(value=len(request.data)))

    async def Download(self, stream: Any) -> None:
        request = await stream.recv_message()
        await stream.send_message(self._of.Data(data=bytes(request.value)))

    async def Echo(self, stream: Any) -> None:
        await stream.send_message(await stream.recv_message())

    async def Give(self, stream: Any) -> None:
        request = await stream.recv_message()
        for number in range(request.value):
            await stream.send_message(self._of.Number(value=number))

    async def Take(self, stream: Any) -> None:
        count = 0
        async for _ in stream:
            count += 1
        await stream.send_message(self._of.Number(value=count))

    async def GiveBlocks(self, stream: Any) -> None:
        request = await stream.recv_message()
        block = bytes(request.size)
        for _ in range(request.count):
            await stream.send_message(self._of.Data(data=block))

    async def TakeBlocks(self, stream: Any) -> None:
        await self.Take(stream)

    async def Sleep(self, stream: Any) -> None:
        await stream.recv_message()
        try:
            await asyncio.Event().wait()
        finally:
            self._cancelled += 1

    async def Cancelled(self, stream: Any) -> None:
        await stream.recv_message()
        await stream.send_message(self._of.Number(value=self._cancelled))

    def __mapping__(self) -> dict[str, Any]:
        """What protoc would generate."""
        const: Any = import_module("grpclib.const")
        return {
            f"/calc.Calc/{name}": const.Handler(
                getattr(self, name), _cardinality(kind.request_stream, kind.answer_stream), kind.request, kind.answer
            )
            for name, kind in methods(self._of).items()
        }


def _cardinality(request_stream: bool, answer_stream: bool) -> Any:
    const: Any = import_module("grpclib.const")
    return const.Cardinality[f"{_form(request_stream)}_{_form(answer_stream)}"]


def _form(stream: bool) -> str:
    return "STREAM" if stream else "UNARY"


class _Caller(AsyncCaller):
    async def give(self, count: int) -> AsyncIterator[object]:
        async with self.stubs["Give"].open() as stream:
            await stream.send_message(self.of.Number(value=count), end=True)
            async for number in stream:
                yield number.value

    async def take(self, count: int) -> int:
        return await self._send("Take", self.numbers(count))

    async def give_blocks(self, count: int, size: int) -> AsyncIterator[object]:
        async with self.stubs["GiveBlocks"].open() as stream:
            await stream.send_message(self.of.Blocks(count=count, size=size), end=True)
            async for block in stream:
                yield block.data

    async def take_blocks(self, count: int, size: int) -> int:
        return await self._send("TakeBlocks", self.blocks(count, size))

    async def _send(self, name: str, items: AsyncIterator[Any]) -> int:
        async with self.stubs[name].open() as stream:
            async for item in items:
                await stream.send_message(item)
            await stream.end()
            return int((await stream.recv_message()).value)


class Grpclib(Contender):
    name = "grpclib"
    packages = ("grpclib", "protobuf")
    runtime = Asyncio()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        asyncio.run(_serve(place, ready))

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        client: Any = import_module("grpclib.client")
        forms = {
            (False, False): client.UnaryUnaryMethod,
            (False, True): client.UnaryStreamMethod,
            (True, False): client.StreamUnaryMethod,
        }
        async with client.Channel(path=place.path) as channel:
            stubs = {
                name: forms[kind.request_stream, kind.answer_stream](
                    channel, f"/calc.Calc/{name}", kind.request, kind.answer
                )
                for name, kind in methods(messages()).items()
            }
            yield _Caller(stubs, messages())


async def _serve(place: Place, ready: Callable[[], None]) -> None:
    server = import_module("grpclib.server").Server([_Calc(messages())])
    await server.start(path=place.path)
    ready()
    await server.wait_closed()


CONTENDERS = (Grpclib(),)
