"""Runs contenders against each other: all are alive at once and take turns.

So a slow spell of the machine hits them all, and the ratios hold where the rates do not. Each contender has a server
and a client process of its own; only one pair works at a time, and the others sleep.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import socket
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

from benchmarks.actor import Answer, Failed, Order, be_client, be_server
from benchmarks.contender import Contender, Place
from benchmarks.processes import kill_group
from benchmarks.workload import Round, Workload

__all__ = ["Pair", "Pinning", "arena", "play"]

_SPAWN = multiprocessing.get_context("spawn")
# A server that is ended has no time to clear away what it has shared with its own children.
os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
_START_TIMEOUT = 30.0  # a server that imports little is up in half a second, on a busy machine in a few
_TURN_TIMEOUT = 20.0  # beyond the turn itself
_WARM_UP = 0.1  # a part of a turn that comes before those that are counted


class Pinning(Enum):
    """Where the two processes of a pair run: what a lone call costs depends on little else."""

    NONE = "none"
    APART = "apart"
    TOGETHER = "together"


@attrs.define
class Pair:
    """The two processes of a contender, connected and at rest between turns."""

    contender: Contender
    server: SpawnProcess
    client: SpawnProcess
    control: Connection[Order | None, Answer]
    lost: str = ""

    def take_turn(self, workload: Workload, seconds: float) -> Round | Failed:
        """Let the client work for some seconds. One that does not answer in time, or has ended, gets no more turns."""
        if self.lost:
            return Failed(self.lost)
        try:
            self.control.send(Order(workload, seconds))
            if not self.control.poll(seconds + _TURN_TIMEOUT):
                self.lost = f"no answer in {workload.name!r}"
                return Failed(self.lost)
            return self.control.recv()
        except (EOFError, OSError):
            self.lost = f"the client ended in {workload.name!r}"
            return Failed(self.lost)


@contextmanager
def arena(contenders: Sequence[Contender], pinning: Pinning) -> Generator[list[Pair]]:
    """Start the processes of every contender, and end them all when the block is left.

    A server that does not start makes its pair one that is lost.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places = _places([str(Path(folder) / f"{number}.sock") for number in range(len(contenders))])
        starting = [
            stack.enter_context(_server(contender, place, pinning))
            for contender, place in zip(contenders, places, strict=True)
        ]
        yield [
            stack.enter_context(_pair(contender, place, *server, pinning))
            for contender, place, server in zip(contenders, places, starting, strict=True)
        ]


def play(
    pairs: Sequence[Pair],
    workload: Workload,
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
    warm_up: bool = True,
) -> list[list[Round] | Failed]:
    """Let all pairs take a turn of some seconds in each of the rounds; gives back the rounds of each pair.

    The order is drawn anew for each round, so that no contender always follows the same one. Unless told otherwise, a
    short round before them warms up and is not counted; who fails once takes no more turns. `progress` is told whose
    turn it is.
    """
    order = random.Random(0)
    results: list[list[Round] | Failed] = [[] for _ in pairs]
    for number in range(0 if warm_up else 1, rounds + 1):
        for index in order.sample(range(len(pairs)), len(pairs)):
            counted = results[index]
            if isinstance(counted, Failed):
                continue
            progress(f"{workload.name}: {number} of {rounds}, {pairs[index].contender.name}")
            turn = pairs[index].take_turn(workload, seconds if number else seconds * _WARM_UP)
            if isinstance(turn, Failed):
                results[index] = turn
            elif number:
                counted.append(turn)
    return results


@contextmanager
def _server(contender: Contender, place: Place, pinning: Pinning) -> Generator[tuple[SpawnProcess, Event]]:
    ready = _SPAWN.Event()
    with _process(be_server, (contender, place, ready), _processors(pinning)[0]) as server:
        yield server, ready


@contextmanager
def _pair(contender: Contender, place: Place, server: SpawnProcess, ready: Event, pinning: Pinning) -> Generator[Pair]:
    lost = "" if _started(server, ready) else "the server did not start; its traceback may stand above"
    control, client_end = _SPAWN.Pipe()
    with _process(be_client, (contender, place, _pid(server), client_end), _processors(pinning)[1]) as client:
        client_end.close()
        yield Pair(contender, server, client, control, lost)
        control.close()


def _started(server: SpawnProcess, ready: Event) -> bool:
    patience = time.monotonic() + _START_TIMEOUT
    while not ready.wait(0.1):
        if not server.is_alive() or time.monotonic() > patience:
            return False
    return True


@contextmanager
def _process(main: Callable[..., None], arguments: tuple[object, ...], cpu: set[int]) -> Generator[SpawnProcess]:
    process = _SPAWN.Process(target=main, args=arguments)
    process.start()
    try:
        os.sched_setaffinity(_pid(process), cpu)
        yield process
    finally:
        kill_group(_pid(process))
        process.kill()
        process.join()


def _places(paths: Sequence[str]) -> list[Place]:
    """A port for each path that nobody listens on: all are taken at the same time, so that none comes twice."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in paths]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [Place(path, each.getsockname()[1]) for path, each in zip(paths, sockets, strict=True)]


def _processors(pinning: Pinning) -> tuple[set[int], set[int]]:
    """Those of server and client."""
    every = os.sched_getaffinity(0)
    first, last = {min(every)}, {max(every)}
    if pinning is Pinning.TOGETHER:
        return first, first
    if pinning is Pinning.APART:
        return first, last
    return every, every


def _pid(process: SpawnProcess) -> int:
    assert process.pid is not None
    return process.pid
