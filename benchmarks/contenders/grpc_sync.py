"""grpcio as it is used without asyncio: a pool of threads serves, and threads call over one channel.

A handler does not learn that its call was cancelled.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from benchmarks.contender import Caller, Contender, Place, Record
from benchmarks.grpc_calc import OPTIONS, handlers, natural, stubs
from benchmarks.protobuf import Messages, messages
from benchmarks.runtimes.blocking import Blocking

_THREADS = 64


class _Calc:
    """The handlers, by the names of their methods."""

    def __init__(self, of: Messages) -> None:
        self._of = of

    def Add(self, request: Any, _: object) -> Any:
        return self._of.Number(value=request.a + request.b)

    def Upload(self, request: Any, _: object) -> Any:
        return self._of.Number(value=len(request.data))

    def Download(self, request: Any, _: object) -> Any:
        return self._of.Data(data=bytes(request.value))

    def Echo(self, request: Any, _: object) -> Any:
        return request

    def Give(self, request: Any, _: object) -> Iterator[Any]:
        for number in range(request.value):
            yield self._of.Number(value=number)

    def Take(self, numbers: Iterator[Any], _: object) -> Any:
        return self._of.Number(value=sum(1 for _ in numbers))

    def GiveBlocks(self, request: Any, _: object) -> Iterator[Any]:
        block = bytes(request.size)
        for _ in range(request.count):
            yield self._of.Data(data=block)

    def TakeBlocks(self, blocks: Iterator[Any], _: object) -> Any:
        return self.Take(blocks, _)


class _Caller(Caller):
    shared = True

    def __init__(self, stubs: dict[str, Any], of: Messages) -> None:
        self._stubs = stubs
        self._of = of

    async def add(self, a: int, b: int) -> int:
        return int(self._stubs["Add"](self._of.Pair(a=a, b=b)).value)

    async def upload(self, data: bytes) -> int:
        return int(self._stubs["Upload"](self._of.Data(data=data)).value)

    async def download(self, size: int) -> int:
        return len(self._stubs["Download"](self._of.Number(value=size)).data)

    def natural(self, records: Sequence[Record]) -> Any:
        return natural(self._of, records)

    async def echo(self, records: Any) -> int:
        return len(self._stubs["Echo"](records).records)

    async def give(self, count: int) -> AsyncIterator[object]:
        for number in self._stubs["Give"](self._of.Number(value=count)):
            yield number.value

    async def take(self, count: int) -> int:
        return int(self._stubs["Take"](self._of.Number(value=number) for number in range(count)).value)

    async def give_blocks(self, count: int, size: int) -> AsyncIterator[object]:
        for block in self._stubs["GiveBlocks"](self._of.Blocks(count=count, size=size)):
            yield block.data

    async def take_blocks(self, count: int, size: int) -> int:
        block = bytes(size)
        return int(self._stubs["TakeBlocks"](self._of.Data(data=block) for _ in range(count)).value)


class GrpcSync(Contender):
    name = "grpcio"
    packages = ("grpcio", "protobuf")
    runtime = Blocking()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        grpc: Any = import_module("grpc")
        server = grpc.server(ThreadPoolExecutor(_THREADS), options=OPTIONS)
        server.add_generic_rpc_handlers([handlers(_Calc(messages()))])
        server.add_insecure_port(f"unix:{place.path}")
        server.start()
        ready()
        server.wait_for_termination()

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        grpc: Any = import_module("grpc")
        with grpc.insecure_channel(f"unix:{place.path}", options=OPTIONS) as channel:
            yield _Caller(stubs(channel), messages())


CONTENDERS = (GrpcSync(),)
