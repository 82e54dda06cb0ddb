from __future__ import annotations

import logging

import pytest
import trio
import trio.testing

from rpc.errors import Code, Processed, Reason
from rpc.limits import Limits
from rpc.net.timers import PingMeter, WasteMeter
from rpc.peer import Peer
from rpc.service.service import Service
from rpc.wire import frames
from tests.raw_peer import (
    HERE,
    REMOTE,
    call,
    client_of,
    connected,
    connection_of,
    data,
    error_of,
    greeting,
    notify,
    raw_client,
    raw_server,
    result_of,
    serve_link,
    socket_links,
)

service = Service("calc")


@service.method
def size(value: bytes) -> int:
    return len(value)


@service.method
async def size_later(value: bytes) -> int:
    await trio.sleep(100)
    return len(value)


CUT = bytes.fromhex("81 59 2000") + bytes(0x2000)
"""The arguments of `size`: one byte string of 8192 bytes."""


# --- Frames that stay unfinished -----------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [call(1, "calc.size", b"four"), call(1, "calc.size", bytes(200_000))])
async def test_a_frame_that_comes_slowly_has_its_time_as_a_whole(
    frame: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_client(service) as peer:
        start = trio.current_time()
        await peer.say(frame[:4])
        for byte in frame[4:8]:
            await trio.sleep(7)
            await peer.say(bytes([byte]))
        [goaway] = await peer.hear_all()
        assert trio.current_time() - start == pytest.approx(30)
        assert goaway[:3] == [frames.GOAWAY, 0, Reason.TOO_SLOW]
        assert goaway[3] == "a frame was not whole within 30 s"


async def test_each_frame_has_its_own_time(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service) as peer:
        rest = b""
        for number in range(1, 11, 2):
            frame = call(number, "calc.size", b"four")
            await peer.say(rest + frame[:10])
            await trio.sleep(20)
            rest = frame[10:]
        await peer.say(rest)
        assert [result_of(await peer.hear()) for _ in range(5)] == [4] * 5
        await trio.sleep(100)
        await peer.say(call(11, "calc.size", b"four"))
        assert result_of(await peer.hear()) == 4


async def test_arguments_that_stay_unfinished_fail_their_call_alone(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service) as peer:
        start = trio.current_time()
        await peer.say(call(1, "calc.size", payload=CUT[:4096], flags=frames.MORE))
        await trio.sleep(10)
        await peer.say(call(3, "calc.size", payload=CUT[:4096], flags=frames.MORE))
        await peer.say(call(5, "calc.size", payload=CUT[:4096], flags=frames.MORE), data(5, CUT[4096:]))
        assert result_of(await peer.hear()) == 0x2000
        error = error_of(await peer.hear())
        assert trio.current_time() - start == pytest.approx(30)
        assert (error.code, error.processed) == (Code.DEADLINE_EXCEEDED, Processed.NOT_PROCESSED)
        await trio.sleep(5)
        await peer.say(data(1, CUT[4096:]), data(3, CUT[4096:]))
        assert result_of(await peer.hear()) == 0x2000
        assert trio.current_time() - start == pytest.approx(35)


async def test_arguments_that_were_cancelled_are_answered_once(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service) as peer:
        await peer.say(call(1, "calc.size", payload=CUT[:4096], flags=frames.MORE))
        await trio.sleep(1)
        await peer.say(frames.cancel(1))
        error = error_of(await peer.hear())
        assert (error.code, error.processed) == (Code.CANCELLED, Processed.NOT_PROCESSED)
        await trio.sleep(100)
        await peer.say(call(3, "calc.size", b"four"))
        assert (await peer.hear())[1] == 3


async def test_calls_that_came_in_fragments_are_not_gathered_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    async with serve_link(far, service, limits=Limits(max_calls=16)) as serving, client_of(near) as client:
        [connection] = serving.connections
        for _ in range(100):
            assert await client.call("calc.size", bytes(300_000)) == 300_000
            assert len(connection._frame_timer._gathering) <= 32


# --- Pings that are too many -----------------------------------------------------------------------------------


def test_so_many_pings_at_once_and_then_one_each_interval() -> None:
    meter = PingMeter(Limits(min_ping=2000))
    now = 1000.0
    assert all(meter.allows(now) for _ in range(32))
    assert not meter.allows(now)
    assert not meter.allows(now + 1.9)
    assert meter.allows(now + 2)
    assert not meter.allows(now + 2)
    assert [meter.allows(now + 4 + 2 * turn) for turn in range(50)] == [True] * 50
    assert [meter.allows(now + 1e6) for _ in range(33)] == [True] * 32 + [False]


# --- The sign of life ------------------------------------------------------------------------------------------


async def test_a_silent_peer_is_pinged_and_lives_while_it_answers(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, peer=REMOTE) as peer:
        for turn in range(1, 4):
            kind, token = await peer.hear()
            assert kind == frames.PING
            assert trio.current_time() == pytest.approx(30 * turn)
            await peer.say(frames.pong(token))


async def test_a_silent_peer_that_does_not_answer_is_dead(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "rpc")
    async with raw_client(service, peer=REMOTE) as peer:
        assert [fields[0] for fields in await peer.hear_all()] == [frames.PING]
        assert trio.current_time() == pytest.approx(40)
    assert "no sign of life for 40 s" in caplog.messages[-1]


@pytest.mark.parametrize("last", [0.1, 15, 29.9, 31])
async def test_silence_is_counted_from_the_last_byte(last: float, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, peer=REMOTE) as peer:
        await trio.sleep(last)
        await peer.say(frames.pong(7))
        await peer.hear_all()
        assert trio.current_time() == pytest.approx(last + 40)


async def test_any_byte_is_a_sign_of_life(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, peer=REMOTE) as peer:
        for _ in range(10):
            await trio.sleep(20)
            await peer.say(notify("calc.nothing"))
        await peer.hear()  # the ping: nothing was heard for 30 s
        assert trio.current_time() == pytest.approx(240, abs=30)
        await trio.sleep(9)
        peer.socket.send(notify("calc.nothing")[:3])
        await trio.sleep(9)
        await peer.say(notify("calc.nothing")[3:], call(1, "calc.size", b"four"))
        assert result_of(await peer.hear()) == 4


async def test_a_pinger_keeps_to_what_its_peer_tolerates(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(peer=REMOTE, spoken=greeting(min_ping=90_000)) as (_, peer):
        kind, _ = await peer.hear()
        assert kind == frames.PING
        assert trio.current_time() == pytest.approx(90)


async def test_both_sides_ping_as_their_limits_say(autojump_clock: trio.testing.MockClock) -> None:
    limits = Limits(keepalive=2, keepalive_timeout=1)
    async with raw_server(peer=REMOTE, limits=limits) as (client, peer):
        assert [fields[0] for fields in await peer.hear_all()] == [frames.PING]
        assert trio.current_time() == pytest.approx(3)
        assert connection_of(client).end_reason == "no sign of life for 3 s"


async def test_nobody_pings_on_this_host(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service) as peer:
        await trio.sleep(10_000)
        await peer.say(call(1, "calc.size", b"four"))
        assert result_of(await peer.hear()) == 4


@pytest.mark.parametrize("leaves", ["at once", "while the ping is on its way"])
async def test_a_peer_that_leaves_is_not_missed(
    leaves: str, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_server(peer=REMOTE) as (client, peer):
        if leaves != "at once":
            await peer.hear()
        peer.close()
        await trio.sleep(100)
        assert connection_of(client).is_over
    assert not caplog.records


async def test_a_peer_that_is_turned_away_is_not_pinged(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(service, peer=REMOTE, greets=False) as peer:
        await peer.hear()
        [goaway] = await peer.hear_all()
        assert goaway[2] == Reason.TOO_SLOW
    assert [record.getMessage() for record in caplog.records] == [
        f"{REMOTE.address}: connection error: no HELLO came in time"
    ]


async def test_two_of_ours_keep_each_other_alive(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(service, links=lambda: socket_links(peer=REMOTE)) as pair:
        await trio.sleep(10_000)
        assert await pair.client.call(size, b"four") == 4


# --- Calls that were in vain -----------------------------------------------------------------------------------


def test_half_of_five_hundred_may_be_in_vain() -> None:
    meter = WasteMeter()
    assert [meter.add(calls) for calls in range(2, 502, 2)] == [False] * 250
    assert meter.add(500)


def test_what_was_in_vain_long_ago_is_forgotten() -> None:
    meter = WasteMeter()
    for start in range(0, 10_000, 501):
        assert not any(meter.add(start + calls) for calls in range(1, 251))


# --- Idle connections --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", [HERE, REMOTE])
async def test_an_idle_connection_is_ended_where_that_is_wanted(
    peer: Peer, autojump_clock: trio.testing.MockClock
) -> None:
    """Pings are no use of it, in either direction."""
    async with raw_client(service, limits=Limits(idle_timeout=60), peer=peer) as raw:
        for _ in range(5):
            await trio.sleep(10)
            await raw.say(frames.ping(1))
        heard = await raw.hear_all()
        assert heard[-1] == [frames.GOAWAY, 0, Reason.TOO_SLOW, "nothing has happened for 60 s"]
        assert trio.current_time() == pytest.approx(60, abs=4)


async def test_a_connection_that_is_used_is_not_idle(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, limits=Limits(idle_timeout=60)) as raw:
        await raw.say(call(1, "calc.size_later", b"four"))
        assert result_of(await raw.hear()) == 4
        assert trio.current_time() == pytest.approx(100)
        for _ in range(4):
            await trio.sleep(50)
            await raw.say(notify("calc.nothing"))
        assert (await raw.hear())[0] == frames.GOAWAY
        assert trio.current_time() == pytest.approx(360, abs=4)


async def test_a_client_may_end_what_it_does_not_use(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(limits=Limits(idle_timeout=60)) as (client, _raw):
        for _ in range(2):
            await trio.sleep(50)
            await client.notify("far.note", 1)
        await connection_of(client).ended.wait()
        assert trio.current_time() == pytest.approx(161, abs=4)


async def test_by_default_a_connection_may_be_idle_for_days(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service) as raw:
        await trio.sleep(3 * 86_400)
        await raw.say(call(1, "calc.size", b"four"))
        assert result_of(await raw.hear()) == 4
