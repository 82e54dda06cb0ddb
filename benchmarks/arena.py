"""Runs contenders against each other: all are alive at once and take turns.

So a slow spell of the machine hits them all, and the ratios hold where the rates do not. Each contender has a server
and a client process of its own; only one pair works at a time, and the others sleep.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import attrs

from benchmarks.contender import Contender, Outcome, Turns

__all__ = ["Pair", "Pinning", "Round", "arena", "play"]

_SPAWN = multiprocessing.get_context("spawn")
_START_TIMEOUT = 30.0  # a server that imports little is up in half a second, on a busy machine in a few


class Pinning(Enum):
    """Where the two processes of a pair run: what a lone call costs depends on little else."""

    NONE = "none"
    APART = "apart"
    TOGETHER = "together"


@attrs.frozen
class Round:
    """One contender's turn: calls answered, seconds they took, and seconds of processor time that each side used."""

    calls: int
    seconds: float
    client_cpu: float
    server_cpu: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


@attrs.frozen
class Pair:
    """The two processes of a contender, connected and at rest between turns."""

    contender: Contender
    server: SpawnProcess
    client: SpawnProcess
    control: Connection[float | None, Outcome]

    def take_turn(self, seconds: float) -> Round:
        """Let the client make calls for some seconds.

        Raises:
            RuntimeError: the client has ended.
        """
        before = _cpu_time(self.client), _cpu_time(self.server)
        self.control.send(seconds)
        try:
            outcome = self.control.recv()
        except EOFError:
            raise RuntimeError(f"the client of {self.contender.name!r} has ended, see its traceback above") from None
        after = _cpu_time(self.client), _cpu_time(self.server)
        return Round(outcome.calls, outcome.seconds, after[0] - before[0], after[1] - before[1])


@contextmanager
def arena(contenders: Sequence[Contender], pinning: Pinning) -> Generator[list[Pair]]:
    """Start the processes of every contender, and end them all when the block is left."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield [
            stack.enter_context(_pair(contender, str(Path(folder) / f"{number}.sock"), pinning))
            for number, contender in enumerate(contenders)
        ]


def play(pairs: Sequence[Pair], *, rounds: int, seconds: float, progress: Callable[[int], None]) -> list[list[Round]]:
    """Let all pairs take a turn of some seconds in each of the rounds; gives back the rounds of each pair.

    The order is drawn anew for each round, so that no contender always follows the same one. A first round warms up
    and is not counted. `progress` is told the number of rounds that are done.
    """
    order = random.Random(0)
    results: list[list[Round]] = [[] for _ in pairs]
    for number in range(rounds + 1):
        for index in order.sample(range(len(pairs)), len(pairs)):
            turn = pairs[index].take_turn(seconds)
            if number:
                results[index].append(turn)
        progress(number)
    return results


@contextmanager
def _pair(contender: Contender, path: str, pinning: Pinning) -> Generator[Pair]:
    with ExitStack() as stack:
        server_cpu, client_cpu = _places(pinning)
        ready = _SPAWN.Event()
        server = stack.enter_context(_process(_be_server, (contender, path, ready), server_cpu))
        if not ready.wait(_START_TIMEOUT):
            raise RuntimeError(f"the server of {contender.name!r} did not start")
        control, client_end = _SPAWN.Pipe()
        client = stack.enter_context(_process(_be_client, (contender, path, client_end), client_cpu))
        client_end.close()
        yield Pair(contender, server, client, control)
        control.send(None)
        client.join(_START_TIMEOUT)


@contextmanager
def _process(main: Callable[..., None], arguments: tuple[object, ...], cpu: set[int]) -> Generator[SpawnProcess]:
    process = _SPAWN.Process(target=main, args=arguments, daemon=True)
    process.start()
    try:
        os.sched_setaffinity(_pid(process), cpu)
        yield process
    finally:
        process.kill()
        process.join()


def _be_server(contender: Contender, path: str, ready: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the process that started us
    contender.serve(path, ready.set)


def _be_client(contender: Contender, path: str, control: Connection[Outcome, float | None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    contender.drive(path, Turns(control))


def _places(pinning: Pinning) -> tuple[set[int], set[int]]:
    """The processors of server and client."""
    every = os.sched_getaffinity(0)
    first, last = {min(every)}, {max(every)}
    if pinning is Pinning.TOGETHER:
        return first, first
    if pinning is Pinning.APART:
        return first, last
    return every, every


def _cpu_time(process: SpawnProcess) -> float:
    """Seconds of processor time that a process has used, to the nanosecond: Linux has a clock for each process."""
    cpuclock_sched = 2
    return time.clock_gettime((~_pid(process) << 3) | cpuclock_sched)


def _pid(process: SpawnProcess) -> int:
    assert process.pid is not None
    return process.pid
