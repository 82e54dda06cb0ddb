"""Measuring the workloads: the library's server and client, waiting and never polling, in one thread."""

from __future__ import annotations

import importlib
import queue
import tempfile
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from types import ModuleType

import trio

import rpc
from benchmarks.guard.counting import MEANINGS, counting, weighing
from benchmarks.guard.workloads import BLOCKING, WORKLOADS, Place, Workload, calc
from rpc.blocking import line
from rpc.net import handlers, options

__all__ = ["Counts", "measure", "measure_blocking"]

Counts = dict[str, float]
"""How much of each there was for one operation."""

_BUFFER = 65_536
"""Bytes in the kernel: what every system allows, so that a payload leaves in as many pieces everywhere."""

_HELD = 3600.0
"""Seconds for which a handler may hold the loop without a warning: it is the machine that is slow."""

_FRESH = 3600.0
"""Seconds in which a blocking client does not look whether its connection is there still: a slow machine is no news."""


def measure(workloads: tuple[Workload, ...] = WORKLOADS) -> dict[str, Counts]:
    """Count each workload, by its name."""
    with _fixed(options, "_UNIX_BUFFER", _BUFFER), _fixed(handlers, "_HELD", _HELD):
        return trio.run(_measure, workloads)


async def _measure(workloads: tuple[Workload, ...]) -> dict[str, Counts]:
    results: dict[str, Counts] = {}
    with tempfile.TemporaryDirectory() as directory:
        async with trio.open_nursery() as nursery:
            bind = [f"unix:{directory}/guard", f"unixgram:{directory}/datagrams"]
            address, datagrams = await nursery.start(partial(rpc.serve, calc, bind, polling=False))
            for workload in workloads:
                async with rpc.connect(address, polling=False) as client:
                    results[workload.name] = await _count(Place(client, address, datagrams), workload)
            nursery.cancel_scope.cancel()
    return results


async def _count(place: Place, workload: Workload) -> Counts:
    counts = Counter[str]()
    await workload.run(place, workload.count)  # what is made once is made now
    _draw_lots_anew()
    with counting(counts):
        await workload.run(place, workload.count)
    result = _of_one(counts, workload.count)
    weights = Counter[str]()
    with weighing(weights):
        await workload.run(place, workload.count)
    return result | {"peak": weights["peak"], "kept": weights["kept"] / workload.count}


def measure_blocking() -> dict[str, Counts]:
    """Count the calls of a blocking client; its server is in another thread, and not counted."""
    name, count, run = BLOCKING
    counts = Counter[str]()
    with (
        _fixed(line, "_FRESH", _FRESH),
        _serving() as address,
        rpc.blocking.connect(address, polling=False) as client,
    ):
        run(client, count)
        with counting(counts):
            run(client, count)
    return {name: _of_one(counts, count)}


@contextmanager
def _serving() -> Generator[str]:
    started: queue.Queue[tuple[str, trio.lowlevel.TrioToken]] = queue.Queue()
    stop = trio.Event()

    async def serve(directory: str) -> None:
        async with trio.open_nursery() as nursery:
            [address] = await nursery.start(
                partial(rpc.serve, calc, f"unix:{directory}/guard", polling=False, stop=stop)
            )
            started.put((address, trio.lowlevel.current_trio_token()))

    with tempfile.TemporaryDirectory() as directory:
        thread = threading.Thread(target=trio.run, args=(serve, directory), daemon=True)
        thread.start()
        address, token = started.get(timeout=10)
        try:
            yield address
        finally:
            token.run_sync_soon(stop.set)
            thread.join()


@contextmanager
def _fixed(module: ModuleType, name: str, value: float) -> Generator[None]:
    """Give a constant another value: one that machines do not differ in."""
    names = vars(module)
    usual, names[name] = names[name], value
    try:
        yield
    finally:
        names[name] = usual


def _draw_lots_anew() -> None:
    """Have trio, which runs the tasks of one pass in either order, draw the same lots in each run."""
    lots = vars(importlib.import_module("trio._core._run")).get("_r")
    if lots is not None:  # without it the counts of many calls at once scatter by 1 %
        lots.seed(0)


def _of_one(counts: Counter[str], count: int) -> Counts:
    return {what: counts[what] / count for what in MEANINGS if what in counts}
