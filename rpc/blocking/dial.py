"""Connecting: from an address to a transport.

A new transport is a row in the table at the end.
"""

from __future__ import annotations

import errno
import importlib
import os
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rpc.address import Address, Scheme
from rpc.blocking.transport import Transport
from rpc.blocking.waiting import Deadline
from rpc.errors import Processed, Unavailable
from rpc.net import system
from rpc.net.options import server_of, tune, words_of
from rpc.peer import Peer

if TYPE_CHECKING:
    import ssl

__all__ = ["dial"]

_TLS = "rpc.blocking.tls_transport"
"""Imported when it is dialled: OpenSSL took 6 % of the processor time of a program that calls once by a Unix socket."""

_QUEUE_PATIENCE = 10.0
"""Seconds to try again where the queue of a Unix listener is full: the kernel says so at once and then cannot be
waited for. TCP tries again by itself."""
_QUEUE_PAUSE = 0.005


def dial(address: Address, context: ssl.SSLContext | None, deadline: Deadline) -> Transport:
    """Connect to a server; the handshake of TLS is still to come.

    Args:
        address: where the server listens.
        context: for ``tls://``; None for one that trusts the system's authorities.
        deadline: when it is given up, but for looking up the name of a host, which takes its own time.

    Raises:
        Unavailable: there is no connection; the message has the address and the cause, which is chained too.
        TimeoutError: the deadline has passed.
        ValueError: nobody connects to such an address, or the context is none for clients.
    """
    connect = _TRANSPORTS.get(address.scheme)
    if connect is None:
        raise ValueError(f"cannot connect to {address}: only notifications travel there, through rpc.notifier")
    try:
        return connect(address, context, deadline)
    except OSError as error:
        deadline.left()
        message = f"cannot connect to {address}: {words_of(error)}"
        raise Unavailable(message, processed=Processed.NOT_PROCESSED) from error


def _dial_unix(address: Address, context: ssl.SSLContext | None, deadline: Deadline) -> Transport:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        tune(sock)
        _connect_unix(sock, address.path, deadline)
        process = system.credentials_of(sock)
    except BaseException:
        sock.close()
        raise
    peer = Peer(address=str(address), transport="unix", uid=process.uid, gid=process.gid, pid=process.pid)
    return Transport(sock, peer)


def _connect_unix(sock: socket.socket, path: str, deadline: Deadline) -> None:
    give_up = time.monotonic() + _QUEUE_PATIENCE
    while problem := sock.connect_ex(path):
        if problem != errno.EAGAIN or time.monotonic() >= give_up:
            raise OSError(problem, os.strerror(problem), path)
        deadline.left()
        time.sleep(_QUEUE_PAUSE)


def _dial_tcp(address: Address, context: ssl.SSLContext | None, deadline: Deadline) -> Transport:
    if context is not None:
        raise ValueError(f"{address} is TCP without TLS, so tls= would do nothing: write tls:// or leave it out")
    return Transport(*_open_tcp(address, deadline))


def _dial_tls(address: Address, context: ssl.SSLContext | None, deadline: Deadline) -> Transport:
    module = importlib.import_module(_TLS)
    context = module.checked(context)
    transport: Transport = module.TlsTransport(*_open_tcp(address, deadline), context, address.host)
    return transport


def _open_tcp(address: Address, deadline: Deadline) -> tuple[socket.socket, Peer]:
    if not address.host or not address.port:
        raise ValueError(f"cannot connect to {address}: a client needs a host and a port")
    sock = socket.create_connection((address.host, address.port), deadline.left())
    try:
        tune(sock)
        name = server_of(address.scheme, sock)
    except OSError:
        sock.close()
        raise
    return sock, Peer(address=str(name), transport=address.scheme.value)


_TRANSPORTS: dict[Scheme, Callable[[Address, ssl.SSLContext | None, Deadline], Transport]] = {
    Scheme.UNIX: _dial_unix,
    Scheme.TCP: _dial_tcp,
    Scheme.TLS: _dial_tls,
}
