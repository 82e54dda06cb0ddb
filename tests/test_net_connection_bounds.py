from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed, Reason
from rpc.limits import Limits
from rpc.net.memory import memory_links
from rpc.wire import frames
from tests.outgoing import Calls
from tests.probe import Probe
from tests.raw_peer import (
    RawPeer,
    call,
    client_of,
    connection_of,
    error_of,
    greeting,
    raw_client,
    raw_server,
    reply,
    result_of,
    serve_link,
    socket_links,
)


@pytest.fixture
def probe() -> Probe:
    return Probe()


# --- Excess ----------------------------------------------------------------------------------------------------


async def test_pings_are_answered_until_they_are_too_many(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(*(frames.ping(token) for token in range(32)))
        assert [await peer.hear() for _ in range(32)] == [[frames.PONG, token] for token in range(32)]
        await trio.sleep(1.1)
        await peer.say(frames.ping(32))
        assert await peer.hear() == [frames.PONG, 32]
        await peer.say(frames.ping(33), call(1, "probe.sleep", 1), frames.ping(34))
        assert await peer.hear_all() == [[frames.GOAWAY, 1, Reason.TOO_MANY, "too many pings"]]


async def test_a_peer_that_reads_no_answers_is_cut_off_at_once(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links(buffer=4096)
    peer = RawPeer(near)
    async with serve_link(far, probe.service, limits=Limits(max_calls=16, max_unread=65536)) as serving:
        await peer.greet()
        [connection] = serving.connections
        number = 1
        while not connection.is_over:
            assert number < 10_000
            await peer.say(call(number, "probe.sleep", 100))
            await trio.testing.wait_all_tasks_blocked()
            number += 2
        assert trio.current_time() == 0
        assert "does not read its answers" in connection.end_reason
        peer.close()


async def test_a_peer_that_stops_reading_is_cut_off(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links(buffer=4096)
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving:
        await peer.greet()
        [connection] = serving.connections
        await peer.say(call(1, "probe.big", 1_000_000))
        for _ in range(5):  # some progress, now and then
            await trio.sleep(9)
            assert await peer._read()
        assert not connection.is_over
        await trio.sleep(10.1)
        assert connection.end_reason == "the peer read nothing for 10 s"
        peer.close()


@pytest.mark.parametrize("links", [lambda: socket_links(buffer=4096), memory_links])
async def test_a_peer_that_leaves_while_it_is_written_to(
    links: Callable[[], Any], probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = links()
    async with serve_link(far, probe.service) as serving, client_of(near) as client:
        [connection] = serving.connections
        with trio.move_on_after(1):
            await client.call("probe.sleep", 2)
        connection_of(client).end("gone")
        await trio.sleep(3)
        assert connection.is_over
        assert not serving.connections


async def test_a_stall_that_ends_with_the_connection(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(buffer=4096) as (client, _):
        connection = connection_of(client)
        connection.session.notify("far.x", bytes(200_000))
        connection.flush()  # a rest stays, and a task is to send it
        connection.end("before that task has run")
        await trio.testing.wait_all_tasks_blocked()
        assert connection.end_reason == "before that task has run"


async def test_many_frames_of_one_payload_leave_others_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with raw_server(spoken=greeting(max_frame=16384)) as (client, peer), trio.open_nursery() as nursery:
        connection = connection_of(client)
        soon: list[int] = []
        flush_soon = connection.flush_soon

        def count(_: object) -> None:
            soon.append(connection.session.queued)
            flush_soon()

        monkeypatch.setattr(type(connection), "flush_soon", count)
        nursery.start_soon(client.call, "far.method", bytes(150_000))
        await trio.testing.wait_all_tasks_blocked()
        assert soon
        assert 0 < soon[0] < 150_000 - 8 * 16_000
        assert (await peer.hear())[:2] == [frames.CALL, 1]
        nursery.cancel_scope.cancel()


# --- Pings of ours -----------------------------------------------------------------------------------------------


async def test_a_ping_takes_the_time_that_it_takes(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        times: list[float] = []

        async def ping() -> None:
            times.append(await client.ping())

        nursery.start_soon(ping)
        _, token = await peer.hear()
        await peer.say(frames.pong(token + 1000))  # which nobody has asked for
        await trio.sleep(3)
        assert times == []
        await peer.say(frames.pong(token))
        await trio.testing.wait_all_tasks_blocked()
        assert times == pytest.approx([3])


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_ping_on_a_connection_that_ends(when: str, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        if when == "before":
            peer.close()
            await trio.testing.wait_all_tasks_blocked()
        else:

            async def leave() -> None:
                await peer.hear()
                peer.close()

            nursery.start_soon(leave)
        with pytest.raises(rpc.Unavailable, match="the connection ended: the peer closed the connection"):
            await client.ping()


async def test_a_cancelled_ping_is_forgotten(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, peer):
        with trio.move_on_after(1):
            await client.ping()
        _, token = await peer.hear()
        await peer.say(frames.pong(token))
        await trio.testing.wait_all_tasks_blocked()


# --- Drain -------------------------------------------------------------------------------------------------------


async def test_a_drain_has_two_phases_and_loses_no_call(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving, trio.open_nursery() as nursery:
        await peer.greet()
        await peer.say(call(1, "probe.sleep", 5))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(serving.drain)
        assert await peer.hear() == [frames.GOAWAY, None, Reason.NONE, "the server is stopping"]
        kind, token = await peer.hear()
        assert kind == frames.PING
        await peer.say(call(3, "probe.add", 1), call(5, "probe.sleep", 1))  # they cross the GOAWAY
        assert result_of(await peer.hear()) == 11
        await peer.say(frames.pong(token), call(7, "probe.add", 2))
        heard = [await peer.hear() for _ in range(2)]
        assert sorted(fields[0] for fields in heard) == [frames.REPLY, frames.GOAWAY]
        assert [frames.GOAWAY, 7, Reason.NONE, "the server is stopping"] in heard
        await peer.say(call(9, "probe.add", 3))
        error = error_of(await peer.hear())
        assert (error.code, error.processed) == (rpc.Code.UNAVAILABLE, Processed.NOT_PROCESSED)
        assert [result_of(fields) for fields in await peer.hear_all()] == ["slept", "slept"]
        assert trio.current_time() == pytest.approx(5)
        peer.close()
    assert probe.told == ["started", "add", "started", "add"]


async def test_a_drain_does_not_wait_for_a_pong_for_ever(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving:
        await peer.greet()
        await serving.drain()
        assert trio.current_time() == pytest.approx(1)
        heard = await peer.hear_all()
        assert [fields[0] for fields in heard] == [frames.GOAWAY, frames.PING, frames.GOAWAY]
        assert heard[-1][1] == 0
        peer.close()


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_drain_of_a_peer_that_leaves(
    leaves: bool, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving, trio.open_nursery() as nursery:
        await peer.greet()
        if leaves:

            async def leave() -> None:
                await peer.hear()
                peer.close()

            nursery.start_soon(leave)
        else:
            peer.close()
            await trio.testing.wait_all_tasks_blocked()
        await serving.drain()
    assert trio.current_time() == 0


async def test_a_drain_ends_as_soon_as_a_slow_reader_has_its_answer(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links(buffer=4096)
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving, trio.open_nursery() as nursery:
        await peer.greet()
        await peer.say(call(1, "probe.big", 200_000))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(serving.drain)
        await trio.sleep(2)
        heard = await peer.hear_all()
        assert [fields[0] for fields in heard] == [frames.REPLY, frames.GOAWAY, frames.PING, frames.GOAWAY]
        peer.close()
    assert trio.current_time() == pytest.approx(2)


async def test_a_drain_waits_for_the_calls_of_this_side_too(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving, trio.open_nursery() as nursery:
        await peer.greet()
        [connection] = serving.connections
        calls = Calls(connection.client, nursery)
        calls.start("back")
        assert await peer.hear_calls(1) == [2]
        nursery.start_soon(serving.drain)
        await trio.sleep(3)
        assert not connection.is_over
        await peer.say(reply(2, "answered"))
        assert [fields[0] for fields in await peer.hear_all()] == [frames.GOAWAY, frames.PING, frames.GOAWAY]
        assert calls.ended == {"back": "answered"}
        peer.close()


async def test_a_cancelled_drain_leaves_the_connection_open_and_refusing(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving:
        await peer.greet()
        [connection] = serving.connections
        await peer.say(call(1, "probe.sleep", 5))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(2):
            await connection.drain()
        await peer.say(call(3, "probe.add", 1))
        heard = [await peer.hear() for _ in range(5)]
        assert error_of(heard[3]).processed is Processed.NOT_PROCESSED
        assert result_of(heard[4]) == "slept"
        assert not connection.is_over
        peer.close()
