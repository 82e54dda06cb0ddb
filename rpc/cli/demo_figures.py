"""The table of ``rpc demo``: latencies and calls per second, measured where it runs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import attrs
import click
import trio

__all__ = ["HEADER", "Figures", "measure", "row"]

Call = Callable[[], Awaitable[object]]

HEADER = f"  {'':24}{'median':>12}{'p99':>14}{'calls/s':>12}"


@attrs.frozen
class Figures:
    """What was measured of one kind of call.

    Attributes:
        latencies: of every call in seconds, the quickest first; at least one.
        elapsed: seconds for all of them.
    """

    latencies: list[float]
    elapsed: float

    @property
    def rate(self) -> float:
        """Calls per second."""
        return len(self.latencies) / self.elapsed

    def quantile(self, part: float) -> float:
        """The latency within which this part of the calls was answered."""
        return self.latencies[min(int(len(self.latencies) * part), len(self.latencies) - 1)]


async def measure(call: Call, *, in_flight: int, seconds: float) -> Figures:
    """Call for some seconds, with so many tasks that each make one call after the other."""
    latencies: list[float] = []
    clock = time.perf_counter
    begin = clock()
    end = begin + seconds

    async def caller() -> None:
        before = clock()
        while True:
            await call()
            after = clock()
            latencies.append(after - before)
            if after >= end:
                return
            before = after

    async with trio.open_nursery() as nursery:
        for _ in range(in_flight):
            nursery.start_soon(caller)
    return Figures(sorted(latencies), clock() - begin)


def row(what: str, figures: Figures) -> str:
    """One line of the table."""
    median, most = (f"{figures.quantile(part) * 1000:.2f} ms" for part in (0.5, 0.99))
    return f"  {what:24}{median:>12}{most:>14}{click.style(f'{figures.rate:>12,.0f}', bold=True)}"
