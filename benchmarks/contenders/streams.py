"""Streams of items from one process to the other: this package, a bare trio loop, and blocking sockets.

An item is a small rising integer, or 64 KiB. In a turn, streams of a fixed number of items follow each other, and each
is taken to its end: what still lies in a buffer has not arrived.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from enum import Enum

import attrs
import cbor2
import trio

import rpc
from benchmarks.contender import Turns

__all__ = ["BareTrio", "Direction", "RawBlocks", "Triorpc"]

_SIZE = 65_536
_BLOCK = bytes(_SIZE)
_SMALL, _LARGE = 50_000, 1000  # items of one stream
_BATCH = 64
_HEAD = 4


class Direction(Enum):
    """Who sends the items."""

    OUT = "server to client"
    IN = "client to server"


# --- This package ------------------------------------------------------------------------------------------------

_items = rpc.Service("items")


@_items.method
async def give(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@_items.method
async def give_blocks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield _BLOCK


@_items.method
async def take(numbers: AsyncIterable[int]) -> int:
    count = 0
    async for _ in numbers:
        count += 1
    return count


@_items.method
async def take_blocks(blocks: AsyncIterable[bytes]) -> int:
    count = 0
    async for _ in blocks:
        count += 1
    return count


@attrs.frozen
class Triorpc:
    direction: Direction
    large: bool
    name: str = "triorpc"
    in_flight: int = 1

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        trio.run(self._serve, path, ready)

    async def _serve(self, path: str, ready: Callable[[], None]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(rpc.serve, _items, f"unix:{path}")
            ready()

    def drive(self, path: str, turns: Turns) -> None:
        trio.run(self._drive, path, turns)

    async def _drive(self, path: str, turns: Turns) -> None:
        async with rpc.connect(f"unix:{path}") as client:
            async for turn in turns:
                while turn.lasts():
                    turn.calls += await (self._send if self.direction is Direction.IN else self._receive)(client)

    async def _send(self, client: rpc.Client) -> int:
        if self.large:
            return await client.call(take_blocks, give_blocks(_LARGE))
        return await client.call(take, give(_SMALL))

    async def _receive(self, client: rpc.Client) -> int:
        count = 0
        if self.large:
            async with client.stream(give_blocks, _LARGE) as blocks:
                async for _ in blocks:
                    count += 1
        else:
            async with client.stream(give, _SMALL) as numbers:
                async for _ in numbers:
                    count += 1
        return count


# --- A bare trio loop --------------------------------------------------------------------------------------------


def _batches(large: bool) -> Iterator[bytes]:
    """Length-prefixed CBOR items, as many as are sent at once."""
    if large:
        for _ in range(_LARGE):
            body = cbor2.dumps(_BLOCK)
            yield b"".join((len(body).to_bytes(_HEAD, "big"), body))
        return
    for start in range(0, _SMALL, _BATCH):
        bodies = [cbor2.dumps(number) for number in range(start, min(start + _BATCH, _SMALL))]
        yield b"".join([part for body in bodies for part in (len(body).to_bytes(_HEAD, "big"), body)])


async def _received(stream: trio.SocketStream) -> AsyncIterator[object]:
    rest = b""
    while data := await stream.receive_some(_SIZE):
        data = rest + data if rest else data
        start = 0
        while (body := start + _HEAD) <= len(data):
            end = body + int.from_bytes(data[start:body], "big")
            if end > len(data):
                break
            yield cbor2.loads(data[body:end])
            start = end
        rest = data[start:]


@attrs.frozen
class BareTrio:
    """No calls, no credit, no errors: a connection for each stream, batches of 64 small items for each send."""

    direction: Direction
    large: bool
    name: str = "bare trio + cbor2 loop"
    in_flight: int = 1

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        trio.run(self._serve, path, ready)

    async def _serve(self, path: str, ready: Callable[[], None]) -> None:
        listener = trio.socket.socket(trio.socket.AF_UNIX)
        await listener.bind(path)
        listener.listen()
        ready()
        await trio.serve_listeners(self._answer, [trio.SocketListener(listener)])

    async def _answer(self, stream: trio.SocketStream) -> None:
        async with stream:
            if self.direction is Direction.OUT:
                await self._send(stream)
            else:
                count = await self._receive(stream)
                await stream.send_all(count.to_bytes(8, "big"))

    def drive(self, path: str, turns: Turns) -> None:
        trio.run(self._drive, path, turns)

    async def _drive(self, path: str, turns: Turns) -> None:
        async for turn in turns:
            while turn.lasts():
                async with await trio.open_unix_socket(path) as stream:
                    turn.calls += await self._stream(stream)

    async def _stream(self, stream: trio.SocketStream) -> int:
        if self.direction is Direction.OUT:
            return await self._receive(stream)
        await self._send(stream)
        await stream.send_eof()
        return int.from_bytes(await stream.receive_some(8), "big")

    async def _receive(self, stream: trio.SocketStream) -> int:
        count = 0
        async for _ in _received(stream):
            count += 1
        return count

    async def _send(self, stream: trio.SocketStream) -> None:
        for batch in _batches(self.large):
            await stream.send_all(batch)


# --- Blocking sockets --------------------------------------------------------------------------------------------


@attrs.frozen
class RawBlocks:
    """64 KiB at a time without codec or loop: what the kernel takes to carry the bytes."""

    direction: Direction
    name: str = "blocking sockets, no codec"
    in_flight: int = 1

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            ready()
            while True:
                connection, _ = listener.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        if self.direction is Direction.OUT:
            self._send(connection)
        else:
            connection.sendall(self._receive(connection).to_bytes(8, "big"))

    def drive(self, path: str, turns: Turns) -> None:
        for turn in turns:
            while turn.lasts():
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(path)
                    turn.calls += self._stream(connection)

    def _stream(self, connection: socket.socket) -> int:
        if self.direction is Direction.OUT:
            return self._receive(connection)
        self._send(connection)
        connection.shutdown(socket.SHUT_WR)
        return int.from_bytes(connection.recv(8), "big")

    def _receive(self, connection: socket.socket) -> int:
        buffer = bytearray(_SIZE)
        total = 0
        while count := connection.recv_into(buffer):
            total += count
        return total // _SIZE

    def _send(self, connection: socket.socket) -> None:
        for _ in range(_LARGE):
            connection.sendall(_BLOCK)
