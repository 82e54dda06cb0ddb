from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import trio

from rpc.address import Scheme, parse
from rpc.errors import Processed, Unavailable
from rpc.net import datagram_sender, unix_socket
from rpc.net.datagram_sender import DatagramSender, SenderStatistics, open_sender
from rpc.net.datagrams import open_datagrams
from tests.datagram_tools import Notified, address, arrived, each_scheme, numbered, receiving
from tests.resolver import use_names


@each_scheme
async def test_what_is_sent_arrives(tmp_path: Path, scheme: Scheme) -> None:
    handler = Notified()
    async with receiving(address(scheme, tmp_path), handler) as receiver:
        sender = await open_sender(receiver.address)
        assert sender.is_local
        sender.send(numbered(1))
        await arrived(receiver, 1)
        assert sender.statistics() == SenderStatistics(sent=1, dropped={})
        sender.close()
        sender.close()
    assert len(handler.calls) == 1
    with pytest.raises(trio.ClosedResourceError, match="closed"):
        sender.send(numbered(2))


async def test_a_full_queue_drops(tmp_path: Path) -> None:
    [receiver] = await open_datagrams(address(Scheme.UNIXGRAM, tmp_path))
    sender = await open_sender(receiver.address)
    for sequence in range(1, 1001):
        sender.send(numbered(sequence))
    statistics = sender.statistics()
    assert statistics.sent > 0
    assert statistics.dropped == {"full": 1000 - statistics.sent}
    sender.close()
    receiver.close()


async def test_a_receiver_may_come_later_and_come_again(tmp_path: Path) -> None:
    where = address(Scheme.UNIXGRAM, tmp_path)
    sender = await open_sender(where)
    sender.send(numbered(1))  # nothing is there
    for sequence in (2, 4):
        async with receiving(where, Notified()) as receiver:
            sender.send(numbered(sequence))
            await arrived(receiver, 1)
        sender.send(numbered(sequence + 1))
    (await unix_socket.bind(where.path, socket.SOCK_DGRAM)).socket.close()
    sender.send(numbered(6))  # the file of a receiver that was killed
    assert sender.statistics() == SenderStatistics(sent=2, dropped={"refused": 4})
    sender.close()


async def test_a_udp_receiver_may_come_again() -> None:
    [receiver] = await open_datagrams(parse("udp://127.0.0.1:0"))
    where = receiver.address
    receiver.close()
    sender = await open_sender(where)
    sender.send(numbered(1))  # refused, which the next one is told
    async with receiving(where, Notified()) as receiver:
        sender.send(numbered(2))
        await arrived(receiver, 1)
    assert sender.statistics() == SenderStatistics(sent=1, dropped={"refused": 1})
    sender.close()


class Scripted(socket.socket):
    """A socket that fails to send, always in the same way."""

    number = 0

    def send(self, data: Any, flags: int = 0, /) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.fixture
def scripted() -> Scripted:
    return Scripted(socket.AF_INET, socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EAGAIN, "full"),
        (errno.ENOBUFS, "full"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETDOWN, "unreachable"),
    ],
)
async def test_what_may_pass_by_itself_is_a_loss(scripted: Scripted, number: int, reason: str) -> None:
    scripted.number = number
    sender = DatagramSender(scripted, parse("udp://192.0.2.1:9"), is_local=False)
    sender.send(numbered(1))
    assert sender.statistics() == SenderStatistics(sent=0, dropped={reason: 1})
    sender.close()


async def test_what_will_not_pass_is_raised() -> None:
    sender = await open_sender(parse("udp://127.0.0.1:9"))
    with pytest.raises(OSError, match="too long") as caught:
        sender.send(bytes(65_508))
    assert caught.value.errno == errno.EMSGSIZE
    assert sender.statistics() == SenderStatistics(sent=0, dropped={})
    sender.close()


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("192.0.2.1", False), ("fe80::1%eth0", False)],
)
def test_only_loopback_stays_on_this_host(host: str, is_loopback: bool) -> None:
    assert datagram_sender._is_loopback(host) is is_loopback


async def test_the_next_address_of_a_host_is_tried() -> None:
    use_names(here=["255.255.255.255", "127.0.0.1"])  # to which a plain socket may not send
    sender = await open_sender(parse("udp://here:9"))
    assert sender.is_local
    sender.close()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("udp://nowhere:9", "Name or service not known"),
        ("udp://everyone:9", "(Permission denied|Network is unreachable)"),
    ],
)
async def test_without_a_way_there_is_no_sender(text: str, why: str) -> None:
    use_names(everyone=["255.255.255.255"])
    with pytest.raises(Unavailable, match=f"cannot send to {text}: {why}") as caught:
        await open_sender(parse(text))
    assert caught.value.processed is Processed.NOT_PROCESSED
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("text", ["udp://:9000", "udp://127.0.0.1:0"])
async def test_a_sender_needs_somebody_to_send_to(text: str) -> None:
    with pytest.raises(ValueError, match=f"cannot send to {text}: a sender needs a host and a port"):
        await open_sender(parse(text))


@pytest.mark.parametrize("text", ["unix:/tmp/calc.sock", "tcp://127.0.0.1:0", "tls://127.0.0.1:0"])
async def test_connections_are_not_for_datagrams(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text} takes no datagrams"):
        await open_sender(parse(text))
