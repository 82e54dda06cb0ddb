"""Calls of `add` over one connection, a fixed number of them open at any moment."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.contender import Caller, NotOfferedError
from benchmarks.workload import Client, Measure, Turn
from benchmarks.workloads.measures import CALLS

__all__ = ["InFlight", "call"]


@attrs.frozen
class InFlight:
    count: int

    @property
    def name(self) -> str:
        return "one at a time" if self.count == 1 else f"{self.count} in flight"

    @property
    def measures(self) -> Sequence[Measure]:
        return CALLS

    async def work(self, client: Client, turn: Turn) -> None:
        caller = await client.caller()
        turn.begin()
        if self.count == 1:
            await call(caller, turn)
        elif type(caller).many is not Caller.many:
            turn.count = await caller.many(self.count, turn.lasts)
        elif caller.shared:
            await client.runtime.parallel([lambda: call(caller, turn)] * self.count, turn.begin)
        else:
            raise NotOfferedError


async def call(caller: Caller, turn: Turn) -> None:
    """Call again and again until the turn is over."""
    count = 0
    while turn.lasts():
        assert await caller.add(1, 2) == 3
        count += 1
    turn.count += count
