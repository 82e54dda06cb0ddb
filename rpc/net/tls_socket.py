"""A socket with TLS over it, in steps that do not wait; the same for a task and for a thread that would wait."""

from __future__ import annotations

import socket
import ssl

from rpc.wire.payload import Buffer

__all__ = ["send", "wrap"]

_BLOCK = 65_536
"""Bytes that OpenSSL is given at once. What it has begun it must be given again, so progress shows in such steps."""


def wrap(sock: socket.socket, context: ssl.SSLContext, host: str | None) -> ssl.SSLSocket:
    """Lay TLS over a connected socket; the handshake is still to come.

    Args:
        sock: is taken over.
        context: of this side's role.
        host: the name that the server's certificate must be for; None where this side is the server.

    Raises:
        OSError: the peer is gone; the socket is closed.
    """
    try:
        sock.getpeername()
    except OSError:
        sock.close()  # `wrap_socket` would lose it
        raise
    return context.wrap_socket(
        sock,
        server_side=host is None,
        server_hostname=host,
        do_handshake_on_connect=False,
        suppress_ragged_eofs=False,
    )


def send(sock: ssl.SSLSocket, buffers: list[Buffer]) -> list[Buffer]:
    """Send what a non-blocking socket takes, and give back the rest, which must be what is sent next.

    Raises:
        OSError: the peer is gone.
    """
    rest = memoryview(buffers[0] if len(buffers) == 1 else b"".join(buffers))
    try:
        while rest:
            rest = rest[sock.send(rest[:_BLOCK]) :]
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return [rest]
    return []
