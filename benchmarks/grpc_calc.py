"""What the three ways to use gRPC have in common: the methods, and the client's side of those that are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple

from benchmarks.contender import Caller, Record
from benchmarks.protobuf import Messages, messages

__all__ = ["OPTIONS", "AsyncCaller", "Kind", "handlers", "methods", "natural", "stubs"]

OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # a connection for each channel
)


class Kind(NamedTuple):
    """Whether requests and answers are streams, and their classes."""

    request_stream: bool
    answer_stream: bool
    request: Any
    answer: Any


def methods(of: Messages) -> Mapping[str, Kind]:
    return {
        "Add": Kind(False, False, of.Pair, of.Number),
        "Upload": Kind(False, False, of.Data, of.Number),
        "Download": Kind(False, False, of.Number, of.Data),
        "Echo": Kind(False, False, of.Records, of.Records),
        "Give": Kind(False, True, of.Number, of.Number),
        "Take": Kind(True, False, of.Number, of.Number),
        "GiveBlocks": Kind(False, True, of.Blocks, of.Data),
        "TakeBlocks": Kind(True, False, of.Data, of.Number),
        "Sleep": Kind(False, False, of.Empty, of.Empty),
        "Cancelled": Kind(False, False, of.Empty, of.Number),
    }


def natural(of: Messages, records: Sequence[Record]) -> Any:
    return of.Records(records=[of.Record(**record) for record in records])


def handlers(calc: object) -> Any:
    """What protoc would generate for a server, for those methods that `calc` has."""
    grpc: Any = import_module("grpc")
    forms = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
    }
    table = {
        name: forms[kind.request_stream, kind.answer_stream](
            getattr(calc, name),
            request_deserializer=kind.request.FromString,
            response_serializer=kind.answer.SerializeToString,
        )
        for name, kind in methods(messages()).items()
        if hasattr(calc, name)
    }
    return grpc.method_handlers_generic_handler("calc.Calc", table)


def stubs(channel: Any) -> dict[str, Any]:
    """What protoc would generate for a client."""
    forms = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
    }
    return {
        name: forms[kind.request_stream, kind.answer_stream](
            f"/calc.Calc/{name}",
            request_serializer=kind.request.SerializeToString,
            response_deserializer=kind.answer.FromString,
        )
        for name, kind in methods(messages()).items()
    }


class AsyncCaller(Caller):
    """Calls by stubs that are awaited with a message, and give one."""

    shared = True

    def __init__(self, stubs: Mapping[str, Any], of: Messages) -> None:
        self.stubs = stubs
        self.of = of

    async def add(self, a: int, b: int) -> int:
        return int((await self.stubs["Add"](self.of.Pair(a=a, b=b))).value)

    async def upload(self, data: bytes) -> int:
        return int((await self.stubs["Upload"](self.of.Data(data=data))).value)

    async def download(self, size: int) -> int:
        return len((await self.stubs["Download"](self.of.Number(value=size))).data)

    def natural(self, records: Sequence[Record]) -> Any:
        return natural(self.of, records)

    async def echo(self, records: Any) -> int:
        return len((await self.stubs["Echo"](records)).records)

    async def cancel(self) -> None:
        sleeping = asyncio.ensure_future(self.stubs["Sleep"](self.of.Empty()))
        await asyncio.sleep(0)  # so that it is the first to be sent
        await self.add(1, 2)
        sleeping.cancel()
        with suppress(asyncio.CancelledError):
            await sleeping

    async def cancelled(self) -> int:
        return int((await self.stubs["Cancelled"](self.of.Empty())).value)

    async def numbers(self, count: int) -> AsyncIterator[Any]:
        """What `take` sends."""
        for number in range(count):
            yield self.of.Number(value=number)

    async def blocks(self, count: int, size: int) -> AsyncIterator[Any]:
        """What `take_blocks` sends."""
        block = bytes(size)
        for _ in range(count):
            yield self.of.Data(data=block)
