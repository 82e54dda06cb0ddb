"""A link that is encrypted: trio's TLS over a socket, with the failures of it in words.

The handshake belongs to the connection, which has a task for it and a limit on its time. Only then is the peer known
by its certificate.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any, cast

import attrs
import trio

from rpc.net import tls
from rpc.net.link import Buffer, StreamLink
from rpc.peer import Peer

__all__ = ["TlsLink"]

_LINGER = 1.0
"""Seconds that the peer is listened to after a handshake failed, so that a reset does not eat what it was told."""

_READ = 65_536


class TlsLink(StreamLink):
    """A connected TCP socket with TLS over it; both are owned by this object.

    Args:
        sock: connected and non-blocking.
        peer: as the socket knows it.
        context: of this side's role.
        host: the name that the server's certificate must be for; None where this side is the server.

    Attributes:
        is_server: whether this side is the server.
    """

    def __init__(self, sock: socket.socket, peer: Peer, context: ssl.SSLContext, host: str | None = None) -> None:
        self.is_server = host is None
        self._transport = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        self._engine = _Engine(context)
        stream = trio.SSLStream(
            self._transport,
            cast(ssl.SSLContext, self._engine),
            server_hostname=host,
            server_side=self.is_server,
        )
        super().__init__(stream, peer, self._why)
        self._stream = stream
        self._failure: str | None = None

    async def shake_hands(self) -> str | None:
        """Agree on keys, and find out by its certificate who the peer is; gives why that failed, or None.

        A peer is told in the way of TLS why it is turned away. A cancelled call leaves a link that can only be
        closed.
        """
        try:
            await self._stream.do_handshake()
        except trio.BrokenResourceError as error:
            with trio.move_on_after(_LINGER):
                await self._part(error.__cause__)
            return tls.explain(error.__cause__, self.is_server, self._engine.tls)
        self.peer = attrs.evolve(self.peer, names=tls.names_of(self._stream.getpeercert()))
        return None

    async def _part(self, cause: BaseException | None) -> None:
        """Send the alert that trio leaves behind when OpenSSL refuses a peer, and wait until it was read."""
        alert = self._engine.outgoing.read()
        if not alert and isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            alert = tls.NO_TLS_HERE
        with contextlib.suppress(trio.BrokenResourceError):
            await self._transport.send_all(alert)
            await self._transport.send_eof()
            while await self._transport.receive_some(_READ):
                pass

    async def receive_some(self, size: int | None = None) -> bytes | bytearray:
        """As `StreamLink.receive_some`."""
        try:
            return await self.stream.receive_some(size)
        except trio.BrokenResourceError as error:
            self._remember(error.__cause__)
            raise

    async def send_some(self, buffers: list[Buffer]) -> list[Buffer]:
        """As `StreamLink.send_some`."""
        try:
            return await super().send_some(buffers)
        except trio.BrokenResourceError as error:
            self._remember(error.__cause__)
            raise

    def _remember(self, cause: BaseException | None) -> None:
        """Keep what TLS failed of: a server that wants another certificate says so only after the handshake."""
        if isinstance(cause, ssl.SSLError) and self._failure is None:
            self._failure = tls.explain(cause, self.is_server, self._engine.tls)

    async def _why(self) -> str | None:
        await trio.lowlevel.checkpoint()
        return self._failure


class _Engine:
    """A context for one connection that keeps the object which it makes, and the buffer of what is to be sent."""

    tls: ssl.SSLObject
    outgoing: ssl.MemoryBIO

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **options: Any) -> ssl.SSLObject:
        """Called once, by trio's stream."""
        self.outgoing = outgoing
        self.tls = self._context.wrap_bio(incoming, outgoing, **options)
        return self.tls
