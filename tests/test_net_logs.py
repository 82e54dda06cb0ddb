from __future__ import annotations

import logging

import pytest
import trio
import trio.testing

import rpc
from rpc.limits import Limits
from rpc.net.logs import PeerLog
from rpc.peer import Peer
from rpc.service.service import Service
from rpc.wire.framing import prefix
from tests.raw_peer import HELLO, REMOTE, RawPeer, call, handlers_of, notify, raw_client, serve_link, socket_links

OTHER = Peer(address="tcp://192.0.2.8:1", transport="tcp")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def shout(log: PeerLog, count: int, peer: Peer = REMOTE, kind: str = "connection error") -> None:
    for number in range(count):
        log.write(logging.WARNING, kind, peer, "%s %d", kind, number)


async def test_a_line_says_where_it_comes_from(caplog: pytest.LogCaptureFixture) -> None:
    shout(PeerLog(Clock()), 1)
    [record] = caplog.records
    assert (record.filename, record.funcName, record.name) == ("test_net_logs.py", "shout", "rpc")


async def test_ten_lines_a_second_and_then_how_many_more(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = PeerLog(clock)
    shout(log, 10_000)
    assert caplog.messages == [f"tcp://192.0.2.7:4711: connection error {number}" for number in range(10)]
    caplog.clear()
    clock.now = 1.0
    shout(log, 1)
    assert caplog.messages == [
        "192.0.2.7: connection error: 9990 more lines were left out",
        "tcp://192.0.2.7:4711: connection error 0",
    ]


async def test_peers_and_kinds_do_not_use_up_each_others_lines(caplog: pytest.LogCaptureFixture) -> None:
    log = PeerLog(Clock())
    shout(log, 20)
    shout(log, 1, OTHER)
    shout(log, 1, REMOTE, "no TLS")
    assert len(caplog.messages) == 12


async def test_an_address_with_other_ports_is_the_same_peer(caplog: pytest.LogCaptureFixture) -> None:
    log = PeerLog(Clock())
    for port in range(1, 100):
        shout(log, 1, Peer(address=f"tcp://192.0.2.7:{port}", transport="tcp"))
    assert len(caplog.messages) == 10


async def test_many_peers_have_a_hundred_lines_together(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = PeerLog(clock)
    for number in range(5000):
        shout(log, 1, Peer(address=f"tcp://192.0.{number // 250}.{number % 250}:1", transport="tcp"))
    assert len(caplog.messages) == 100
    assert len(log._seconds) <= 1024
    caplog.clear()
    clock.now = 1.0
    shout(log, 1)
    assert caplog.messages[0] == "others: connection error: 4900 more lines were left out"


async def test_what_is_forgotten_early_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    log = PeerLog(Clock())
    for number in range(1100):
        log.write_of(logging.WARNING, f"kind {number}", "a", "a line")
    assert len(log._seconds) <= 1024
    assert len(caplog.messages) == 1100


async def test_it_is_told_when_the_flood_is_over(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    log = PeerLog()
    nursery.start_soon(log.run)
    shout(log, 12)
    await trio.sleep(0.5)
    shout(log, 5, OTHER)
    shout(log, 20, OTHER, "no TLS")
    await trio.sleep(3)
    assert caplog.messages[-2:] == [
        "192.0.2.7: connection error: 2 more lines were left out",
        "192.0.2.8: no TLS: 10 more lines were left out",
    ]
    nursery.cancel_scope.cancel()


async def test_a_level_that_nobody_wants_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = PeerLog(Clock())
    log.write(logging.DEBUG, "a", REMOTE, "a line")
    log.write_of(logging.DEBUG, "a", "b", "a line")
    assert not log._seconds
    assert not caplog.messages


async def test_a_traceback_holds_no_line_of_a_peers_making(caplog: pytest.LogCaptureFixture) -> None:
    service = Service("calc")

    @service.method
    def parse(text: str) -> int:
        raise ValueError(f"bad: {text}")

    @service.notification
    def observe(text: str) -> None:
        raise ValueError(f"bad: {text}")

    async with raw_client(service) as peer:
        await peer.say(
            call(1, "calc.parse", "\n2026 CRITICAL root: \x1b[31mall is lost"), notify("calc.observe", "\r\x00")
        )
        await peer.hear()
        await trio.testing.wait_all_tasks_blocked()
    first, second = (logging.Formatter("%(message)s").format(record) for record in caplog.records)
    line, *rest = first.split("\n")
    assert line == "calc.parse raised ValueError"
    assert all(each.startswith("    ") for each in rest)
    assert rest[-2:] == ["    ValueError: bad: ", "    2026 CRITICAL root: \\x1b[31mall is lost"]
    assert second.endswith("ValueError: bad: \\r\\x00")
    assert caplog.records[0].exc_info is not None


async def test_a_thousand_bad_frames_are_a_few_lines(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    """Each breaks its connection, with text of the peer's making in the reason."""
    service = Service("calc")
    caplog.set_level(logging.DEBUG, "rpc")
    near, far = socket_links()
    async with serve_link(far, service, limits=Limits(max_greeting=20_000)) as serving, trio.open_nursery() as nursery:
        near.close()
        for _ in range(1_000 // 50):
            peers = []
            for _ in range(50):
                near, far = socket_links(peer=REMOTE)
                peer = RawPeer(near)
                nursery.start_soon(serving.serve_link, far)
                await peer.say(HELLO, prefix(9) + b"\x9b\x1b]0;\r\n\x00!")
                peers.append(peer)
            await trio.testing.wait_all_tasks_blocked()
            for peer in peers:
                peer.close()
        await trio.sleep(2)
    assert len(caplog.messages) < 40
    assert all(message.isprintable() for message in caplog.messages)


async def test_calls_that_fail_are_a_few_lines(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    service = Service("calc")

    @service.method
    def fail() -> None:
        raise KeyError

    async with rpc.testing.client(service) as client:
        for _ in range(100):
            with pytest.raises(rpc.RemoteError):
                await client.call(fail)
    assert caplog.messages == ["calc.fail raised KeyError"] * 10
    assert handlers_of(service).log is not handlers_of(service).log
