from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from rpc.address import Scheme, parse
from rpc.net import datagrams
from rpc.net.datagrams import open_datagrams
from rpc.peer import Peer
from rpc.wire.cose import Key, Keys
from rpc.wire.datagrams import encode
from tests.datagram_tools import PAYLOAD, SENDER, Notified, address, arrived, client, each_scheme, numbered, receiving
from tests.resolver import has_ipv6

KEY = Key(b"k1", b"sixteen bytes...")
KEYS = Keys({b"k1": KEY.secret, b"k2": bytes(32)})

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


# --- Keys ------------------------------------------------------------------------------------------------------


@each_scheme
async def test_with_keys_only_what_is_sealed_with_one_passes(tmp_path: Path, scheme: Scheme) -> None:
    handler = Notified()
    async with receiving(address(scheme, tmp_path), handler, KEYS) as receiver:
        with client(receiver) as sock:
            good = numbered(1, key=KEY)
            sent = (
                good,
                good,
                numbered(2),
                numbered(2, key=Key(b"k1", b"a guess of it...")),
                numbered(2, key=Key(b"k3", KEY.secret)),
                numbered(2, key=KEY)[:-1],
                numbered(2, key=Key(b"k2", bytes(32))),
                numbered(4, key=KEY, method="calc.nothing"),
            )
            for count, datagram in enumerate(sent, 1):
                sock.send(datagram)
                await arrived(receiver, count)
        assert [metadata[6] for _, _, metadata, _ in handler.calls] == [1, 2]
        assert receiver.statistics() == datagrams.ReceiverStatistics(
            received=8,
            accepted=2,
            dropped={
                "replay": 1,
                "unkeyed": 1,
                "bad_mac": 1,
                "unknown_key": 1,
                "malformed": 1,
                "unknown_method": 1,
            },
            lost=1,
            senders=1,
        )


async def test_a_forger_moves_no_window() -> None:
    handler = Notified()
    async with receiving(parse("udp://127.0.0.1:0"), handler, KEYS) as receiver:
        with client(receiver) as sock:
            forged = numbered(2**63, key=Key(b"k1", b"a guess of it..."))
            for count, datagram in enumerate((numbered(5000, key=KEY), forged, numbered(5000 - 1023, key=KEY)), 1):
                sock.send(datagram)
                await arrived(receiver, count)
            sock.send(numbered(5000 - 1024, key=KEY))
            await arrived(receiver, 4)
    assert [metadata[6] for _, _, metadata, _ in handler.calls] == [5000, 5000 - 1023]
    assert receiver.statistics().dropped == {"bad_mac": 1, "replay": 1}


async def test_a_receiver_shows_no_secret() -> None:
    [receiver] = await open_datagrams(parse("udp://127.0.0.1:0"), keys=KEYS)
    assert "sixteen" not in f"{receiver!r} {vars(receiver)!r}"
    receiver.close()


async def test_peers_come_and_go() -> None:
    handler = Notified()
    async with receiving(parse("udp://127.0.0.1:0"), handler) as receiver:
        for sequence in range(1, 301):  # more than are remembered
            with client(receiver) as sock:
                sock.send(numbered(sequence))
                await arrived(receiver, sequence)
                assert handler.calls[-1][3].address == f"udp://127.0.0.1:{sock.getsockname()[1]}"


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
