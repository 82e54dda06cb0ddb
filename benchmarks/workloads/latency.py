"""How long calls take that are made at a fixed rate, whether the ones before have been answered or not.

Each is counted from the moment when it was due, so what holds up the client is part of it, and a slow answer counts
for all that it delays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial

import attrs

from benchmarks.contender import Caller, NotOfferedError
from benchmarks.ticks import ticks
from benchmarks.workload import Client, Measure, Round, Turn

__all__ = ["Latency"]

_LONGER = 4  # times as long as other turns: few calls have no percentiles


@attrs.frozen
class Latency:
    rate: int

    @property
    def name(self) -> str:
        return f"latency at {self.rate:,} calls/s"

    @property
    def measures(self) -> Sequence[Measure]:
        return (
            Measure("p50", "us", partial(_percentile, 0.5), less_is_better=True),
            Measure("p99", "us", partial(_percentile, 0.99), less_is_better=True),
            Measure("p99.9", "us", partial(_percentile, 0.999), less_is_better=True),
        )

    async def work(self, client: Client, turn: Turn) -> None:
        caller = await client.caller()
        if client.runtime.concurrent and not caller.shared:
            raise NotOfferedError
        samples = turn.samples
        interval = 1 / self.rate
        calls = max(1, round(_LONGER * turn.allotted * self.rate))
        async with client.runtime.tasks() as start:
            turn.begin()
            with ticks(interval) as (clock, first):
                due = 0
                while due < calls:
                    await client.runtime.readable(clock)
                    for _ in range(min(int.from_bytes(os.read(clock, 8), "little"), calls - due)):
                        start(partial(_call, caller, first + due * interval, samples))
                        due += 1
        turn.count = len(samples)


async def _call(caller: Caller, due: float, samples: list[float]) -> None:
    assert await caller.add(1, 2) == 3
    samples.append(time.monotonic() - due)


def _percentile(part: float, turn: Round) -> float:
    ordered = sorted(turn.samples)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1e6
