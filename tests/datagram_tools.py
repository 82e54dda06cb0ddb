"""What the tests of datagram sockets share: a handler, good datagrams, and a receiver for a while."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from rpc.address import Address, Scheme, parse
from rpc.net import datagrams
from rpc.net.datagrams import DatagramReceiver, open_datagrams
from rpc.peer import Peer
from rpc.wire.cose import Key, Keys
from rpc.wire.datagrams import encode

__all__ = ["PAYLOAD", "SENDER", "Notified", "address", "arrived", "client", "each_scheme", "numbered", "receiving"]

SENDER = b"sender.."
PAYLOAD = bytes.fromhex("82820102a0")  # [[1, 2], {}]

each_scheme = pytest.mark.parametrize("scheme", [Scheme.UDP, Scheme.UNIXGRAM])


class Notified:
    """A handler that knows `calc.observe` and keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, Mapping[str | int, Any], Peer]] = []

    def __call__(self, method: str, payload: bytes, metadata: Mapping[str | int, Any], peer: Peer) -> bool:
        if method != "calc.observe":
            return False
        self.calls.append((method, payload, metadata, peer))
        return True


def numbered(sequence: int, *, method: str = "calc.observe", sender: bytes = SENDER, key: Key | None = None) -> bytes:
    return encode(method, PAYLOAD, sender, sequence, key=key)


def address(scheme: Scheme, tmp_path: Path) -> Address:
    if scheme is Scheme.UDP:
        return parse("udp://127.0.0.1:0")
    return Address(scheme, path=str(tmp_path / "calc.dg"))


def client(receiver: DatagramReceiver) -> socket.socket:
    """A plain socket that sends to a receiver, and never blocks."""
    where = receiver.address
    sock = socket.socket(socket.AF_UNIX if where.is_path else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect(where.path if where.is_path else (where.host, where.port))
    return sock


@asynccontextmanager
async def receiving(
    where: Address, handler: datagrams.Handler, keys: Keys | None = None
) -> AsyncIterator[DatagramReceiver]:
    [receiver] = await open_datagrams(where, keys=keys)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver.run, handler)
        yield receiver
        receiver.close()


async def arrived(receiver: DatagramReceiver, count: int) -> None:
    """Wait until so many datagrams were received in all."""
    with trio.fail_after(5):
        while receiver.statistics().received < count:
            await trio.lowlevel.checkpoint()
