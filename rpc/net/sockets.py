"""What every kind of socket here is made of: options, names as text, and binding a host that has several addresses."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TypeAlias

import trio

from rpc.address import Address
from rpc.net import system
from rpc.net.options import SocketName, name_of, tune

__all__ = ["SocketName", "bind_all", "name_of", "tune"]

_PORT_ATTEMPTS = 16
"""Tries to find one port that is free on every address of a host."""

_ABSENT = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
"""What a system without IPv6, or without IPv4, says to the wildcard or the loopback of that family."""

_Target: TypeAlias = tuple[int, SocketName]


async def bind_all(address: Address, kind: socket.SocketKind, *, backlog: int = 0) -> list[socket.socket]:
    """Bind a non-blocking socket to each address that a host name stands for, an empty one for every interface.

    Stream sockets listen already. All get the same port, one that is free on all of them where `address` has port 0.
    IPv4 and IPv6 have sockets of their own, so that a peer never shows as an IPv4 address dressed as IPv6.

    Raises:
        OSError: one of them cannot be bound, or the host is not known; nothing stays bound.
    """
    try:
        targets = await _resolve(address, kind)
        attempts = _PORT_ATTEMPTS if address.port == 0 else 1
        while True:
            attempts -= 1
            try:
                return _bind_each(targets, kind, backlog)
            except OSError as error:
                if not attempts or error.errno != errno.EADDRINUSE:
                    raise
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error


async def _resolve(address: Address, kind: socket.SocketKind) -> list[_Target]:
    found = await trio.socket.getaddrinfo(address.host or None, address.port, type=kind, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), name) for family, _, _, _, name in found))


def _bind_each(targets: list[_Target], kind: socket.SocketKind, backlog: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    absent: OSError | None = None
    with contextlib.ExitStack() as undo:
        for family, (host, port, *rest) in targets:
            if bound:
                port = bound[0].getsockname()[1]
            try:
                sock = _bind(family, kind, (host, port, *rest), backlog)
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
            else:
                bound.append(undo.enter_context(sock))
        if not bound:
            assert absent is not None
            raise absent
        undo.pop_all()
    return bound


def _bind(family: int, kind: socket.SocketKind, name: SocketName, backlog: int) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            system.allow_rebind(sock)
            sock.bind(name)
            # Here, because only now it shows whether another one listens on the same port.
            sock.listen(backlog)
        else:
            sock.bind(name)
    except OSError:
        sock.close()
        raise
    return sock
