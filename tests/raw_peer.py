"""A peer that says exactly what a test has it say: raw frames over one end of a socket pair.

And the pairs of links themselves, with a server, a client or both on them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import attrs
import trio
import trio.testing

from rpc.client.client import Client
from rpc.client.connect import closing_client
from rpc.client.opening import open_connection
from rpc.errors import Error
from rpc.limits import Limits
from rpc.net.background import open_background, open_foundation
from rpc.net.connection import Connection
from rpc.net.handlers import Handlers
from rpc.net.link import Link, SocketLink
from rpc.net.readiness import Readiness
from rpc.peer import Peer
from rpc.server.serving import Serving
from rpc.service.service import Service
from rpc.service.table import Table
from rpc.wire import failures, frames, hello
from rpc.wire.frames import Fields
from rpc.wire.framing import FrameReader
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import decode, encode

Links: TypeAlias = tuple[Link, Link]
Services: TypeAlias = Service | Sequence[Service]

HERE = Peer(address="unix:test", transport="unix", uid=os.getuid(), gid=os.getgid(), pid=os.getpid())
"""What a socket pair is to both of its ends."""

REMOTE = Peer(address="tcp://192.0.2.7:4711", transport="tcp")
"""A peer of another host."""


def socket_links(buffer: int | None = None, peer: Peer = HERE) -> tuple[SocketLink, SocketLink]:
    """The ends of a socket pair; `buffer` is what the kernel is asked to hold of what either sends."""
    sockets = socket.socketpair()
    for sock in sockets:
        sock.setblocking(False)
        if buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    left, right = sockets
    return SocketLink(left, peer), SocketLink(right, peer)


# --- Frames ----------------------------------------------------------------------------------------------------


def greeting(**settings: Any) -> bytes:
    """A HELLO that accepts what ours does by default."""
    usual: dict[str, Any] = {"max_frame": 262_144, "max_message": 16_777_216, "max_calls": 128, "agent": "raw"}
    return hello.encode(hello.Settings(**usual | settings))


HELLO = greeting()


def call(
    id: int, method: str, *args: Any, timeout: int | None = None, flags: int = 0, payload: bytes | None = None
) -> bytes:
    payload = encode(list(args)) if payload is None else payload
    return frames.call(id, frames.method_item(method), timeout, NO_METADATA, flags, len(payload)) + payload


def data(id: int, payload: bytes, flags: int = 0) -> bytes:
    return frames.data(id, flags, len(payload)) + payload


def reply(id: int, value: Any) -> bytes:
    payload = encode(value)
    return frames.reply(id, 0, len(payload)) + payload


def failure(id: int, error: Error) -> bytes:
    return frames.error(id, failures.encode(error))


def notify(method: str, *args: Any, **kwargs: Any) -> bytes:
    payload = encode([args, kwargs])
    return frames.notify(frames.method_item(method), NO_METADATA, len(payload)) + payload


def result_of(fields: Fields) -> Any:
    """The decoded result of a REPLY."""
    assert fields[0] == frames.REPLY, fields
    return decode(fields[3])


def error_of(fields: Fields) -> Error:
    """The error of an ERROR."""
    assert fields[0] == frames.ERROR, fields
    return failures.decode(fields[2])


class RawPeer:
    """One end of a socket pair, spoken by hand.

    Attributes:
        socket: for what must happen without waiting.
    """

    def __init__(self, link: SocketLink) -> None:
        self.socket = link.socket
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(link.socket))
        self._reader = FrameReader(2**20)
        self._heard: list[Fields] = []
        self._is_greeted = False

    async def say(self, *spoken: bytes) -> None:
        """Send frames in one piece: where they fit the kernel's buffer, they arrive in one read."""
        await self._stream.send_all(b"".join(spoken))

    async def greet(self, spoken: bytes = HELLO) -> hello.Settings:
        """Exchange HELLOs; gives what the other side accepts."""
        await self.say(spoken)
        [_, _, settings] = await self.hear()
        assert isinstance(settings, hello.Settings)
        await trio.testing.wait_all_tasks_blocked()  # until the other side has heard ours
        return settings

    async def hear(self) -> Fields:
        """The next frame."""
        while not self._heard:
            assert await self._read(), "the other side has closed the connection"
        return self._heard.pop(0)

    async def hear_calls(self, count: int) -> list[int]:
        """The ids of the next frames, which are calls."""
        heard = [await self.hear() for _ in range(count)]
        assert all(fields[0] == frames.CALL for fields in heard)
        return [fields[1] for fields in heard]

    async def hear_all(self) -> list[Fields]:
        """All frames that come until the other side closes the connection."""
        while await self._read():
            pass
        heard, self._heard = self._heard, []
        return heard

    async def _read(self) -> bool:
        data = await self._stream.receive_some()
        for body in self._reader.bodies(data):
            if self._is_greeted:
                fields = frames.decode(body)
                assert fields is not None
                self._heard.append(fields)
            else:
                self._is_greeted = True
                self._heard.append([frames.HELLO, *hello.decode(body)])
        return bool(data)

    def close(self) -> None:
        self._stream.socket.close()

    def leave(self) -> None:
        """End this side's stream, and still read."""
        self.socket.shutdown(socket.SHUT_WR)


# --- Both sides ------------------------------------------------------------------------------------------------


@attrs.define
class Pair:
    """A client, and the server on the other end of its link."""

    client: Client
    near: Connection
    serving: Serving

    @property
    def far(self) -> Connection:
        """The server's end."""
        [connection] = self.serving.connections
        return connection


def handlers_of(services: Services, debug: bool = False) -> Handlers:
    return Handlers(Table((services,) if isinstance(services, Service) else services), debug=debug)


@asynccontextmanager
async def serve_link(
    link: Link, services: Services, *, limits: Limits | None = None, debug: bool = False, **options: Any
) -> AsyncGenerator[Serving]:
    """A server whose only connection is `link`."""
    serving = Serving(handlers_of(services, debug), limits or Limits(), **options)
    async with open_background() as nursery:
        nursery.start_soon(serving.readiness.run)
        nursery.start_soon(serving.serve_link, link)
        yield serving


@asynccontextmanager
async def client_of(
    link: Link, *, services: Services = (), limits: Limits | None = None, credential: bytes | None = None
) -> AsyncGenerator[Client]:
    """A client whose connection is `link`, as `rpc.connect` makes it."""
    readiness = Readiness()
    async with open_foundation() as nursery:
        nursery.start_soon(readiness.run)
        connection = await open_connection(
            link, handlers_of(services), limits or Limits(), readiness, nursery, credential=credential
        )
        client: Client = connection.client
        async with closing_client(client):
            yield client


def connection_of(client: Client) -> Connection:
    return client._line.connection


@asynccontextmanager
async def connected(
    services: Services,
    *,
    links: Callable[[], Links] = socket_links,
    limits: Limits | None = None,
    client_limits: Limits | None = None,
    client_services: Services = (),
    debug: bool = False,
) -> AsyncGenerator[Pair]:
    """Client and server on the two ends of a pair of links."""
    near, far = links()
    async with (
        serve_link(far, services, limits=limits, debug=debug) as serving,
        client_of(near, services=client_services, limits=client_limits) as client,
    ):
        yield Pair(client, connection_of(client), serving)


@asynccontextmanager
async def raw_client(
    services: Services, *, buffer: int | None = None, peer: Peer = HERE, greets: bool = True, **options: Any
) -> AsyncGenerator[RawPeer]:
    """A raw peer that has connected to a server."""
    near, far = socket_links(buffer, peer)
    raw = RawPeer(near)
    try:
        async with serve_link(far, services, **options):
            if greets:
                await raw.greet()
            yield raw
    finally:
        raw.close()


@asynccontextmanager
async def raw_server(
    *, buffer: int | None = None, peer: Peer = HERE, spoken: bytes = HELLO, **options: Any
) -> AsyncGenerator[tuple[Client, RawPeer]]:
    """A client that has connected to a raw peer."""
    near, far = socket_links(buffer, peer)
    raw = RawPeer(far)
    try:
        await raw.say(spoken)
        async with client_of(near, **options) as client:
            assert (await raw.hear())[0] == frames.HELLO
            yield client, raw
    finally:
        raw.close()
