from __future__ import annotations

import pytest
import trio
import trio.testing

from rpc.errors import Code, Processed, Reason
from rpc.limits import Limits
from rpc.net.timers import PingMeter, WasteMeter
from rpc.service.service import Service
from rpc.wire import frames
from tests.raw_peer import (
    call,
    client_of,
    data,
    error_of,
    raw_client,
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
            assert len(connection.frame_timer._gathering) <= 32


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


# --- Calls that were in vain -----------------------------------------------------------------------------------


def test_half_of_five_hundred_may_be_in_vain() -> None:
    meter = WasteMeter()
    assert [meter.add(calls) for calls in range(2, 502, 2)] == [False] * 250
    assert meter.add(500)


def test_what_was_in_vain_long_ago_is_forgotten() -> None:
    meter = WasteMeter()
    for start in range(0, 10_000, 501):
        assert not any(meter.add(start + calls) for calls in range(1, 251))
