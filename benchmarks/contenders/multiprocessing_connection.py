"""The standard library's `multiprocessing.connection`: blocking, pickled values, one message at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

from benchmarks.blocking_messages import MessageCaller, Server
from benchmarks.contender import Caller, Contender, Place
from benchmarks.runtimes.blocking import Blocking


class _Pickled:
    def __init__(self, connection: Connection[tuple[str, Any], tuple[str, Any]]) -> None:
        self._connection = connection
        self.receive = connection.recv

    def send(self, letter: str, value: Any) -> None:
        self._connection.send((letter, value))

    def send_many(self, letter: str, values: Sequence[Any]) -> None:
        for value in values:
            self._connection.send((letter, value))


class MultiprocessingConnection(Contender):
    name = "multiprocessing.connection"
    runtime = Blocking()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        server = Server()
        with Listener(place.path, "AF_UNIX", backlog=128) as listener:
            ready()
            while True:
                server.start(_Pickled(listener.accept()))

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        with Client(place.path, "AF_UNIX") as connection:
            yield MessageCaller(_Pickled(connection))


CONTENDERS = (MultiprocessingConnection(),)
