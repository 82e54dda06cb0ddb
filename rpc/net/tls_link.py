"""A link that is encrypted: TLS on a plain socket, which stays as quick as one, with its failures in words.

The handshake belongs to the connection, which has a task for it and a limit on its time. Only then is the peer known
by its certificate.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

import attrs
import trio

from rpc.net import tls, tls_socket
from rpc.net.link import LINGER, Buffer, SocketLink
from rpc.peer import Peer

__all__ = ["TlsLink"]

_RECORD = 16_384
"""Bytes in one record of TLS (RFC 8446, section 5.1): what is read at once, so that none of it stays behind in OpenSSL,
where no system call could tell that it is there."""


class TlsLink(SocketLink):
    """A connected TCP socket with TLS over it, owned by this object.

    Attributes:
        is_server: whether this side is the server.

    Raises:
        OSError: the peer is gone; the socket is closed.
    """

    __slots__ = ("_failure", "_tls", "is_server")

    least_read = _RECORD

    def __init__(self, sock: socket.socket, peer: Peer, context: ssl.SSLContext, host: str | None = None) -> None:
        """Take over a socket.

        Args:
            sock: connected and non-blocking.
            peer: as the socket knows it.
            context: of this side's role.
            host: the name that the server's certificate must be for; None where this side is the server.
        """
        self.is_server = host is None
        self._tls = tls_socket.wrap(sock, context, host)
        super().__init__(self._tls, peer, self._why)
        self._failure: str | None = None

    # --- The handshake -------------------------------------------------------------------------------------------

    async def shake_hands(self) -> str | None:
        """Agree on keys, and find out by its certificate who the peer is; gives why that failed, or None.

        A peer is told in the way of TLS why it is turned away. A cancelled call leaves a link that can only be
        closed.
        """
        try:
            await self._shake_hands()
        except OSError as error:
            with trio.move_on_after(LINGER), contextlib.suppress(OSError):
                await self._part(error)
            return tls.explain(error, self.is_server, self._tls)
        self.peer = attrs.evolve(self.peer, names=tls.names_of(self._tls.getpeercert()))
        return None

    async def _shake_hands(self) -> None:
        await trio.lowlevel.checkpoint()
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self._tls)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self._tls)
            else:
                return

    async def _part(self, error: OSError) -> None:
        """Tell a peer that speaks no TLS that TLS is spoken here, as OpenSSL does not, and wait until it was read."""
        if self.is_server and tls.is_foreign(error):
            socket.socket.send(self._tls, tls.NO_TLS_HERE)
        self.shutdown_write()
        while True:
            await trio.lowlevel.wait_readable(self._tls)
            if not socket.socket.recv(self._tls, _RECORD):
                return

    # --- Bytes ---------------------------------------------------------------------------------------------------

    def receive_nowait(self, size: int) -> bytes:
        """As `SocketLink.receive_nowait`, where `size` is at least that of a record."""
        assert size >= _RECORD
        try:
            return self._tls.recv(size)
        except ssl.SSLError as error:
            self._raise_unless_end(error)
            return b""

    def receive_into_nowait(self, first: memoryview, second: memoryview | None = None) -> int:
        """As `SocketLink.receive_into_nowait`, where the last of the two has space for a record."""
        try:
            count = self._tls.recv_into(first)
            if second is not None and self._tls.pending():
                count += self._tls.recv_into(second)
        except ssl.SSLError as error:
            self._raise_unless_end(error)
            return 0
        return count

    def send_nowait(self, buffers: list[Buffer]) -> list[Buffer]:
        """As `SocketLink.send_nowait`; what is given back must be what is sent next, as OpenSSL has begun with it."""
        return tls_socket.send(self._tls, buffers)

    def _raise_unless_end(self, error: ssl.SSLError) -> None:
        """Speak of what TLS says as a socket would, and remember why it failed.

        A server that wants another certificate says so only after the handshake.
        """
        if isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            raise BlockingIOError from None
        # An end without a goodbye is an end all the same: the frames tell whether something is missing.
        if not isinstance(error, ssl.SSLEOFError):
            self._failure = self._failure or tls.explain(error, self.is_server, self._tls)
            raise error

    async def _why(self) -> str | None:
        await trio.lowlevel.checkpoint()
        return self._failure

    def shutdown_write(self) -> None:
        """As `SocketLink.shutdown_write`, beneath TLS: what the peer still says can be read."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._tls, socket.SHUT_WR)
