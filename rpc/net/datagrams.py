"""Datagrams that arrive: a socket that never answers, and counts what it drops and why."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeAlias

import attrs
import trio

from rpc.address import Address, Scheme
from rpc.net import multicast, sockets, system, unix_socket
from rpc.peer import Peer
from rpc.wire import datagrams
from rpc.wire.cose import Keys
from rpc.wire.datagrams import Drop

__all__ = ["DatagramReceiver", "Handler", "ReceiverStatistics", "check_scheme", "open_datagrams"]

_LARGEST_UDP = 65_535
"""Bytes that the kernel could give for one UDP datagram: none is cut."""

_BATCH = 64
"""Datagrams taken in one turn of the loop before the other tasks get theirs."""

_BUFFER = 1_048_576
"""Bytes asked for in the kernel for datagrams that wait for us: a burst that finds no room there is lost."""

_PEERS = 256
"""UDP peers whose `Peer` is kept at hand: making one costs more than receiving a datagram."""

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


def _nothing() -> None:
    pass


class DatagramReceiver:
    """One bound datagram socket, owned by this object.

    Attributes:
        address: where it receives, with the port that the system chose, or the path that was asked for.
    """

    def __init__(
        self,
        sock: socket.socket,
        address: Address,
        *,
        keys: Keys | None = None,
        remove: Callable[[], None] = _nothing,
    ) -> None:
        self.address = address
        self._socket = sock
        self._keys = keys
        self._remove = remove
        self._read = self._read_unix if address.is_path else self._read_udp
        # New space for each would be 64 KiB that are cut down to some bytes: the memory between them adds up to 9 MiB.
        self._space = memoryview(bytearray(datagrams.LARGEST if address.is_path else _LARGEST_UDP))
        self._introduce = lru_cache(_PEERS)(partial(_introduce, address.scheme))
        self._senders = datagrams.Senders()
        self._accepted = 0
        self._dropped: Counter[str] = Counter()

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
            try:
                data, peer = self._read()
            except BlockingIOError:
                return
            except OSError:
                if self.is_closed:  # by the handler
                    return
                raise
            self._receive(data, peer, handler)

    def _receive(self, data: bytes, peer: Peer, handler: Handler) -> None:
        try:
            datagram = datagrams.decode(data, self._keys)
        except datagrams.DatagramError as error:
            self._dropped[error.reason] += 1
            return
        if not self._senders.accept(datagram.sender, datagram.sequence):
            self._dropped[Drop.REPLAY] += 1
        elif not handler(datagram.method, datagram.payload, datagram.metadata, peer):
            self._dropped[Drop.UNKNOWN_METHOD] += 1
        else:
            self._accepted += 1

    def _read_udp(self) -> tuple[bytes, Peer]:
        size, name = self._socket.recvfrom_into(self._space)
        return bytes(self._space[:size]), self._introduce(name)

    def _read_unix(self) -> tuple[bytes, Peer]:
        """The next datagram and the process that sent it; an empty one in place of one that is too large."""
        size, ancillary, flags, _ = self._socket.recvmsg_into((self._space,), system.CREDENTIALS_SPACE)
        process = system.message_credentials(ancillary)
        peer = Peer(address=str(self.address), transport="unixgram", uid=process.uid, gid=process.gid, pid=process.pid)
        return b"" if flags & socket.MSG_TRUNC else bytes(self._space[:size]), peer

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


def _introduce(scheme: Scheme, name: sockets.SocketName) -> Peer:
    return Peer(address=str(sockets.name_of(scheme, name)), transport=scheme.value)


async def open_datagrams(
    address: Address, *, mode: int = unix_socket.OWNER_ONLY, keys: Keys | None = None
) -> list[DatagramReceiver]:
    """Receive on an address: one receiver, or one for each address that a host name or an empty host stands for.

    A cancelled call leaves nothing behind.

    Args:
        address: where to receive.
        mode: of a socket file. Who opens it to other users must look at the `Peer` of each datagram.
        keys: what datagrams must be sealed with; None to take those that are not sealed, and no others.

    Raises:
        OSError: the address is in use, by a live receiver where it is a socket file, or cannot be bound.
        ValueError: it is no address for datagrams, or a multicast one without keys or interface.
    """
    check_scheme(address)
    if multicast.is_multicast(address):
        if keys is None:
            raise ValueError(f"{address} is a multicast address, to which anyone can send: give datagram_keys=")
        await trio.lowlevel.checkpoint()
        return [_join(address, keys)]
    if address.is_path:
        file = await unix_socket.bind(address.path, socket.SOCK_DGRAM, mode=mode)
        return [DatagramReceiver(file.socket, address, keys=keys, remove=file.remove)]
    bound = await sockets.bind_all(address, socket.SOCK_DGRAM)
    for sock in bound:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    return [DatagramReceiver(sock, sockets.name_of(address.scheme, sock.getsockname()), keys=keys) for sock in bound]


def _join(address: Address, keys: Keys) -> DatagramReceiver:
    try:
        sock = multicast.group_of(address).bind()
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    return DatagramReceiver(sock, attrs.evolve(address, port=sock.getsockname()[1]), keys=keys)


def check_scheme(address: Address) -> None:
    """Look whether an address is one for datagrams.

    Raises:
        ValueError: it is not.
    """
    if not address.is_datagram:
        raise ValueError(f"{address} takes no datagrams: write udp://host:port or unixgram:/path")
