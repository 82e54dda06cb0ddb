from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed, Reason
from rpc.net.link import SocketLink
from rpc.net.memory import memory_links
from rpc.service.service import Service
from rpc.wire import frames
from rpc.wire.payload import encode
from tests import raw_peer
from tests.outgoing import Calls
from tests.probe import Probe
from tests.raw_peer import (
    HELLO,
    HERE,
    REMOTE,
    RawPeer,
    call,
    connected,
    connection_of,
    data,
    error_of,
    greeting,
    notify,
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


# --- Its life --------------------------------------------------------------------------------------------------


async def test_what_a_connection_says_of_itself(probe: Probe) -> None:
    async with connected(probe.service) as pair:
        assert pair.near.peer == HERE
        assert repr(pair.near) == "<connection to unix:test, <session open, 0 calls out, 0 in>>"
        assert pair.near.settings is not None
        assert pair.near.settings.agent.startswith("triorpc/")
        await pair.client.aclose()
        assert repr(pair.near) == "<connection to unix:test, ended>"
        assert pair.near.end_reason == "this client was closed"


@pytest.mark.parametrize("links", [socket_links, memory_links])
async def test_both_sides_end_with_one(links: Callable[[], Any], autojump_clock: trio.testing.MockClock) -> None:
    async with connected(Service("empty"), links=links) as pair:
        far = pair.far
        await pair.client.aclose()
        await trio.sleep(1)
        assert not pair.serving.connections
        if links is socket_links:
            assert far.end_reason == "the peer closed the connection"


async def test_an_end_happens_once(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, _):
        connection = connection_of(client)
        connection.end("for a reason")
        connection.end("for another")
        assert connection.end_reason == "for a reason"
        assert connection.pump()  # nothing to wait for
        connection.pump_data(b"late")
        assert not await connection.read_until(lambda: False)
        connection.flush_soon()
        connection.flush()
        await connection.flushed()


async def test_a_peer_that_says_nothing_is_not_waited_for(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(probe.service, greets=False) as peer:
        assert (await peer.hear())[0] == frames.HELLO
        [goaway] = await peer.hear_all()
        assert goaway == [frames.GOAWAY, 0, Reason.TOO_SLOW, "no HELLO came in time"]
        assert trio.current_time() == pytest.approx(5)


async def test_reading_goes_on_for_a_second_after_an_error(
    probe: Probe, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving:
        await peer.greet()
        await peer.say(call(2, "probe.add", 1))
        [goaway] = await peer.hear_all()
        assert goaway[:3] == [frames.GOAWAY, 0, Reason.PROTOCOL]
        await trio.sleep(0.5)
        await peer.say(call(1, "probe.add", 1))
        assert len(serving.connections) == 1
        await trio.sleep(0.6)
        assert not serving.connections
        with pytest.raises(trio.BrokenResourceError):
            await peer.say(b"x")
        peer.close()
    assert probe.told == []
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("unix:test: connection error: CALL")


async def test_a_peer_that_leaves_after_its_error_is_not_waited_for(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving:
        await peer.greet()
        await peer.say(call(2, "probe.add", 1))
        await peer.hear_all()
        peer.close()
        await trio.testing.wait_all_tasks_blocked()
        assert not serving.connections
    assert trio.current_time() == 0


async def test_a_peer_that_is_turned_away_reads_why(probe: Probe) -> None:
    async with raw_client(probe.service, allow_uids=[], greets=False) as peer:
        await peer.say(HELLO, call(1, "probe.add", 1))
        hello, goaway = await peer.hear_all()
        assert hello[0] == frames.HELLO
        assert goaway == [frames.GOAWAY, 0, Reason.CREDENTIAL, f"user {os.getuid()} is not allowed"]
    assert probe.told == []


async def test_an_error_that_cannot_be_told_any_more(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links(buffer=4096)
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving:
        await peer.greet()
        [connection] = serving.connections
        await peer.say(call(1, "probe.big", 1_000_000))
        await trio.testing.wait_all_tasks_blocked()
        await peer.say(call(1, "probe.add", 1))
        await trio.sleep(0.5)  # the GOAWAY waits behind what the peer does not read
        peer.close()
        await trio.testing.wait_all_tasks_blocked()
        assert connection.is_over


@pytest.mark.parametrize("reason", [3, 99])
async def test_the_peer_ends_the_connection_with_a_reason(reason: int, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, peer):
        await peer.say(frames.goaway(0, reason, "enough\x1b"))
        peer.close()
        await trio.testing.wait_all_tasks_blocked()
        failure = connection_of(client).failure
        assert failure is not None
        assert failure.message == "enough\x1b"
        assert failure.reason == (Reason.CREDIT if reason == 3 else Reason.NONE)
        with pytest.raises(rpc.Unavailable):
            await client.call("far.method")


async def test_a_peer_that_is_about_to_stop_takes_no_more_calls() -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        calls.start("open")
        await peer.hear_calls(1)
        await peer.say(frames.goaway(None, 0, ""), frames.goaway(1, 0, ""))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(rpc.Unavailable, match="the peer takes no more calls") as caught:
            await client.call("far.method")
        assert caught.value.processed is Processed.NOT_PROCESSED
        assert connection_of(client).failure is None
        await peer.say(reply(1, "as ever"))
    assert calls.ended == {"open": "as ever"}


# --- Reading -----------------------------------------------------------------------------------------------------


class Resetting(socket.socket):
    """A socket whose peer is gone, however it is read or written."""

    def recv(self, *_: Any) -> bytes:
        raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))

    def recv_into(self, *_: Any, **__: Any) -> int:
        raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


async def test_a_connection_that_is_reset(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    resetting = SocketLink(Resetting(fileno=far.socket.detach()), HERE)
    resetting.socket.setblocking(False)
    async with serve_link(resetting, probe.service) as serving:
        await trio.testing.wait_all_tasks_blocked()
        [connection] = serving.connections
        near.socket.send(b"x")
        await trio.testing.wait_all_tasks_blocked()
        assert connection.end_reason == "Connection reset by peer"
    near.socket.close()


async def test_what_a_peer_said_before_it_left_is_read_although_nothing_can_be_written(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(3):
            calls.start(number)
        await peer.hear_calls(3)
        await peer.say(reply(1, "done"), frames.goaway(3, 0, "closing"), reply(3, "done too"))
        peer.close()
        connection = connection_of(client)
        connection.session.notify("far.x", b"\x80")
        connection.flush()
        assert not connection.is_over
    assert sorted(value for value in calls.ended.values() if isinstance(value, str)) == ["done", "done too"]
    [error] = [value for value in calls.ended.values() if isinstance(value, rpc.Unavailable)]
    assert error.processed is Processed.NOT_PROCESSED
    assert connection.end_reason == "the peer closed the connection"
    assert trio.current_time() == 0


async def test_a_peer_that_neither_reads_nor_leaves(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, peer):
        peer.socket.shutdown(socket.SHUT_RD)
        with pytest.raises(rpc.Unavailable, match="Broken pipe") as caught:
            await client.call("far.method")
        assert caught.value.processed is Processed.UNKNOWN
        assert trio.current_time() == pytest.approx(1)
        await client.aclose()


@pytest.mark.parametrize(
    ("rest", "reason"),
    [(b"", "the peer closed the connection in the midst of a frame"), (b"x", "the peer closed the connection")],
)
async def test_the_peer_leaves_in_the_midst_of_a_frame(
    rest: bytes, reason: str, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving:
        await peer.greet()
        [connection] = serving.connections
        large = call(1, "probe.add", bytes(200_000)) if not rest else call(1, "probe.add", 1)
        await peer.say(large[:-10])
        await trio.testing.wait_all_tasks_blocked()
        peer.close()
        await trio.testing.wait_all_tasks_blocked()
        assert connection.end_reason == reason
    assert probe.told == []


async def test_nothing_to_read_is_nothing() -> None:
    async with raw_server() as (client, _):
        assert not connection_of(client).pump()
        assert not connection_of(client).is_over


async def test_notifications_go_to_their_handlers(probe: Probe) -> None:
    async with raw_client(probe.service, peer=REMOTE) as peer:
        await peer.say(notify("probe.observe"), call(1, "probe.add", 1))
        await peer.hear()
    assert probe.told == ["observed", "add"]


async def test_many_calls_and_answers_leave_in_whole_batches(probe: Probe) -> None:
    async with connected(probe.service) as pair, trio.open_nursery() as nursery:
        calls = Calls(pair.client, nursery)
        for number in range(100):
            calls.start(number, number)
    assert len(calls.ended) == 100
    async with raw_client(probe.service) as peer:
        await peer.say(*(call(number, "probe.add", number) for number in range(1, 201, 2)))
        assert [result_of(await peer.hear()) for _ in range(100)] == [number + 10 for number in range(1, 201, 2)]


async def test_an_answer_makes_room_for_who_waits() -> None:
    async with raw_server(spoken=greeting(max_calls=16)) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(17):
            calls.start(number)
        await peer.hear_calls(16)
        await trio.testing.wait_all_tasks_blocked()
        await peer.say(reply(1, None))
        assert await peer.hear_calls(1) == [33]
        nursery.cancel_scope.cancel()


async def test_a_large_frame_is_read_into_its_place(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        frame = call(1, "probe.add", bytes(200_000))
        await peer.say(frame[:100_000])
        await trio.testing.wait_all_tasks_blocked()
        await peer.say(frame[100_000:], call(3, "probe.add", 1))
        assert error_of(await peer.hear()).code == rpc.Code.INVALID_ARGUMENT
        assert result_of(await peer.hear()) == 11


async def test_what_comes_for_a_call_that_was_refused_is_nothing(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        refused = call(1, "probe.add", 1, flags=frames.SENDS | frames.TAKES)
        await peer.say(refused, data(1, b"\x01"), frames.credit(1, 100_000_000), data(1, b"", frames.END))
        assert error_of(await peer.hear()).code == rpc.Code.UNIMPLEMENTED
        await peer.say(call(3, "probe.add", 1))
        assert result_of(await peer.hear()) == 11


async def test_what_has_come_for_a_call_before_its_end_is_not_lost_where_a_batch_is_cut_short() -> None:
    back = Service("back")

    @back.notification
    def leave() -> None:
        client.close()

    async with raw_peer.raw_server(services=back) as (client, peer), client.stream("far.numbers") as numbers:
        await peer.hear()
        items = [raw_peer.data(1, encode(number)) for number in (1, 2, 3, [4])]
        await peer.say(raw_peer.notify("back.leave"), *items, raw_peer.reply(1, None))
        assert [number async for number in numbers] == [1, 2, 3, [4]]
