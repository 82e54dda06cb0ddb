"""Many connections, with one call open on each of them at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs

from benchmarks.contender import Caller
from benchmarks.workload import Client, Measure, Turn
from benchmarks.workloads.in_flight import call
from benchmarks.workloads.measures import CALLS

__all__ = ["Connections"]


@attrs.frozen
class Connections:
    count: int

    @property
    def name(self) -> str:
        return f"{self.count} connections, one call each"

    @property
    def measures(self) -> Sequence[Measure]:
        return CALLS

    async def work(self, client: Client, turn: Turn) -> None:
        async with client.callers(self.count) as callers:
            for caller in callers:
                assert await caller.add(1, 2) == 3  # several connect with their first call only
            await client.runtime.parallel([partial(_call, caller, turn) for caller in callers], turn.begin)
            turn.end()
            for caller in callers:
                await caller.claim()


async def _call(caller: Caller, turn: Turn) -> None:
    await caller.claim()
    await call(caller, turn)
