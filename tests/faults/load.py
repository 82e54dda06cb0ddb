"""Load whose answers are known: what is wrong is written down."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import attrs
import trio

import rpc

__all__ = ["Ledger", "work"]

_PATIENCE = 30.0
"""Seconds for anything that is asked of a server: what takes longer hangs."""


@attrs.define
class Ledger:
    """What was asked, and what came of it.

    Attributes:
        counts: how often each thing was done, or has happened.
        wrong: answers that are none, and whatever else must not be.
        last: the last number that was given to `record`.
        recorded: the numbers whose recording was answered.
        not_recorded: those that are said not to have run.
    """

    counts: Counter[str] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)
    last: int = 0
    recorded: set[int] = attrs.field(factory=set)
    not_recorded: set[int] = attrs.field(factory=set)

    def expect(self, what: str, answer: object, expected: object) -> None:
        self.counts["calls"] += 1
        if answer != expected:
            self.wrong.append(f"{what}: {str(answer)[:100]} in place of {str(expected)[:100]}")

    def judge(self, journal: Path) -> None:
        """Hold what callers were told against what the journal has."""
        lines = [line.split() for line in journal.read_text().splitlines()]
        begun = Counter(int(number) for word, number in lines if word == "begun")
        done = {int(number) for word, number in lines if word == "done"}
        twice = [number for number, count in begun.items() if count > 1]
        self.wrong += [f"{number} ran twice" for number in twice]
        self.wrong += [f"{number} was answered and is lost" for number in self.recorded - done]
        self.wrong += [f"{number} is said not to have run, and has" for number in self.not_recorded & set(begun)]


async def work(client: rpc.Client, chance: random.Random, ledger: Ledger, *, steady: bool, acts: int) -> None:
    """Do so many things; where the server is not `steady`, some of it may be lost, and that is counted."""
    for _ in range(acts):
        act = chance.choice(_ACTS)
        try:
            with trio.fail_after(_PATIENCE):
                await act(client, chance, ledger)
        except rpc.Unavailable as error:
            ledger.counts["lost"] += 1
            if steady:
                ledger.wrong.append(f"{act.__name__}: {error}")
            await trio.sleep(0.01)
        except (rpc.Error, trio.TooSlowError) as error:
            ledger.wrong.append(f"{act.__name__}: {error!r}")


async def _echo(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    data = chance.randbytes(chance.choice((10, 1000, 100_000, 400_000)))
    ledger.expect("echo", await client.call("target.echo", data), data)


async def _add(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    a, b = chance.randrange(10**6), chance.randrange(10**6)
    ledger.expect("add", await client.call("target.add", a, b), a + b)


async def _add_at_once(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    try:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(_add, client, chance, ledger)
    except* rpc.Unavailable as group:
        raise rpc.Unavailable(str(group.exceptions[0])) from group


async def _pour(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    count, size = chance.randrange(1, 20), chance.choice((10, 5000, 70_000))
    async with client.stream("target.pour", count, size) as items:
        sizes = [len(item) async for item in items]
    ledger.expect("pour", sizes, [size] * count)


async def _leave(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    """Leave a stream before its end."""
    async with client.stream("target.pour", 1000, 1000) as items:
        ledger.expect("leave", len(await anext(items)), 1000)


async def _gather(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    numbers = [chance.randrange(1000) for _ in range(chance.randrange(300))]

    async def each() -> AsyncIterator[int]:
        for number in numbers:
            yield number

    ledger.expect("gather", await client.call("target.gather", each()), sum(numbers))


async def _give_up(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    with trio.move_on_after(chance.uniform(0.001, 0.01)):
        await client.call("target.wait")
    ledger.counts["given up"] += 1


async def _note(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    number = chance.randrange(10**6)
    await client.notify("target.note", number, number * number)
    ledger.counts["noted"] += 1


async def _record(client: rpc.Client, chance: random.Random, ledger: Ledger) -> None:
    """Something that must not run twice, and is not lost once it was answered."""
    ledger.last += 1
    number = ledger.last
    try:
        method = chance.choice(("target.record", "target.record_slowly"))
        ledger.expect("record", await client.call(method, number), number)
        ledger.recorded.add(number)
    except rpc.Unavailable as error:
        if error.processed is rpc.Processed.NOT_PROCESSED:
            ledger.not_recorded.add(number)
        raise


_Act = Callable[[rpc.Client, random.Random, Ledger], Awaitable[None]]

_ACTS: list[Callable[[rpc.Client, random.Random, Ledger], Awaitable[None]]] = [
    _echo, _add, _add_at_once, _pour, _leave, _gather, _give_up, _note, _record,
]  # fmt: skip
