"""A metrics agent: programs tell it numbers by UDP and forget about it; who wants to know asks over a Unix socket.

In two terminals, in the same directory::

    python examples/metrics.py
    python examples/metrics.py client

or, instead of the second, from the shell::

    rpc notify udp://127.0.0.1:9125 metrics.observe request.ms 12.5
    rpc call unix:metrics.sock metrics.summary request.ms

A program that sends to an agent which is not there loses its numbers and nothing else.
"""

from __future__ import annotations

import collections
import math
import random
import sys
from collections.abc import AsyncGenerator

import attrs
import trio

import rpc

OBSERVE = "udp://127.0.0.1:9125"
ASK = "unix:metrics.sock"

KEPT = 10_000
"""Observations of one name that are remembered, the newest."""

MOST_NAMES = 1_000
"""Names that are remembered: anybody on this host can send, so the memory has an end."""

metrics = rpc.Service("metrics")

Memory = dict[str, collections.deque[tuple[float, float]]]
"""Times and values, by name."""


@attrs.frozen
class Summary:
    count: int
    mean: float
    least: float
    most: float


@metrics.lifespan
async def open_memory() -> AsyncGenerator[Memory]:
    yield {}


@metrics.notification
def observe(context: rpc.Context[Memory], name: str, value: float) -> None:
    """Remember a value."""
    memory = context.state
    if name not in memory and len(memory) < MOST_NAMES:
        memory[name] = collections.deque(maxlen=KEPT)
    if name in memory:
        memory[name].append((trio.current_time(), value))


@metrics.method
def names(context: rpc.Context[Memory]) -> list[str]:
    """All names that were ever observed."""
    return sorted(context.state)


@metrics.method
def summary(context: rpc.Context[Memory], name: str, seconds: float = math.inf) -> Summary:
    """What was observed under a name within the last `seconds`."""
    since = trio.current_time() - seconds
    values = [value for time, value in context.state.get(name, ()) if time >= since]
    if not values:
        raise rpc.NotFound(f"nothing was observed under {name!r}")
    return Summary(len(values), sum(values) / len(values), min(values), max(values))


async def report(address: str = OBSERVE, count: int = 100) -> None:
    """A program that is observed: sending takes no await, and never an error for an agent that is not there."""
    async with rpc.notifier(address) as notifier:
        for _ in range(count):
            notifier.send(observe, "request.ms", random.expovariate(1 / 12))


async def show(address: str = ASK) -> None:
    """A dashboard, as plain as they come."""
    async with rpc.connect(address, wait=5) as client:
        for name in await client.call(names):
            seen = await client.call(summary, name)
            print(f"{name}: {seen.count} times, {seen.least:.1f} to {seen.most:.1f}, on average {seen.mean:.1f}")


async def main() -> None:
    await report()
    await show()


if __name__ == "__main__":
    if sys.argv[1:] == ["client"]:
        trio.run(main)
    else:
        rpc.run(metrics, [OBSERVE, ASK])
