"""Streams of items from one process to the other.

Streams of a known number of items follow each other, and each is taken to its end: what still lies in a buffer has not
arrived.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.contender import Caller
from benchmarks.workload import Client, Measure, Turn
from benchmarks.workloads.measures import rates

__all__ = ["Stream"]

_SMALL, _BLOCKS = (500, 50_000), (20, 2000)  # items of the first stream of a turn, and at most of each other


@attrs.frozen
class Stream:
    """`size` is that of blocks of bytes; without it the items are small rising integers."""

    up: bool
    size: int = 0

    @property
    def name(self) -> str:
        items = f"{self.size // 1024} KiB" if self.size else "small items"
        return f"stream of {items}, {'up' if self.up else 'down'}"

    @property
    def measures(self) -> Sequence[Measure]:
        return rates("items")

    async def work(self, client: Client, turn: Turn) -> None:
        caller = await client.caller()
        least, most = _BLOCKS if self.size else _SMALL
        count = least
        turn.begin()
        while turn.lasts():
            assert await self._carry(caller, count) == count
            turn.count += count
            # The next stream fills what is left of the turn, and a slow one does not overrun it.
            count = min(max(least, int(turn.count * turn.left / (turn.allotted - turn.left))), most)

    async def _carry(self, caller: Caller, count: int) -> int:
        if self.up:
            return await (caller.take_blocks(count, self.size) if self.size else caller.take(count))
        taken = 0
        async for _ in caller.give_blocks(count, self.size) if self.size else caller.give(count):
            taken += 1
        return taken
