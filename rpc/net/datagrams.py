"""Datagram sockets: a receiver that never answers, a sender that never waits.

Both count what was dropped and why, because nobody else ever hears of it.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
import trio

from rpc.address import Address
from rpc.errors import Processed, Unavailable
from rpc.net import sockets, system, unix_socket
from rpc.peer import Peer
from rpc.wire import datagrams
from rpc.wire.datagrams import Drop

__all__ = [
    "DatagramReceiver",
    "DatagramSender",
    "Handler",
    "ReceiverStatistics",
    "SenderStatistics",
    "open_datagrams",
    "open_sender",
]

_BATCH = 64
"""Datagrams taken in one turn of the loop before the other tasks get theirs."""

_BUFFER = 1_048_576
"""Bytes asked for in the kernel for datagrams that wait for us: a burst that finds no room there is lost."""

Handler: TypeAlias = Callable[[str, bytes, Mapping[str | int, Any], Peer], bool]
"""Takes method, payload, metadata and peer; says False for a method that it does not know. It must not raise."""


@attrs.frozen(kw_only=True)
class ReceiverStatistics:
    """What a receiver has seen so far.

    Attributes:
        received: all datagrams that arrived.
        accepted: those that were handed to the handler and known to it.
        dropped: the others by reason, see `rpc.wire.datagrams.Drop`.
        lost: gaps in the numbers of the senders; a datagram that is only late is lost until it comes.
        senders: senders that are remembered now.
    """

    received: int
    accepted: int
    dropped: Mapping[str, int]
    lost: int
    senders: int


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


def _nothing() -> None:
    pass


class DatagramReceiver:
    """One bound datagram socket, owned by this object.

    Attributes:
        address: where it receives, with the port that the system chose, or the path that was asked for.
    """

    def __init__(self, sock: socket.socket, address: Address, *, remove: Callable[[], None] = _nothing) -> None:
        self.address = address
        self._socket = sock
        self._remove = remove
        self._senders = datagrams.Senders()
        self._accepted = 0
        self._dropped: Counter[str] = Counter()
        self._ancillary = system.CREDENTIALS_SPACE if address.is_path else 0

    def __repr__(self) -> str:
        return f"<DatagramReceiver {self.address} {'closed' if self.is_closed else 'open'}>"

    @property
    def is_closed(self) -> bool:
        return self._socket.fileno() < 0

    def statistics(self) -> ReceiverStatistics:
        return ReceiverStatistics(
            received=self._accepted + self._dropped.total(),
            accepted=self._accepted,
            dropped=dict(self._dropped),
            lost=self._senders.lost,
            senders=len(self._senders),
        )

    async def run(self, handler: Handler) -> None:
        """Hand each good datagram to `handler`, in the order of arrival, until this receiver is closed.

        A cancelled run may be started again: what waits in the kernel is not lost.
        """
        while not self.is_closed:
            try:
                await trio.lowlevel.wait_readable(self._socket)
            except trio.ClosedResourceError:
                return
            self._receive_batch(handler)

    def _receive_batch(self, handler: Handler) -> None:
        for _ in range(_BATCH):
            if self.is_closed:  # by the handler
                return
            try:
                data, ancillary, flags, name = self._socket.recvmsg(datagrams.LARGEST, self._ancillary)
            except BlockingIOError:
                return
            if flags & socket.MSG_TRUNC:
                self._dropped[Drop.MALFORMED] += 1
                continue
            self._receive(data, self._introduce(ancillary, name), handler)

    def _receive(self, data: bytes, peer: Peer, handler: Handler) -> None:
        try:
            datagram = datagrams.decode(data)
        except datagrams.DatagramError as error:
            self._dropped[error.reason] += 1
            return
        if not self._senders.accept(datagram.sender, datagram.sequence):
            self._dropped[Drop.REPLAY] += 1
        elif not handler(datagram.method, datagram.payload, datagram.metadata, peer):
            self._dropped[Drop.UNKNOWN_METHOD] += 1
        else:
            self._accepted += 1

    def _introduce(self, ancillary: list[tuple[int, int, bytes]], name: Any) -> Peer:
        if not self.address.is_path:
            return Peer(address=str(sockets.name_of(self.address.scheme, name)), transport=self.address.scheme.value)
        process = system.message_credentials(ancillary)
        return Peer(address=str(self.address), transport="unixgram", uid=process.uid, gid=process.gid, pid=process.pid)

    def close(self) -> None:
        """Stop receiving at once, and remove the socket file if it is still ours; nothing the second time."""
        if self.is_closed:
            return
        trio.lowlevel.notify_closing(self._socket)
        self._remove()
        self._socket.close()

    async def aclose(self) -> None:
        """As `close`, and a checkpoint."""
        self.close()
        await trio.lowlevel.checkpoint()


async def open_datagrams(address: Address, *, mode: int = unix_socket.OWNER_ONLY) -> list[DatagramReceiver]:
    """Receive on an address: one receiver, or one for each address that a host name or an empty host stands for.

    A cancelled call leaves nothing behind.

    Args:
        address: where to receive.
        mode: of a socket file. Who opens it to other users must look at the `Peer` of each datagram.

    Raises:
        OSError: the address is in use, by a live receiver where it is a socket file, or cannot be bound.
        ValueError: it is no address for datagrams.
    """
    _check(address)
    if address.is_path:
        file = await unix_socket.bind(address.path, socket.SOCK_DGRAM, mode=mode)
        return [DatagramReceiver(file.socket, address, remove=file.remove)]
    bound = await sockets.bind_all(address, socket.SOCK_DGRAM)
    for sock in bound:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    return [DatagramReceiver(sock, sockets.name_of(address.scheme, sock.getsockname())) for sock in bound]


# --- Sending ---------------------------------------------------------------------------------------------------

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
        ValueError: it is no address for datagrams.
    """
    _check(address)
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
    problem: OSError | None = None
    for family, _, _, _, name in await trio.socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM):
        try:
            return _connect_udp(family, name)
        except OSError as error:
            problem = error
    assert problem is not None  # a lookup that finds nothing raises
    raise problem


def _connect_udp(family: int, name: sockets.SocketName) -> socket.socket:
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


def _check(address: Address) -> None:
    if not address.is_datagram:
        raise ValueError(f"{address} takes no datagrams: write udp://host:port or unixgram:/path")
