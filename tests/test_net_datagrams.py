from __future__ import annotations

import errno
import itertools
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from rpc.address import Address, Scheme, parse
from rpc.errors import Processed, Unavailable
from rpc.net import datagrams, unix_socket
from rpc.net.datagrams import DatagramReceiver, DatagramSender, open_datagrams, open_sender
from rpc.peer import Peer
from rpc.wire.datagrams import encode
from tests.resolver import has_ipv6, use_names

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


def numbered(sequence: int, *, method: str = "calc.observe") -> bytes:
    return encode(method, PAYLOAD, SENDER, sequence)


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
async def receiving(where: Address, handler: datagrams.Handler) -> AsyncIterator[DatagramReceiver]:
    [receiver] = await open_datagrams(where)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver.run, handler)
        yield receiver
        receiver.close()


async def arrived(receiver: DatagramReceiver, count: int) -> None:
    """Wait until so many datagrams were received in all."""
    with trio.fail_after(5):
        while receiver.statistics().received < count:
            await trio.lowlevel.checkpoint()


# --- Receiving -------------------------------------------------------------------------------------------------


@each_scheme
async def test_a_datagram_reaches_the_handler(tmp_path: Path, scheme: Scheme) -> None:
    handler = Notified()
    async with receiving(address(scheme, tmp_path), handler) as receiver:
        with client(receiver) as sock:
            sock.send(numbered(1))
            await arrived(receiver, 1)
            [(method, payload, metadata, peer)] = handler.calls
            assert (method, payload, metadata) == ("calc.observe", PAYLOAD, {5: SENDER, 6: 1})
            assert peer.transport == scheme.value
            if scheme is Scheme.UDP:
                assert peer.address == f"udp://127.0.0.1:{sock.getsockname()[1]}"
                assert peer.uid is None
            else:
                assert peer.address == str(receiver.address)
                assert (peer.uid, peer.gid, peer.pid) == (os.getuid(), os.getgid(), os.getpid())


@each_scheme
async def test_what_cannot_be_used_is_dropped_counted_and_never_answered(tmp_path: Path, scheme: Scheme) -> None:
    handler = Notified()
    async with receiving(address(scheme, tmp_path), handler) as receiver:
        with client(receiver) as sock:
            if scheme is Scheme.UNIXGRAM:
                sock.bind(str(tmp_path / "client"))  # with a name that could be answered to
            sent = (
                numbered(1),
                numbered(1),
                numbered(4),
                b"",
                b"GET / HTTP/1.1\r\n\r\n",
                b"\xd1\x84" + numbered(5),
                numbered(6, method="calc.nothing"),
                numbered(7)[:-1],
            )
            for count, datagram in enumerate(sent, 1):
                sock.send(datagram)
                await arrived(receiver, count)
            with pytest.raises(BlockingIOError):
                sock.recv(1)
        assert [metadata[6] for _, _, metadata, _ in handler.calls] == [1, 4]
        statistics = receiver.statistics()
        assert statistics == datagrams.ReceiverStatistics(
            received=8,
            accepted=2,
            dropped={"replay": 1, "malformed": 3, "keyed": 1, "unknown_method": 1},
            lost=3,
            senders=1,
        )


async def test_a_datagram_larger_than_any_may_be_is_malformed(tmp_path: Path) -> None:
    async with receiving(address(Scheme.UNIXGRAM, tmp_path), Notified()) as receiver:
        with client(receiver) as sock:
            head = len(encode("calc.observe", bytes(60_000), SENDER, 1, max_size=70_000)) - 60_000
            sock.send(encode("calc.observe", bytes(65_507 - head), SENDER, 1, max_size=70_000))
            await arrived(receiver, 1)
            sock.send(encode("calc.observe", bytes(65_508 - head), SENDER, 2, max_size=70_000))
            await arrived(receiver, 2)
        assert receiver.statistics().accepted == 1
        assert receiver.statistics().dropped == {"malformed": 1}


async def test_other_tasks_get_their_turn_in_a_flood() -> None:
    handler = Notified()
    [receiver] = await open_datagrams(parse("udp://127.0.0.1:0"))
    with client(receiver) as sock:
        for sequence in range(1, 201):
            sock.send(numbered(sequence))
    turns = [0]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver.run, handler)
        with trio.fail_after(5):
            while len(handler.calls) < 200:
                await trio.lowlevel.checkpoint()
                turns.append(len(handler.calls))
        receiver.close()
    # Trio shuffles the tasks of a turn, so that two batches of 64 may lie between two looks, but never a third.
    assert max(after - before for before, after in itertools.pairwise(turns)) <= 128


async def test_a_cancelled_run_may_be_started_again() -> None:
    handler = Notified()
    [receiver] = await open_datagrams(parse("udp://127.0.0.1:0"))
    with client(receiver) as sock:
        with trio.CancelScope() as scope:
            scope.cancel()
            await receiver.run(handler)
        sock.send(numbered(1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receiver.run, handler)
            await arrived(receiver, 1)
            await receiver.aclose()
    assert len(handler.calls) == 1


# --- Opening and closing ---------------------------------------------------------------------------------------


async def test_closing_ends_the_run_and_removes_the_file(tmp_path: Path) -> None:
    where = address(Scheme.UNIXGRAM, tmp_path)
    async with receiving(where, Notified()) as receiver:
        await trio.testing.wait_all_tasks_blocked()
        assert repr(receiver) == f"<DatagramReceiver {where} open>"
    assert repr(receiver) == f"<DatagramReceiver {where} closed>"
    assert os.listdir(tmp_path) == []
    with trio.testing.assert_checkpoints():
        await receiver.aclose()
    await receiver.run(Notified())


async def test_a_handler_may_close_its_receiver() -> None:
    [receiver] = await open_datagrams(parse("udp://127.0.0.1:0"))

    def handler(method: str, payload: bytes, metadata: Mapping[str | int, Any], peer: Peer) -> bool:
        receiver.close()
        return True

    with client(receiver) as sock:
        sock.send(numbered(1))
        sock.send(numbered(2))
        with trio.fail_after(5):
            await receiver.run(handler)
    assert receiver.statistics().accepted == 1


@pytest.mark.parametrize("mode", [0o600, 0o660])
async def test_the_socket_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    [receiver] = await open_datagrams(address(Scheme.UNIXGRAM, tmp_path), mode=mode)
    assert stat.S_IMODE(os.stat(receiver.address.path).st_mode) == mode
    receiver.close()


@each_scheme
async def test_a_live_receiver_keeps_its_address(tmp_path: Path, scheme: Scheme) -> None:
    [receiver] = await open_datagrams(address(scheme, tmp_path))
    with pytest.raises(OSError, match=r"live server|in use") as caught:
        await open_datagrams(receiver.address)
    assert caught.value.errno == errno.EADDRINUSE
    receiver.close()
    [receiver] = await open_datagrams(receiver.address)
    receiver.close()


async def test_every_interface_has_a_receiver_on_one_port() -> None:
    receivers = await open_datagrams(parse("udp://:0"))
    assert {receiver.address.host for receiver in receivers} == ({"0.0.0.0", "::"} if has_ipv6() else {"0.0.0.0"})
    assert len({receiver.address.port for receiver in receivers}) == 1
    for receiver in receivers:
        receiver.close()


@pytest.mark.parametrize("text", ["unix:/tmp/calc.sock", "tcp://127.0.0.1:0", "tls://127.0.0.1:0"])
async def test_connections_are_not_for_datagrams(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text} takes no datagrams"):
        await open_datagrams(parse(text))
    with pytest.raises(ValueError, match=f"{text} takes no datagrams"):
        await open_sender(parse(text))


# --- Sending ---------------------------------------------------------------------------------------------------


@each_scheme
async def test_what_is_sent_arrives(tmp_path: Path, scheme: Scheme) -> None:
    handler = Notified()
    async with receiving(address(scheme, tmp_path), handler) as receiver:
        sender = await open_sender(receiver.address)
        assert sender.is_local
        sender.send(numbered(1))
        await arrived(receiver, 1)
        assert sender.statistics() == datagrams.SenderStatistics(sent=1, dropped={})
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
    assert sender.statistics() == datagrams.SenderStatistics(sent=2, dropped={"refused": 4})
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
    assert sender.statistics() == datagrams.SenderStatistics(sent=1, dropped={"refused": 1})
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
    assert sender.statistics() == datagrams.SenderStatistics(sent=0, dropped={reason: 1})
    sender.close()


async def test_what_will_not_pass_is_raised() -> None:
    sender = await open_sender(parse("udp://127.0.0.1:9"))
    with pytest.raises(OSError, match="too long") as caught:
        sender.send(bytes(65_508))
    assert caught.value.errno == errno.EMSGSIZE
    assert sender.statistics() == datagrams.SenderStatistics(sent=0, dropped={})
    sender.close()


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("192.0.2.1", False), ("fe80::1%eth0", False)],
)
def test_only_loopback_stays_on_this_host(host: str, is_loopback: bool) -> None:
    assert datagrams._is_loopback(host) is is_loopback


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
