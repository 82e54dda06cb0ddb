"""Connecting: from an address to a link.

A new transport is a row in the table at the end.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable

import trio

from rpc.address import Address, Scheme
from rpc.errors import Processed, Unavailable
from rpc.net import sockets, system, tls
from rpc.net.link import Link, SocketLink
from rpc.net.options import server_of, words_of
from rpc.net.tls_link import TlsLink
from rpc.peer import Peer

__all__ = ["dial"]

_QUEUE_PATIENCE = 10.0
"""Seconds to try again where the queue of a Unix listener is full: the kernel says so at once and then cannot be
waited for. TCP tries again by itself."""
_QUEUE_PAUSE = 0.005


async def dial(address: Address, context: ssl.SSLContext | None = None) -> Link:
    """Connect to a server.

    How long it may take is the caller's cancel scope to say; a cancelled call leaves nothing open. The handshake of
    TLS is still to come.

    Args:
        address: where the server listens.
        context: for ``tls://``; None for one that trusts the system's authorities.

    Raises:
        Unavailable: there is no connection; the message has the address and the cause, which is chained too.
        ValueError: nobody connects to such an address, or the context is none for clients.
    """
    connect = _TRANSPORTS.get(address.scheme)
    if connect is None:
        raise ValueError(f"cannot connect to {address}: only notifications travel there, through rpc.notifier")
    try:
        return await connect(address, context)
    except OSError as error:
        raise Unavailable(f"cannot connect to {address}: {_cause(error)}", processed=Processed.NOT_PROCESSED) from error


def _cause(error: OSError) -> str:
    """What went wrong in words; trio chains the failures of a host's several addresses as a group."""
    failures: tuple[OSError, ...] = getattr(error.__cause__, "exceptions", (error,))
    return "; ".join(dict.fromkeys(words_of(failure) for failure in failures))


# --- Unix ------------------------------------------------------------------------------------------------------


async def _dial_unix(address: Address, context: ssl.SSLContext | None) -> Link:
    await trio.lowlevel.checkpoint()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sockets.tune(sock)
        await _connect_unix(sock, address.path)
        process = system.credentials_of(sock)
    except BaseException:
        sock.close()
        raise
    return SocketLink(
        sock, Peer(address=str(address), transport="unix", uid=process.uid, gid=process.gid, pid=process.pid)
    )


async def _connect_unix(sock: socket.socket, path: str) -> None:
    deadline = trio.current_time() + _QUEUE_PATIENCE
    while problem := sock.connect_ex(path):
        if problem != errno.EAGAIN or trio.current_time() >= deadline:
            raise OSError(problem, os.strerror(problem), path)
        await trio.sleep(_QUEUE_PAUSE)


# --- TCP -------------------------------------------------------------------------------------------------------


async def _dial_tcp(address: Address, context: ssl.SSLContext | None) -> Link:
    if context is not None:
        raise ValueError(f"{address} is TCP without TLS, so tls= would do nothing: write tls:// or leave it out")
    return SocketLink(*await _open_tcp(address))


async def _dial_tls(address: Address, context: ssl.SSLContext | None) -> Link:
    context = context or tls.client_tls()
    tls.check(context, is_server=False)
    return TlsLink(*await _open_tcp(address), context, address.host)


async def _open_tcp(address: Address) -> tuple[socket.socket, Peer]:
    if not address.host or not address.port:
        raise ValueError(f"cannot connect to {address}: a client needs a host and a port")
    stream = await trio.open_tcp_stream(address.host, address.port)
    # Trio has tried the host's addresses side by side; from here on the descriptor is ours.
    sock = socket.socket(fileno=stream.socket.detach())
    try:
        sockets.tune(sock)
        name = server_of(address.scheme, sock)
    except OSError:
        sock.close()
        raise
    return sock, Peer(address=str(name), transport=address.scheme.value)


_TRANSPORTS: dict[Scheme, Callable[[Address, ssl.SSLContext | None], Awaitable[Link]]] = {
    Scheme.UNIX: _dial_unix,
    Scheme.TCP: _dial_tcp,
    Scheme.TLS: _dial_tls,
}
