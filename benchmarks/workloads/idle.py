"""Memory for connections over which nothing is said, in either process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks.contender import NotOfferedError
from benchmarks.processes import family
from benchmarks.workload import Client, Measure, Round, Turn

__all__ = ["Idle"]


@attrs.frozen
class Idle:
    count: int
    name: str = "memory of an idle connection"

    @property
    def measures(self) -> Sequence[Measure]:
        return (
            Measure("server", "KiB", _server, less_is_better=True),
            Measure("client", "KiB", _client, less_is_better=True),
        )

    async def work(self, client: Client, turn: Turn) -> None:
        if not (await client.caller()).own_connection:
            raise NotOfferedError
        before = _private(client.server_pid), _private(os.getpid())
        turn.begin()
        # They stay, so that those of the next turn cannot use their memory again.
        for caller in await client.keep(self.count):
            assert await caller.add(1, 2) == 3
        turn.end()
        after = _private(client.server_pid), _private(os.getpid())
        turn.count = self.count
        turn.samples = [(grown - was) / self.count for was, grown in zip(before, after, strict=True)]


def _server(turn: Round) -> float:
    return turn.samples[0]


def _client(turn: Round) -> float:
    return turn.samples[1]


def _private(pid: int) -> int:
    """KiB that a process and its children have for themselves."""
    return sum(map(_private_of_one, family(pid)))


def _private_of_one(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
