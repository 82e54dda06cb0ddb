"""A program that connects, makes one call, and ends: how long that takes, and how much processor time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence

import attrs

from benchmarks.workload import Client, Measure, Round, Turn

__all__ = ["Startup"]


@attrs.frozen
class Startup:
    name: str = "start, one call, end"

    @property
    def measures(self) -> Sequence[Measure]:
        return (
            Measure("time", "ms", _milliseconds, less_is_better=True),
            Measure("processor", "ms", _processor, less_is_better=True),
        )

    async def work(self, client: Client, turn: Turn) -> None:
        await (await client.caller()).add(1, 2)  # unless that is not offered
        module = type(client.contender).__module__
        arguments = ["-m", "benchmarks.first_call", module, client.contender.name, *map(str, client.place)]
        before = _children()
        turn.begin()
        while not turn.count or turn.lasts():
            # Nothing else goes on in this process that could be held up.
            subprocess.run([sys.executable, *arguments], check=True, env={**os.environ, "PYTHONPATH": os.getcwd()})  # noqa: ASYNC221
            turn.count += 1
        turn.samples = [_children() - before]


def _milliseconds(turn: Round) -> float:
    return 1000 / turn.rate


def _processor(turn: Round) -> float:
    return 1000 * turn.samples[0] / turn.count


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
