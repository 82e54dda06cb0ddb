"""The standard library's `multiprocessing.connection`: blocking, pickled values, one call at a time."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Client, Listener

import attrs

from benchmarks.contender import Turns


@attrs.frozen
class MultiprocessingConnection:
    name: str = "multiprocessing.connection, pickle"
    in_flight: int = 1

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        with Listener(path, "AF_UNIX") as listener:
            ready()
            with listener.accept() as connection:
                while True:
                    try:
                        a, b = connection.recv()
                    except EOFError:
                        return
                    connection.send(a + b)

    def drive(self, path: str, turns: Turns) -> None:
        with Client(path, "AF_UNIX") as connection:
            for turn in turns:
                while turn.lasts():
                    connection.send((1, 2))
                    assert connection.recv() == 3
                    turn.calls += 1
