"""`kill -9` of the server in the middle of calls."""

from __future__ import annotations

import random
from pathlib import Path

import attrs
import pytest
import trio

import rpc
from rpc.errors import Processed
from tests.faults.harness import Nest, Process, metronome, report, sized

ROUNDS = sized(200, 1000)


@attrs.define
class Ends:
    """How the calls of one round have ended, by their numbers; each within `longest` seconds of the kill."""

    answered: set[int] = attrs.field(factory=set)
    not_processed: set[int] = attrs.field(factory=set)
    unknown: set[int] = attrs.field(factory=set)
    killed: float = 0.0
    longest: float = 0.0
    number: int = 0


async def _call_on(client: rpc.Client, method: str, ends: Ends) -> None:
    """Make one call behind the other, until the connection is lost."""
    while True:
        ends.number += 1
        number = ends.number
        try:
            assert await client.call(method, number) == number
            ends.answered.add(number)
        except rpc.Unavailable as error:
            of_kind = {Processed.NOT_PROCESSED: ends.not_processed, Processed.UNKNOWN: ends.unknown}
            of_kind[error.processed].add(number)
            ends.longest = max(ends.longest, trio.current_time() - ends.killed)
            return


async def _round(server: Process, delay: float) -> Ends:
    ends = Ends()
    async with rpc.connect(server.bound[0]) as client:
        with trio.fail_after(delay + 10):
            async with trio.open_nursery() as nursery:
                for index in range(20):
                    method = "target.record" if index % 2 else "target.record_slowly"
                    nursery.start_soon(_call_on, client, method, ends)
                await trio.sleep(delay)
                server.kill()
                ends.killed = trio.current_time()
        try:
            await client.call("target.record", 0)
        except rpc.Unavailable as error:
            assert error.processed is Processed.NOT_PROCESSED  # noqa: PT017
    return ends


def _judge(ends: Ends, journal: Path) -> None:
    """Hold what the caller was told against what the journal has."""
    begun: list[int] = []
    done: set[int] = set()
    for line in journal.read_text().splitlines():
        word, number = line.split()
        if word == "begun":
            begun.append(int(number))
        else:
            done.add(int(number))
    assert len(begun) == len(set(begun)), "nothing ran twice"
    assert ends.answered <= done, "nothing that was answered is lost"
    assert not ends.not_processed & set(begun), "what is said not to have run has not"
    assert set(begun) <= ends.answered | ends.unknown


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
async def test_every_call_ends_and_is_told_the_truth(nest: Nest, scheme: str) -> None:
    chance = random.Random(scheme)
    answered = unknown = not_processed = 0
    longest = 0.0
    for _ in range(ROUNDS // 2):
        journal = nest.path("journal")
        address = "tcp://127.0.0.1:0" if scheme == "tcp" else f"unix:{nest.path('socket')}"
        async with nest.serving(address, journal=str(journal)) as server, metronome() as beats:
            ends = await _round(server, chance.uniform(0, 0.02))
        _judge(ends, journal)
        assert ends.longest < 1 + beats.late
        answered += len(ends.answered)
        unknown += len(ends.unknown)
        not_processed += len(ends.not_processed)
        longest = max(longest, ends.longest)
    assert answered > ROUNDS
    assert unknown > ROUNDS
    figures = {"answered": answered, "unknown": unknown, "not_processed": not_processed}
    report(f"kill -9 over {scheme}", rounds=ROUNDS // 2, longest_ms=longest * 1e3, **figures)
