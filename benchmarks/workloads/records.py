"""A list of records there and back: what a codec costs, and little else."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.contender import Record
from benchmarks.workload import Client, Measure, Turn
from benchmarks.workloads.measures import CALLS

__all__ = ["Records"]


@attrs.frozen
class Records:
    count: int

    @property
    def name(self) -> str:
        return f"{self.count} records, echoed"

    @property
    def measures(self) -> Sequence[Measure]:
        return CALLS

    async def work(self, client: Client, turn: Turn) -> None:
        caller = await client.caller()
        records = caller.natural([_record(number) for number in range(self.count)])
        turn.begin()
        while turn.lasts():
            assert await caller.echo(records) == self.count
            turn.count += 1


def _record(number: int) -> Record:
    return {
        "id": number,
        "name": f"record {number}",
        "active": number % 2 == 0,
        "position": [number * 0.5, number * 0.25, -1.5],
    }
