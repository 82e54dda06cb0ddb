"""Notifications as datagrams: sent without waiting, never answered, and sometimes lost."""

from __future__ import annotations

import errno
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, overload

from rpc.address import Address, parse
from rpc.client.terms import name_of
from rpc.errors import Processed, ResourceExhausted, Unavailable
from rpc.limits import MAX_DATAGRAM
from rpc.net import multicast
from rpc.net.datagram_sender import DatagramSender, SenderStatistics, open_sender
from rpc.service.context import Context
from rpc.service.handle import Notification
from rpc.service.outgoing import pack_notification
from rpc.service.targets import Notifiable
from rpc.wire import datagrams
from rpc.wire.cose import Key

__all__ = ["Notifier", "notifier"]

P = ParamSpec("P")


class Notifier:
    """Sends notifications to one address, one datagram each. Made by `notifier`; to be used by one thread."""

    def __init__(self, sender: DatagramSender, *, key: Key | None = None, max_size: int = MAX_DATAGRAM) -> None:
        self._socket = sender
        self._key = key
        self._max_size = max_size
        self._sender = secrets.token_bytes(datagrams.SENDER_SIZE)
        self._sequence = 0

    def __repr__(self) -> str:
        return f"<Notifier {self._socket.address}>"

    @overload
    def send(self, target: Notifiable[Concatenate[Context[Any], P]], /, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    def send(self, target: Notifiable[P], /, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    def send(self, target: str, /, *args: Any, **kwargs: Any) -> None: ...
    def send(self, target: Any, /, *args: Any, **kwargs: Any) -> None:
        """Send one notification, by its name or by its handle, and do not wait for anything.

        The datagram may be lost on its way, or right here where the kernel has no room for it, which
        `statistics` tells. The receiver takes it at most once.

        Raises:
            ResourceExhausted: it would be larger than `max_size`, or than the system can send at all.
            TypeError: an argument cannot travel, or `target` is not a notification.
            Unavailable: the system does not let us send there.
            trio.ClosedResourceError: this notifier is closed.
        """
        name = name_of(target, Notification, "notification")
        payload = pack_notification(target, args, kwargs)
        datagram = datagrams.encode(
            name,
            payload if isinstance(payload, bytes) else b"".join(payload),
            self._sender,
            self._sequence + 1,
            key=self._key,
            max_size=self._max_size,
        )
        try:
            self._socket.send(datagram)
        except OSError as error:
            raise _translate(name, len(datagram), error) from error
        # A number is used up by a datagram that was lost here too, so that the receiver counts it as lost.
        self._sequence += 1

    def statistics(self) -> SenderStatistics:
        """How many datagrams left this host, and how many did not and why."""
        return self._socket.statistics()


def _key_of(pair: tuple[bytes, bytes]) -> Key:
    try:
        kid, secret = pair
    except (TypeError, ValueError):
        raise TypeError("key is a pair of bytes: (kid, secret)") from None
    return Key(kid, secret)


def _translate(name: str, size: int, error: OSError) -> ResourceExhausted | Unavailable:
    if error.errno == errno.EMSGSIZE:
        return ResourceExhausted(
            f"{name}: a datagram of {size} bytes is more than the system sends", processed=Processed.DO_NOT_RETRY
        )
    return Unavailable(f"{name}: cannot send: {error.strerror}", processed=Processed.NOT_PROCESSED)


@asynccontextmanager
async def notifier(
    address: str | Address, *, key: tuple[bytes, bytes] | None = None, max_size: int = MAX_DATAGRAM
) -> AsyncGenerator[Notifier, None]:
    """Send notifications to ``udp://host:port`` or ``unixgram:/path`` while the block runs.

    Whether anybody receives there is not asked, so the receiver may start later, and may be started again.

    Args:
        address: where to send. A multicast address names the interface too, as in ``udp://239.1.2.3%eth0:9000``.
        key: the id and the secret of a key that the receiver has in its ``datagram_keys``, at least 16 bytes of
            secret. Each datagram is sealed with it, which proves where it comes from and hides nothing.
        max_size: bytes of the largest datagram. More than 1200 only within this host, where 65507 are possible:
            elsewhere larger ones are cut on the way and mostly lost.

    Raises:
        TypeError: `key` is not made of bytes.
        Unavailable: the host is not known, or there is no way to it.
        ValueError: it is no address for datagrams, a multicast one without `key`, `max_size` does not fit it, or the
            secret is too short.
    """
    where = parse(address)
    sealing = None if key is None else _key_of(key)
    if sealing is None and multicast.is_multicast(where):
        raise ValueError(
            f"{where} is a multicast address, where nothing is taken without a key: give key=(kid, secret)"
        )
    if not 0 < max_size <= datagrams.LARGEST:
        raise ValueError(f"max_size is 1 to {datagrams.LARGEST} bytes, not {max_size}")
    sender = await open_sender(where)
    try:
        if max_size > MAX_DATAGRAM and not sender.is_local:
            raise ValueError(
                f"max_size: {where} is another host; at most {MAX_DATAGRAM} bytes arrive there in one piece"
            )
        yield Notifier(sender, key=sealing, max_size=max_size)
    finally:
        sender.close()
