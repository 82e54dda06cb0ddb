"""The two sides: a service that times itself, in a process of its own, and a client that does."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

import rpc
from benchmarks.profile.steps import PLACES, STEPS
from benchmarks.profile.stopwatch import Stopwatch

__all__ = ["WORKLOADS", "Profile", "Side", "profile", "timed"]

timed = rpc.Service("timed")
_stopwatch = Stopwatch(PLACES)


@timed.method
def add(a: int, b: int) -> int:
    return a + b


@timed.method
async def add_async(a: int, b: int) -> int:
    return a + b


@timed.method
def watch(on: bool) -> None:
    """Begin or end to time what is done for connections that are made from now on."""
    _stopwatch.stop()
    if on:
        _stopwatch.start()


Times = tuple[float, dict[str, float]]
"""Seconds of processor time of a process in all, and what `Stopwatch.seconds` says."""


@timed.method
def begin() -> Times:
    """Forget what was timed."""
    _stopwatch.reset()
    return times.function()


@timed.method
def times() -> Times:
    """What was used since `begin`."""
    return time.process_time(), _stopwatch.seconds()


async def _one_at_a_time(client: rpc.Client, target: Any, count: int) -> None:
    for _ in range(count):
        await client.call(target, 1, 2)


async def _in_flight(client: rpc.Client, target: Any, count: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(64):
            nursery.start_soon(_one_at_a_time, client, target, count // 64)


WORKLOADS: dict[str, tuple[Callable[[rpc.Client, Any, int], Awaitable[None]], Any]] = {
    "one call at a time, def": (_one_at_a_time, add),
    "one call at a time, async def": (_one_at_a_time, add_async),
    "64 calls in flight, def": (_in_flight, add),
    "64 calls in flight, async def": (_in_flight, add_async),
}


@attrs.frozen
class Side:
    """Seconds of one call at one side: of processor time in all, and of each step by its name."""

    cpu: float
    steps: dict[str, float]

    @property
    def rest(self) -> float:
        """What no step accounts for."""
        return max(0.0, self.cpu - sum(self.steps.values()))


@attrs.frozen
class Profile:
    """One call of a workload: seconds by the clock, and both sides; medians of all rounds."""

    wall: float
    client: Side
    server: Side


async def profile(name: str, *, rounds: int = 7, count: int = 512, polling: bool = False) -> Profile:
    """Profile a workload: in each round first without the timers, for the whole, then with them, for the parts."""
    plain: list[_Turn] = []
    parts: list[_Turn] = []
    async with _server(polling) as address:
        for _ in range(rounds):
            for turns, is_timed in ((plain, False), (parts, True)):
                turns.append(await _turn(address, name, count, polling, is_timed))
    return Profile(
        statistics.median(turn.wall for turn in plain),
        Side(statistics.median(turn.cpu for turn in plain), _medians([turn.steps for turn in parts])),
        Side(statistics.median(turn.far_cpu for turn in plain), _medians([turn.far_steps for turn in parts])),
    )


@attrs.frozen
class _Turn:
    """Seconds of one call, of one turn."""

    wall: float
    cpu: float
    steps: dict[str, float]
    far_cpu: float
    far_steps: dict[str, float]


async def _turn(address: str, name: str, count: int, polling: bool, is_timed: bool) -> _Turn:
    run, target = WORKLOADS[name]
    async with rpc.connect(address, polling=polling) as client:
        await client.call(watch, is_timed)
    watch.function(is_timed)
    try:
        async with rpc.connect(address, polling=polling) as client:
            await run(client, target, count)
            far_before, _ = await client.call(begin)
            before, _ = begin.function()
            start = time.perf_counter()
            await run(client, target, count)
            wall = time.perf_counter() - start
            after, places = times.function()
            far_after, far_places = await client.call(times)
    finally:
        watch.function(False)
    return _Turn(
        wall / count,
        (after - before) / count,
        _by_step(places, count),
        (far_after - far_before) / count,
        _by_step(far_places, count),
    )


@asynccontextmanager
async def _server(polling: bool) -> AsyncGenerator[str]:
    """Serve in a process of its own; gives the address, which may not be there yet."""
    with tempfile.TemporaryDirectory() as place:
        address = f"unix:{place}/profile"
        words = [sys.executable, "-m", "benchmarks.profile.serve", address, *(["--polling"] if polling else [])]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.run_process, words)
            async with rpc.connect(address, wait=20):
                pass
            yield address
            nursery.cancel_scope.cancel()


def _by_step(places: dict[str, float], count: int) -> dict[str, float]:
    return {step.name: sum(places[place] for place in step.places) / count for step in STEPS}


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(steps[name] for steps in rounds) for name in rounds[0]}
