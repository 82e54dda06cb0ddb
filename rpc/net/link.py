"""What a connection stands on: a plain socket, or any byte stream of trio's.

Both answer the same few questions. A `SocketLink` is non-blocking, so that a reader may look for bytes and a
writer may send without leaving its task; a `StreamLink` (memory, pipes, every transport that is not a plain
socket) can only be awaited. Both send what can go at once and give back the rest.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from rpc.net.sending import send
from rpc.peer import Peer

__all__ = ["LINGER", "Buffer", "Explain", "Link", "SocketLink", "StreamLink"]

Buffer: TypeAlias = bytes | bytearray | memoryview

Explain: TypeAlias = Callable[[], Awaitable[str | None]]
"""Finds out why a transport has ended, in a moment; None where that stays unknown."""

LINGER = 1.0
"""Seconds that a peer is listened to after our last word to it, so that a reset does not eat that."""


class SocketLink:
    """A connected, non-blocking stream socket, owned by this object.

    Attributes:
        least_read: bytes that must be read at once, since what is left behind would not be told.
        explain: asked when the peer is gone, before anybody is told so.
    """

    __slots__ = ("explain", "peer", "socket")

    least_read = 1

    def __init__(self, sock: socket.socket, peer: Peer, explain: Explain | None = None) -> None:
        self.socket = sock
        self.peer = peer
        self.explain = explain

    @property
    def is_closed(self) -> bool:
        return self.socket.fileno() < 0

    def receive_nowait(self, size: int) -> bytes:
        """Read at most `size` bytes; ``b""`` is the end of the peer's stream.

        Raises:
            BlockingIOError: nothing is there.
            OSError: the peer is gone.
        """
        return self.socket.recv(size)

    def receive_into_nowait(self, first: memoryview, second: memoryview | None = None) -> int:
        """Read straight into `first`, and what is more into `second`; gives the count, raises as `receive_nowait`."""
        return self.socket.recv_into(first) if second is None else self.socket.recvmsg_into((first, second))[0]

    async def receive_some(self, size: int) -> bytes:
        """Wait for at most `size` bytes; ``b""`` is the end of the peer's stream.

        Raises:
            OSError: the peer is gone.
            trio.ClosedResourceError: `close` came first.
        """
        while True:
            await self.wait_readable()
            try:
                return self.receive_nowait(size)
            except BlockingIOError:
                pass

    async def wait_readable(self) -> None:
        """Wait until there is something to read; raises `trio.ClosedResourceError` when `close` comes first."""
        await trio.lowlevel.wait_readable(self.socket)

    def send_nowait(self, buffers: list[Buffer]) -> list[Buffer]:
        """Send what can go without waiting, and give back the rest.

        Raises:
            OSError: the peer is gone.
        """
        return send(self.socket, buffers)

    async def send_some(self, buffers: list[Buffer]) -> list[Buffer]:
        """Wait until something can be sent, send it, and give back the rest; a cancelled call has sent nothing.

        Raises:
            OSError: the peer is gone.
            trio.ClosedResourceError: `close` came first.
        """
        await trio.lowlevel.wait_writable(self.socket)
        return self.send_nowait(buffers)

    def shutdown_write(self) -> None:
        """Tell the peer that nothing more will come."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def close(self) -> None:
        """Close at once, waking whoever waits; does nothing the second time."""
        if not self.is_closed:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()


class StreamLink:
    """A `trio.abc.Stream`, owned by this object; it is read and written by tasks that wait.

    Attributes:
        least_read: as of a socket.
        explain: asked when the peer is gone, before anybody is told so.
    """

    least_read = 1

    def __init__(self, stream: trio.abc.Stream, peer: Peer, explain: Explain | None = None) -> None:
        self.stream = stream
        self.peer = peer
        self.explain = explain

    async def receive_some(self, size: int | None = None) -> bytes | bytearray:
        """Wait for bytes, at most `size` where that is given; ``b""`` is the end of the peer's stream.

        Raises:
            trio.BrokenResourceError: the peer is gone.
            trio.ClosedResourceError: this side closed the stream.
        """
        return await self.stream.receive_some(size)

    def send_nowait(self, buffers: list[Buffer]) -> list[Buffer]:
        """Nothing goes without waiting: gives back all."""
        return buffers

    async def send_some(self, buffers: list[Buffer]) -> list[Buffer]:
        """Send all; a cancelled call may have sent a part, so the link is of no use after it.

        Raises:
            trio.BrokenResourceError: the peer is gone.
            trio.ClosedResourceError: this side closed the stream.
        """
        await self.stream.send_all(b"".join(buffers))
        return []

    def shutdown_write(self) -> None:
        """Does nothing here."""
        # Most wrapped streams cannot half-close; the GOAWAY before it has told the peer.

    def close(self) -> None:
        """Does nothing: only `aclose` can close a stream."""

    async def aclose(self) -> None:
        """Close the stream itself, without courtesy: the last word was a GOAWAY."""
        await trio.aclose_forcefully(self.stream)


Link: TypeAlias = SocketLink | StreamLink
