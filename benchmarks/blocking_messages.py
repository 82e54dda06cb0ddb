"""Messages over one blocking connection, each a letter and a value: for what has no calls of its own.

The letters: A add, U upload, D download, E echo, G give a stream, T take a stream, N notification, S how many
notifications were seen. A stream of G ends after as many items as were asked for, that of T says how many come.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from benchmarks.contender import Caller

__all__ = ["Channel", "MessageCaller", "Server", "accept_forever"]


class Channel(Protocol):
    """What carries messages."""

    def send(self, letter: str, value: Any) -> None: ...

    def send_many(self, letter: str, values: Sequence[Any]) -> None:
        """Several small messages, in batches if it can."""
        ...

    def receive(self) -> tuple[str, Any]:
        """The next message.

        Raises:
            EOFError: the other side has closed.
        """
        ...


class MessageCaller(Caller):
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def add(self, a: int, b: int) -> int:
        return int(self._ask("A", (a, b)))

    async def upload(self, data: bytes) -> int:
        return int(self._ask("U", data))

    async def download(self, size: int) -> int:
        return len(self._ask("D", size))

    async def echo(self, records: Any) -> int:
        return len(self._ask("E", records))

    async def give(self, count: int) -> AsyncIterator[object]:
        self._channel.send("G", (count, 0))
        for _ in range(count):
            yield self._channel.receive()[1]

    async def take(self, count: int) -> int:
        self._channel.send("T", count)
        self._channel.send_many("T", range(count))
        return int(self._channel.receive()[1])

    async def give_blocks(self, count: int, size: int) -> AsyncIterator[object]:
        self._channel.send("G", (count, size))
        for _ in range(count):
            yield self._channel.receive()[1]

    async def take_blocks(self, count: int, size: int) -> int:
        block = bytes(size)
        self._channel.send("T", count)
        for _ in range(count):
            self._channel.send("T", block)
        return int(self._channel.receive()[1])

    async def notify(self, value: float) -> None:
        self._channel.send("N", ("fps", value))

    async def notified(self) -> int:
        return int(self._ask("S", 0))

    def _ask(self, letter: str, value: Any) -> Any:
        self._channel.send(letter, value)
        return self._channel.receive()[1]


class Server:
    """A thread for each connection, as blocking servers have."""

    def __init__(self) -> None:
        self.notifications = 0

    def start(self, channel: Channel) -> None:
        threading.Thread(target=self._serve, args=(channel,), daemon=True).start()

    def _serve(self, channel: Channel) -> None:
        try:
            while True:
                self._answer(channel, *channel.receive())
        except (EOFError, ConnectionError):
            return

    def _answer(self, channel: Channel, letter: str, value: Any) -> None:
        if letter == "A":
            a, b = value
            channel.send(letter, a + b)
        elif letter == "U":
            channel.send(letter, len(value))
        elif letter == "D":
            channel.send(letter, bytes(value))
        elif letter == "E":
            channel.send(letter, value)
        elif letter == "G":
            _give(channel, *value)
        elif letter == "T":
            for _ in range(value):
                channel.receive()
            channel.send(letter, value)
        elif letter == "N":
            self.notifications += 1
        else:
            channel.send(letter, self.notifications)


def _give(channel: Channel, count: int, size: int) -> None:
    if size:
        block = bytes(size)
        for _ in range(count):
            channel.send("G", block)
    else:
        channel.send_many("G", range(count))


def accept_forever(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Hand each connection on."""
    while True:
        connection, _ = listener.accept()
        serve(connection)
