"""Accepting: from an address to listeners, from a listener to links.

A new transport is a row in the table at the end.
"""

from __future__ import annotations

import errno
import logging
import math
import socket
import ssl
from collections.abc import Awaitable, Callable

import trio

from rpc.address import Address, Scheme
from rpc.errors import Reason
from rpc.net import sockets, system, tls, unix_socket
from rpc.net.link import Link, SocketLink
from rpc.net.reserve import Reserve, farewell
from rpc.net.tls_link import TlsLink
from rpc.peer import Peer

__all__ = ["BACKLOG", "Listener", "listen"]

_logger = logging.getLogger("rpc")

BACKLOG = 1024
"""Connections that the kernel holds for us until they are accepted: as many as a server holds by default."""

_PASSING = {
    errno.EAGAIN,
    errno.ECONNABORTED,
    errno.ECONNRESET,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENOPROTOOPT,
    errno.EPERM,
    errno.EPROTO,
    getattr(errno, "ENONET", errno.ENETDOWN),
}
"""What `accept` says of one connection that is gone already (accept(2)), or that a firewall refused."""

_NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE}
"""What `accept` says when the process or the system has no descriptor left: the connection stays in the queue."""

_EXHAUSTED = {*_NO_DESCRIPTOR, errno.ENOBUFS, errno.ENOMEM}
"""What it says where anything is used up."""

_NO_ROOM = farewell(Reason.TOO_MANY, "the server has no descriptors left")

_PAUSE = 0.1
_COMPLAINT_INTERVAL = 5.0
"""Seconds: how long accepting rests when there is no room, and how often that is logged at most."""


def _nothing() -> None:
    pass


class Listener:
    """One listening socket, owned by this object.

    Attributes:
        address: where it listens, with the port that the system chose, or the path that was asked for.
        dismissed: how many were turned away since there was no descriptor for them.
    """

    def __init__(
        self,
        sock: socket.socket,
        address: Address,
        *,
        remove: Callable[[], None] = _nothing,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self.dismissed = 0
        self._reserve = Reserve()
        self._socket = sock
        self._context = context
        self._remove = remove
        self._next_complaint = -math.inf

    def __repr__(self) -> str:
        return f"<Listener {self.address} {'closed' if self.is_closed else 'open'}>"

    @property
    def is_closed(self) -> bool:
        return self._socket.fileno() < 0

    async def accept(self) -> Link:
        """Wait for the next connection; for one task at a time.

        A connection that is gone before it was accepted is passed over. Without a descriptor for it, it is told so
        and closed; where not even that can be, accepting rests a moment and tries again: who waits in the queue is
        not lost. A cancelled call leaves the queue as it is.

        Raises:
            trio.ClosedResourceError: this listener is, or was meanwhile, closed.
        """
        while True:
            if self.is_closed:
                raise trio.ClosedResourceError("this listener is closed")
            await trio.lowlevel.wait_readable(self._socket)
            try:
                sock, name = self._socket.accept()
            except OSError as error:
                if not self.is_closed:  # as it may be since it was readable
                    await self._recover(error)
                continue
            self._reserve.renew()
            try:
                peer = self._introduce(sock, name)
                return SocketLink(sock, peer) if self._context is None else TlsLink(sock, peer, self._context)
            except OSError:
                sock.close()

    def _introduce(self, sock: socket.socket, name: sockets.SocketName) -> Peer:
        sockets.tune(sock)
        if not self.address.is_path:
            address = sockets.name_of(self.address.scheme, name)
            return Peer(address=str(address), transport=self.address.scheme.value)
        process = system.credentials_of(sock)
        return Peer(address=str(self.address), transport="unix", uid=process.uid, gid=process.gid, pid=process.pid)

    async def _recover(self, error: OSError) -> None:
        """Turn away who finds no room, or rest; go on where only one connection failed, raise anything else."""
        if error.errno in _EXHAUSTED:
            now = trio.current_time()
            if now >= self._next_complaint:
                self._next_complaint = now + _COMPLAINT_INTERVAL
                _logger.error("%s: cannot accept, no room: %s", self.address, error.strerror)
            words = _NO_ROOM if self._context is None else b""
            if error.errno in _NO_DESCRIPTOR and self._reserve.dismiss_next(self._socket, words):
                self.dismissed += 1
            else:
                await trio.sleep(_PAUSE)
        elif error.errno not in _PASSING:
            raise error

    def close(self) -> None:
        """Stop listening at once, and remove the socket file if it is still ours; nothing the second time.

        Connections that nobody accepted are lost. An `accept` that waits raises `trio.ClosedResourceError`.
        """
        if self.is_closed:
            return
        trio.lowlevel.notify_closing(self._socket)
        # While it still listens: a server that starts now finds this one alive and leaves the file alone.
        self._remove()
        self._socket.close()
        self._reserve.close()

    async def aclose(self) -> None:
        """As `close`, and a checkpoint."""
        self.close()
        await trio.lowlevel.checkpoint()


async def listen(
    address: Address,
    *,
    backlog: int = BACKLOG,
    mode: int = unix_socket.OWNER_ONLY,
    context: ssl.SSLContext | None = None,
) -> list[Listener]:
    """Listen on an address: one listener, or one for each address that a host name or an empty host stands for.

    A cancelled call leaves nothing behind.

    Args:
        address: where to listen.
        backlog: connections that the kernel may hold until they are accepted.
        mode: of a socket file. Who opens it to other users must look at the `Peer` of each link.
        context: for ``tls://``; other addresses do not use it.

    Raises:
        OSError: the address is in use, by a live server where it is a socket file, or cannot be bound.
        ValueError: nobody accepts connections on such an address, or not without a context for servers.
    """
    opener = _TRANSPORTS.get(address.scheme)
    if opener is None:
        raise ValueError(f"cannot listen on {address}: it takes datagrams, not connections")
    return await opener(address, backlog, mode, context)


async def _listen_unix(address: Address, backlog: int, mode: int, context: ssl.SSLContext | None) -> list[Listener]:
    file = await unix_socket.bind(address.path, socket.SOCK_STREAM, backlog=backlog, mode=mode)
    return [Listener(file.socket, address, remove=file.remove)]


async def _listen_tcp(address: Address, backlog: int, mode: int, context: ssl.SSLContext | None) -> list[Listener]:
    bound = await sockets.bind_all(address, socket.SOCK_STREAM, backlog=backlog)
    return [Listener(sock, sockets.name_of(address.scheme, sock.getsockname())) for sock in bound]


async def _listen_tls(address: Address, backlog: int, mode: int, context: ssl.SSLContext | None) -> list[Listener]:
    if context is None:
        raise ValueError(f"cannot listen on {address}: it needs a certificate: give tls=rpc.server_tls(cert, key)")
    tls.check(context, is_server=True)
    bound = await sockets.bind_all(address, socket.SOCK_STREAM, backlog=backlog)
    return [Listener(sock, sockets.name_of(address.scheme, sock.getsockname()), context=context) for sock in bound]


_TRANSPORTS: dict[Scheme, Callable[[Address, int, int, ssl.SSLContext | None], Awaitable[list[Listener]]]] = {
    Scheme.UNIX: _listen_unix,
    Scheme.TCP: _listen_tcp,
    Scheme.TLS: _listen_tls,
}
