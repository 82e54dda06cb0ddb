"""Datagrams through the public face: keys, what is refused, and floods of what nobody can use.

``DATAGRAMS=1000000 pytest tests/test_server_datagrams.py`` sends so many.
"""

from __future__ import annotations

import logging
import os
import random
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import rpc
from rpc.address import parse
from rpc.server.builtin import stats
from rpc.wire import datagrams, payload
from rpc.wire.cose import Key
from tests.datagram_tools import numbered

DATAGRAMS = int(os.environ.get("DATAGRAMS", "20000"))

SECRET = b"sixteen bytes..."
OLDER = b"what was there before it"
KEYS = {b"k1": SECRET, b"k0": OLDER}

calc = rpc.Service("calc")
observed: list[tuple[str, float]] = []


@calc.notification
def observe(name: str, value: float) -> None:
    observed.append((name, value))


@pytest.fixture(autouse=True)
def nothing_observed() -> None:
    observed.clear()


@asynccontextmanager
async def served(*bind: str, **options: Any) -> AsyncGenerator[list[str]]:
    async with trio.open_nursery() as nursery:
        yield await nursery.start(partial(rpc.serve, calc, bind, **options))
        nursery.cancel_scope.cancel()


async def seen(count: int) -> None:
    with trio.fail_after(10):
        while len(observed) < count:
            await trio.lowlevel.checkpoint()


# --- Keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "unixgram", "multicast"])
async def test_a_key_lets_in_and_nothing_else_does(scheme: str, tmp_path: Path) -> None:
    where = {
        "udp": "udp://127.0.0.1:0",
        "unixgram": f"unixgram:{tmp_path}/calc.dg",
        "multicast": "udp://239.1.2.3%lo:0",
    }[scheme]
    async with served(where, f"unix:{tmp_path}/s", datagram_keys=KEYS) as [bound, door], rpc.connect(door) as client:
        for key in ((b"k1", SECRET), (b"k0", OLDER), (b"k1", OLDER), (b"k2", SECRET)):
            async with rpc.notifier(bound, key=key) as notifier:
                notifier.send(observe, repr(key), 1.0)
        if scheme != "multicast":
            async with rpc.notifier(bound) as notifier:
                notifier.send(observe, "no key", 1.0)
        async with rpc.notifier(bound, key=(b"k1", SECRET)) as notifier:
            notifier.send(observe, "the last", 1.0)
        await seen(3)
        dropped = (await client.call(stats)).datagrams_dropped
    assert [name for name, _ in observed] == [repr((b"k1", SECRET)), repr((b"k0", OLDER)), "the last"]
    assert dropped == {"bad_mac": 1, "unknown_key": 1} | ({} if scheme == "multicast" else {"unkeyed": 1})


async def test_datagrams_of_strangers_write_no_warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rpc")
    async with served("udp://127.0.0.1:0") as [bound], rpc.notifier(bound) as notifier:
        notifier.send("metrics.nothing")
        notifier.send(observe, "plain", 1.0)
        await seen(1)
    [record] = [record for record in caplog.records if "dropped" in record.getMessage()]
    assert record.levelno == logging.INFO


async def test_a_sealed_datagram_is_not_taken_where_there_is_no_key(tmp_path: Path) -> None:
    async with served("udp://127.0.0.1:0", f"unix:{tmp_path}/s") as [bound, door], rpc.connect(door) as client:
        async with rpc.notifier(bound, key=(b"k1", SECRET)) as notifier:
            notifier.send(observe, "fps", 1.0)
        async with rpc.notifier(bound) as notifier:
            notifier.send(observe, "plain", 1.0)
        await seen(1)
        assert (await client.call(stats)).datagrams_dropped == {"keyed": 1}
    assert observed == [("plain", 1.0)]


async def test_losses_are_counted(tmp_path: Path) -> None:
    async with served("udp://127.0.0.1:0", f"unix:{tmp_path}/s") as [bound, door], rpc.connect(door) as client:
        with sender(bound) as sock:
            for sequence in (1, 2, 5, 4, 4):
                sock.send(sealed_observation(sequence, None))
        await seen(4)
        told = await client.call(stats)
    assert (told.datagrams_lost, told.datagrams_dropped) == (1, {"replay": 1})


async def test_keys_are_enough_for_an_address_that_other_hosts_can_reach() -> None:
    with pytest.raises(ValueError, match=r"can be reached from other hosts.*give datagram_keys="):
        await rpc.serve(calc, "udp://0.0.0.0:0")
    async with served("udp://0.0.0.0:0", datagram_keys=KEYS):
        pass
    async with served("udp://0.0.0.0:0", insecure=True):
        pass


@pytest.mark.parametrize(
    ("bind", "keys", "why"),
    [
        ("udp://127.0.0.1:0", {}, "at least one id and secret"),
        ("udp://127.0.0.1:0", {b"k1": b"fifteen bytes.."}, "at least 16 are needed"),
        ("tcp://127.0.0.1:0", KEYS, "no address would use them"),
        ("udp://239.1.2.3:0", KEYS, "name the network interface, as in udp://239.1.2.3%eth0:0"),
        ("udp://239.1.2.3%lo:0", None, "a multicast address, to which anyone can send: give datagram_keys="),
    ],
)
async def test_what_is_no_good_does_not_start(bind: str, keys: dict[bytes, bytes] | None, why: str) -> None:
    for insecure in (False, True):
        with pytest.raises(ValueError, match=why) as caught:
            await rpc.serve(calc, bind, datagram_keys=keys, insecure=insecure)
        assert "fifteen" not in str(caught.value)


# --- Floods ------------------------------------------------------------------------------------------------------


def sender(bound: str) -> socket.socket:
    where = parse(bound)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect((where.host, where.port))
    return sock


def sealed_observation(sequence: int, key: Key | None) -> bytes:
    return datagrams.encode("calc.observe", payload.encode([["fps", 59.9], {}]), b"observer", sequence, key=key)


def useless(draw: random.Random, good: bytes, old: Sequence[bytes]) -> bytes:
    """Garbage, forgeries, and what has been there before."""
    kind = draw.randrange(6)
    if kind == 0:
        return draw.randbytes(draw.randrange(200))
    if kind == 1:  # deep, long, and not at all what it says
        return draw.choice(
            (b"\x84\x07", b"\x9a\xff\xff\xff\xff", b"\x81" * 500, b"\xd1\x84", b"\xbf")
        ) + draw.randbytes(40)
    if kind == 2:  # any sender, any number, and the wrong key
        return numbered(draw.randrange(1, 2**64), sender=draw.randbytes(8), key=Key(b"k1", draw.randbytes(16)))
    if kind == 3:
        return numbered(draw.randrange(1, 2**64), sender=draw.randbytes(8))
    if kind == 4:
        place = draw.randrange(len(good))
        return good[:place] + bytes((good[place] ^ (1 << draw.randrange(8)),)) + good[place + 1 :]
    return draw.choice(old)


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_flood_runs_nothing_is_not_answered_and_leaves_nothing(tmp_path: Path) -> None:
    key, draw = Key(b"k1", SECRET), random.Random(9052)
    old = [sealed_observation(sequence, key) for sequence in range(1, 101)]
    flood = [useless(draw, sealed_observation(200, key), old) for _ in range(10_000)]
    bind = ("udp://127.0.0.1:0", f"unix:{tmp_path}/s")
    async with served(*bind, datagram_keys=KEYS) as [bound, door], rpc.connect(door) as client:
        with sender(bound) as sock:
            for datagram in old:
                sock.send(datagram)
            await seen(100)
            await send_all(sock, flood, 2 * len(flood), client)
            before = resident()
            await send_all(sock, flood, DATAGRAMS, client)
            assert resident() - before <= 4 * 1024 * 1024
            with pytest.raises(BlockingIOError):
                sock.recv(1)
            assert len(observed) == 100
            # The one that everybody tried to pass off still comes through.
            sock.send(sealed_observation(201, key))
            await seen(101)
        told = await client.call(stats)
    assert set(told.datagrams_dropped) == {"malformed", "unkeyed", "bad_mac", "unknown_key", "replay"}
    assert told.notifications_total == 101


async def send_all(sock: socket.socket, flood: Sequence[bytes], count: int, client: rpc.Client) -> None:
    """Send so many datagrams, not more at once than the kernel keeps, and see that every one has arrived."""
    before = sum((await client.call(stats)).datagrams_dropped.values())
    sent = 0
    while sent < count:
        for datagram in flood[sent % len(flood) :][: min(100, count - sent)]:
            sock.send(datagram)
            sent += 1
        with trio.fail_after(10):
            while sum((await client.call(stats)).datagrams_dropped.values()) < before + sent:
                pass
