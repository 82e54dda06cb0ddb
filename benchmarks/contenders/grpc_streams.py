"""grpc.aio streams of small items, with handlers and stubs of its own, and items that are bytes already.

No protobuf: the items are eight bytes each, made with `int.to_bytes`, so that what is measured is gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import Any

import attrs

from benchmarks.contender import Turns
from benchmarks.contenders.streams import Direction

_COUNT = 5_000  # items of one stream: about half a second


@attrs.frozen
class GrpcStreams:
    direction: Direction
    name: str = "grpc.aio"
    in_flight: int = 1

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        asyncio.run(self._serve(path, ready))

    async def _serve(self, path: str, ready: Callable[[], None]) -> None:
        grpc: Any = import_module("grpc.aio")
        plain: Any = import_module("grpc")
        server = grpc.server()
        methods = {
            "Give": plain.unary_stream_rpc_method_handler(_give),
            "Take": plain.stream_unary_rpc_method_handler(_take),
        }
        server.add_generic_rpc_handlers([plain.method_handlers_generic_handler("Items", methods)])
        server.add_insecure_port(f"unix:{path}")
        await server.start()
        ready()
        await server.wait_for_termination()

    def drive(self, path: str, turns: Turns) -> None:
        asyncio.run(self._drive(path, turns))

    async def _drive(self, path: str, turns: Turns) -> None:
        grpc: Any = import_module("grpc.aio")
        async with grpc.insecure_channel(f"unix:{path}") as channel:
            give, take = channel.unary_stream("/Items/Give"), channel.stream_unary("/Items/Take")
            for turn in turns:
                while turn.lasts():
                    if self.direction is Direction.OUT:
                        async for _ in give(_encode(_COUNT)):
                            turn.calls += 1
                    else:
                        turn.calls += _decode(await take(_give(_encode(_COUNT), None)))


async def _give(request: bytes, _: object) -> AsyncIterator[bytes]:
    for number in range(_decode(request)):
        yield _encode(number)


async def _take(items: AsyncIterator[bytes], _: object) -> bytes:
    count = 0
    async for item in items:
        _decode(item)
        count += 1
    return _encode(count)


def _encode(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _decode(item: bytes) -> int:
    return int.from_bytes(item, "big")
