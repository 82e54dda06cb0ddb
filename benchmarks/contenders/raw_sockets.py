"""Blocking sockets with length-prefixed frames: what the kernel takes, without any codec and with cbor2.

The first is given its answers: it sends as many bytes as an answer would have. The least that any call costs.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from threading import Thread
from typing import Any

import cbor2

from benchmarks.blocking_messages import MessageCaller, Server, accept_forever
from benchmarks.contender import Caller, Contender, Kind, NotOfferedError, Place, Record
from benchmarks.runtimes.blocking import Blocking

_HEAD = 4
_CHUNK = 65536
_BATCH = 64  # small messages that are sent at once


class Frames:
    """Reads frames from a socket: small ones from a buffer, large ones straight to where they stay."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = memoryview(b"")

    def next(self) -> memoryview:
        size = int.from_bytes(self._take(_HEAD), "big")
        return self._take(size)

    def _take(self, size: int) -> memoryview:
        rest = self._rest
        if len(rest) >= size:
            self._rest = rest[size:]
            return rest[:size]
        if size <= _CHUNK:
            while len(rest) < size:
                rest = memoryview(b"".join((rest, self._receive())))
            self._rest = rest[size:]
            return rest[:size]
        whole = bytearray(size)
        view = memoryview(whole)
        view[: len(rest)] = rest
        read = len(rest)
        self._rest = memoryview(b"")
        while read < size:
            count = self._connection.recv_into(view[read:])
            if not count:
                raise EOFError
            read += count
        return view

    def _receive(self) -> bytes:
        data = self._connection.recv(_CHUNK)
        if not data:
            raise EOFError
        return data


class Cbor:
    """A channel whose messages are CBOR arrays of letter and value."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = Frames(connection)

    def send(self, letter: str, value: Any) -> None:
        self._connection.sendall(frame(cbor2.dumps((letter, value))))

    def receive(self) -> tuple[str, Any]:
        letter, value = cbor2.loads(self._frames.next())
        return letter, value

    def send_many(self, letter: str, values: Sequence[Any]) -> None:
        for start in range(0, len(values), _BATCH):
            batch = values[start : start + _BATCH]
            self._connection.sendall(b"".join([frame(cbor2.dumps((letter, value))) for value in batch]))


class Bare:
    """A channel without codec: a byte for the letter, eight for each integer, and bytes as they are."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = Frames(connection)

    def send(self, letter: str, value: Any) -> None:
        body = value if isinstance(value, bytes) else _packed(value)
        head = (len(body) + 1).to_bytes(_HEAD, "big") + letter.encode()
        if len(body) < _CHUNK:
            self._connection.sendall(head + body)
            return
        sent = self._connection.sendmsg([head, body])
        if sent < len(head) + len(body):
            self._connection.sendall(memoryview(body)[sent - len(head) :])

    def receive(self) -> tuple[str, Any]:
        body = self._frames.next()
        return chr(body[0]), _unpacked(body[1:])

    def send_many(self, letter: str, values: Sequence[Any]) -> None:
        head = letter.encode()
        for start in range(0, len(values), _BATCH):
            batch = values[start : start + _BATCH]
            self._connection.sendall(b"".join([frame(head + _packed(value)) for value in batch]))


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(_HEAD, "big") + body


def _packed(value: int | tuple[Any, ...]) -> bytes:
    parts = value if isinstance(value, tuple) else (value,)
    return b"".join([int(part).to_bytes(8, "big") for part in parts if not isinstance(part, str)])


def _unpacked(body: memoryview) -> Any:
    if len(body) == 8:
        return int.from_bytes(body, "big")
    if len(body) == 16:
        return int.from_bytes(body[:8], "big"), int.from_bytes(body[8:], "big")
    return body


class _Caller(MessageCaller):
    def __init__(self, channel: Cbor | Bare, datagrams: socket.socket) -> None:
        super().__init__(channel)
        self._messages = channel
        self._datagrams = datagrams

    async def many(self, count: int, lasts: Callable[[], bool]) -> int:
        """All are sent at once, and their answers read."""
        answered = 0
        while lasts():
            self._messages.send_many("A", [(1, 2)] * count)
            for _ in range(count):
                assert self._messages.receive()[1] == 3
            answered += count
        return answered

    async def send_datagram(self, value: float) -> None:
        self._datagrams.send(cbor2.dumps(("calc.observe", ("fps", value))))


class _BareCaller(_Caller):
    def natural(self, records: Sequence[Record]) -> Any:
        raise NotOfferedError  # without a codec there are no records


class _Server(Server):
    def receive_datagrams(self, receiver: socket.socket) -> None:
        while True:
            name, arguments = cbor2.loads(receiver.recvfrom(_CHUNK)[0])
            assert name == "calc.observe"
            assert len(arguments) == 2
            self.notifications += 1


class RawSockets(Contender):
    kind = Kind.LIMIT
    runtime = Blocking()

    def __init__(
        self, name: str, channel: Callable[[socket.socket], Any], caller: Callable[[Any, socket.socket], Caller]
    ) -> None:
        self.name = name
        self._channel = channel
        self._caller = caller

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        server = _Server()
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("127.0.0.1", place.port))
        Thread(target=server.receive_datagrams, args=(receiver,), daemon=True).start()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(place.path)
            listener.listen(128)
            ready()
            accept_forever(listener, lambda connection: server.start(self._channel(connection)))

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        with socket.socket(socket.AF_UNIX) as connection, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            connection.connect(place.path)
            datagrams.connect(("127.0.0.1", place.port))
            yield self._caller(self._channel(connection), datagrams)


CONTENDERS = (
    RawSockets("blocking sockets, no codec", Bare, _BareCaller),
    RawSockets("blocking sockets + cbor2", Cbor, _Caller),
)
