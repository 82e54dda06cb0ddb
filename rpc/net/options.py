"""Options of sockets, and their names and failures as text: what a client with trio and one without have in common."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Any, TypeAlias

from rpc.address import Address, Scheme

__all__ = ["SocketName", "name_of", "server_of", "tune", "words_of"]

_UNIX_BUFFER = 1_048_576
"""Bytes asked for in the kernel for each direction of a Unix socket; it allows what it allows. Large payloads moved
1.6 times faster than with the default. On TCP loopback it made no difference, and asking turns off the kernel's own
sizing, which a long path needs."""

SocketName: TypeAlias = tuple[Any, ...]

_PLAIN_WORDS = {
    errno.ENOENT: "no such socket file: is the server running?",
    errno.EAGAIN: "the server does not take up its waiting connections",
}


def tune(sock: socket.socket) -> None:
    """Set the options of a connected stream socket.

    Raises:
        OSError: the peer is gone.
    """
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        # Frames leave in batches already: the kernel has nothing to wait for.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNIX_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UNIX_BUFFER)


def name_of(scheme: Scheme, name: SocketName) -> Address:
    """The address of an IPv4 or IPv6 socket name, as `getsockname` and `accept` give it."""
    return Address(scheme, host=name[0], port=name[1])


def server_of(scheme: Scheme, sock: socket.socket) -> Address:
    """The address that a client's TCP socket is connected to.

    A client that looks for a server on its own host, time and again, may be given the very port it looks for as its
    own, and is then connected to itself (RFC 9293, section 3.5): nobody listens there, and nobody could as long as it
    stays open.

    Raises:
        ConnectionRefusedError: it is connected to itself; it will be gone as soon as it is closed.
        OSError: the server is gone.
    """
    name = sock.getpeername()
    if name == sock.getsockname():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    return name_of(scheme, name)


def words_of(failure: OSError) -> str:
    """Why there is no connection, in words."""
    number = failure.errno or 0
    if number > 0:
        return _PLAIN_WORDS.get(number) or os.strerror(number)
    return failure.strerror or str(failure)  # of a name lookup, which has numbers of its own
