"""Datagrams that leave: a socket that never waits, and counts what it loses and why."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections import Counter
from collections.abc import Mapping

import attrs
import trio

from rpc.address import Address
from rpc.errors import Processed, Unavailable
from rpc.net import multicast
from rpc.net.datagrams import check_scheme
from rpc.net.options import SocketName

__all__ = ["DatagramSender", "SenderStatistics", "open_sender"]

_FULL, _REFUSED, _UNREACHABLE = "full", "refused", "unreachable"

_LOSSES = {
    errno.EAGAIN: _FULL,
    errno.ENOBUFS: _FULL,
    errno.ENOMEM: _FULL,
    errno.ECONNREFUSED: _REFUSED,
    errno.ENOENT: _REFUSED,
    errno.ENETUNREACH: _UNREACHABLE,
    errno.EHOSTUNREACH: _UNREACHABLE,
    errno.ENETDOWN: _UNREACHABLE,
    errno.EHOSTDOWN: _UNREACHABLE,
}
"""What may pass by itself: a datagram that meets it is lost, and the next one may get through."""


@attrs.frozen(kw_only=True)
class SenderStatistics:
    """What became of the datagrams of a sender, as far as this host knows.

    Attributes:
        sent: left, and nothing bad was heard of them.
        dropped: did not arrive, by reason: ``full`` (no room in the kernel), ``refused`` (nobody there: at least so
            many, since not every refusal is told), ``unreachable`` (no way to the host).
    """

    sent: int
    dropped: Mapping[str, int]


class DatagramSender:
    """One socket for datagrams to one address, owned by this object.

    Attributes:
        is_local: whether they stay on this host, and may be as large as the system allows.
    """

    def __init__(self, sock: socket.socket, address: Address, *, is_local: bool) -> None:
        self.address = address
        self.is_local = is_local
        self._socket = sock
        self._sent = 0
        self._dropped: Counter[str] = Counter()

    def statistics(self) -> SenderStatistics:
        return SenderStatistics(sent=self._sent, dropped=dict(self._dropped))

    def send(self, datagram: bytes) -> None:
        """Hand one datagram to the kernel, or drop it and count why; never waits.

        Raises:
            trio.ClosedResourceError: this sender is closed.
            OSError: it could not be sent, and no other one could: it is too large for the system, or not allowed.
        """
        if self._socket.fileno() < 0:
            raise trio.ClosedResourceError("this notifier is closed")
        loss = self._transmit(datagram)
        if loss == _REFUSED and not self.address.is_path:
            # The network tells of an earlier datagram in place of sending this one, which has its turn now.
            self._sent -= 1
            self._dropped[_REFUSED] += 1
            loss = self._transmit(datagram)
        if loss is None:
            self._sent += 1
        else:
            self._dropped[loss] += 1

    def _transmit(self, datagram: bytes) -> str | None:
        try:
            if self.address.is_path:
                # By path each time: a receiver that was started again has another socket behind the same path.
                self._socket.sendto(datagram, self.address.path)
            else:
                self._socket.send(datagram)
        except OSError as error:
            if error.errno not in _LOSSES:
                raise
            return _LOSSES[error.errno]
        return None

    def close(self) -> None:
        """Close the socket; what the kernel has taken still leaves. Nothing the second time."""
        self._socket.close()


async def open_sender(address: Address) -> DatagramSender:
    """Make a socket for datagrams to `address`; whether anybody receives there is not asked.

    Raises:
        Unavailable: the host is not known, or there is no way to it.
        ValueError: it is no address for datagrams, or a multicast one without an interface.
    """
    check_scheme(address)
    if address.is_path:
        await trio.lowlevel.checkpoint()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.setblocking(False)
        return DatagramSender(sock, address, is_local=True)
    if not address.host or not address.port:
        raise ValueError(f"cannot send to {address}: a sender needs a host and a port")
    try:
        sock = await _open_udp(address)
    except OSError as error:
        raise Unavailable(f"cannot send to {address}: {error.strerror}", processed=Processed.NOT_PROCESSED) from error
    return DatagramSender(sock, address, is_local=_is_loopback(sock.getpeername()[0]))


async def _open_udp(address: Address) -> socket.socket:
    """A socket connected to the first address of the host that there is a way to."""
    if multicast.is_multicast(address):
        await trio.lowlevel.checkpoint()
        return multicast.group_of(address).connect()
    problem: OSError | None = None
    for family, _, _, _, name in await trio.socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM):
        try:
            return _connect_udp(family, name)
        except OSError as error:
            problem = error
    assert problem is not None  # a lookup that finds nothing raises
    raise problem


def _connect_udp(family: int, name: SocketName) -> socket.socket:
    """A connected socket, which takes no more than a look at the routing table."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(name)
    except OSError:
        sock.close()
        raise
    return sock


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
