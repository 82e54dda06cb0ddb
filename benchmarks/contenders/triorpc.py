"""This package, through its public face."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

import rpc
from benchmarks.contender import Turn, Turns

_calc = rpc.Service("calc")


@_calc.method
def add(a: int, b: int) -> int:
    return a + b


@_calc.method
async def add_async(a: int, b: int) -> int:
    return a + b


@attrs.frozen
class Triorpc:
    in_flight: int
    name: str
    method: str

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        trio.run(_serve, path, ready)

    def drive(self, path: str, turns: Turns) -> None:
        trio.run(self._drive, path, turns)

    async def _drive(self, path: str, turns: Turns) -> None:
        async with rpc.connect(f"unix:{path}") as client:
            async for turn in turns:
                if self.in_flight == 1:
                    await self._call(client, turn)
                    continue
                async with trio.open_nursery() as nursery:
                    for _ in range(self.in_flight):
                        nursery.start_soon(self._call, client, turn)

    async def _call(self, client: rpc.Client, turn: Turn) -> None:
        while turn.lasts():
            assert await client.call(self.method, 1, 2) == 3
            turn.calls += 1


async def _serve(path: str, ready: Callable[[], None]) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, _calc, f"unix:{path}")
        ready()
