from __future__ import annotations

import contextvars
import logging
import os
from pathlib import Path

import pytest
import trio
import trio.testing

import rpc
from rpc.address import parse
from rpc.errors import Reason
from rpc.limits import Limits
from rpc.net.background import open_background
from rpc.net.dial import dial
from rpc.net.listen import listen
from rpc.net.memory import memory_links
from rpc.net.notifications import Notifications
from rpc.peer import Peer
from rpc.server.serving import Serving
from rpc.wire import frames
from rpc.wire.payload import encode
from tests.probe import Probe
from tests.raw_peer import (
    HELLO,
    HERE,
    RawPeer,
    call,
    client_of,
    error_of,
    handlers_of,
    result_of,
    serve_link,
    socket_links,
)


@pytest.fixture
def probe() -> Probe:
    return Probe()


async def test_one_connection_after_the_other(probe: Probe) -> None:
    near, far = socket_links()
    async with serve_link(far, probe.service) as serving, client_of(near) as client:
        assert await client.call("probe.add", 1) == 11
        [connection] = serving.connections
        assert isinstance(connection.client, rpc.Client)
        in_memory, other_end = memory_links()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serving.serve_link, other_end)
            async with client_of(in_memory) as other:
                assert await other.call("probe.add", 2) == 12
                assert len(serving.connections) == 2
        assert serving.connections == {connection}


async def test_what_a_listener_accepts_is_served_until_it_is_closed(probe: Probe, tmp_path: Path) -> None:
    address = parse(f"unix:{tmp_path}/s")
    [listener] = await listen(address)
    serving = Serving(handlers_of(probe.service), Limits())
    async with open_background() as nursery:
        nursery.start_soon(serving.readiness.run)
        async with trio.open_nursery() as accepting:
            accepting.start_soon(serving.accept, listener, nursery)
            async with client_of(await dial(address)) as one, client_of(await dial(address)) as two:
                assert await one.call("probe.add", 1) == 11
                listener.close()
                assert await two.call("probe.add", 2) == 12
        # `accept` has returned


async def test_the_end_of_a_connection_is_logged_safely(probe: Probe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rpc")
    near, far = socket_links()
    async with serve_link(far, probe.service) as serving, client_of(near) as client:
        await client.call("probe.add", 1)
        [connection] = serving.connections
        connection.end("a reason\x1b")
        await trio.testing.wait_all_tasks_blocked()
    assert caplog.messages == ["unix:test: connection ended: a reason\\x1b"]


# --- Turned away -------------------------------------------------------------------------------------------------


async def turned_away(link: Peer, serving_options: dict[str, object]) -> list[object]:
    probe = Probe()
    near, far = socket_links(peer=link)
    peer = RawPeer(near)
    async with serve_link(far, probe.service, **serving_options):  # type: ignore[arg-type]
        await peer.say(HELLO, call(1, "probe.add", 1))
        hello, goaway = await peer.hear_all()
        peer.close()
    assert hello[0] == frames.HELLO
    assert probe.told == []
    return goaway


async def test_a_user_who_is_not_allowed(autojump_clock: trio.testing.MockClock) -> None:
    stranger = Peer(address="unix:test", transport="unix", uid=os.geteuid() + 1000)
    expected = [frames.GOAWAY, 0, Reason.CREDENTIAL, f"user {os.geteuid() + 1000} is not allowed"]
    assert await turned_away(stranger, {}) == expected
    expected[-1] = f"user {os.geteuid()} is not allowed"
    assert await turned_away(HERE, {"allow_uids": [os.geteuid() + 1000]}) == expected


async def test_one_connection_too_many(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    first, far = socket_links()
    async with (
        serve_link(far, probe.service, limits=Limits(max_connections=1)) as serving,
        client_of(first) as client,
        trio.open_nursery() as nursery,
    ):
        for _ in range(2):
            near, far = socket_links()
            nursery.start_soon(serving.serve_link, far)
            with pytest.raises(rpc.Unavailable, match="max_connections: 1 are open") as caught:
                async with client_of(near):
                    raise AssertionError("not reached")
            assert isinstance(caught.value.__cause__, rpc.ProtocolError)
            assert caught.value.__cause__.reason == Reason.TOO_MANY
            await trio.sleep(2)
        assert await client.call("probe.add", 1) == 11
        await client.aclose()
        await trio.testing.wait_all_tasks_blocked()
        near, far = socket_links()
        nursery.start_soon(serving.serve_link, far)
        async with client_of(near) as welcome:
            assert await welcome.call("probe.add", 1) == 11


async def test_one_that_came_as_the_server_stops(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving, trio.open_nursery() as nursery:
        await peer.greet()
        await peer.say(call(1, "probe.sleep", 5))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(serving.drain)
        await trio.testing.wait_all_tasks_blocked()
        late, far = socket_links()
        nursery.start_soon(serving.serve_link, far)
        with pytest.raises(rpc.Unavailable, match="cannot connect to unix:test: the server is stopping") as caught:
            async with client_of(late):
                raise AssertionError("not reached")
        assert caught.value.processed is rpc.Processed.NOT_PROCESSED
        heard = await peer.hear_all()
        assert result_of(heard[-1]) == "slept"
        peer.close()
    assert probe.told == ["started"]


# --- Stopping ----------------------------------------------------------------------------------------------------


async def test_calls_that_take_too_long_are_cancelled(
    probe: Probe, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service, limits=Limits(drain_timeout=3)) as serving:
        await peer.greet()
        await peer.say(call(1, "probe.sleep", 2), call(3, "probe.sleep", 100))
        await trio.testing.wait_all_tasks_blocked()
        await serving.drain()
        assert trio.current_time() == pytest.approx(3)
        heard = await peer.hear_all()
        assert [fields[0] for fields in heard] == [frames.GOAWAY, frames.PING, frames.GOAWAY, frames.REPLY]
        await trio.testing.wait_all_tasks_blocked()
        assert not serving.connections
        peer.close()
    assert probe.told == ["started", "started", "cancelled"]
    assert caplog.messages == ["not ended when drain_timeout (3 s) was over, and cancelled: probe.sleep"]


async def test_notifications_that_take_too_long_are_told_of(
    probe: Probe, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    @probe.service.notification
    async def observe_for_ever() -> None:
        await trio.sleep_forever()

    near, far = socket_links()
    limits = Limits(drain_timeout=1)
    async with serve_link(far, probe.service, limits=limits) as serving, client_of(near) as client:
        await client.notify("probe.observe_for_ever")
        await trio.testing.wait_all_tasks_blocked()
        await serving.drain()
    assert "not ended when drain_timeout (1 s) was over, and cancelled: notifications" in caplog.messages


async def test_a_server_that_gives_no_time(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service, limits=Limits(drain_timeout=0)) as serving:
        await peer.greet()
        await peer.say(call(1, "probe.sleep", 2))
        await trio.testing.wait_all_tasks_blocked()
        await serving.drain()
        assert trio.current_time() == 0
        await peer.hear_all()
        peer.close()


async def test_notifications_that_have_arrived_may_end(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    @probe.service.notification
    async def observe_slowly(what: str) -> None:
        await trio.sleep(4)
        probe.told.append(what)

    near, far = socket_links()
    async with serve_link(far, probe.service) as serving, client_of(near) as client:
        await client.notify("probe.observe_slowly", "on a connection")
        received = Notifications(serving.handlers, serving.limits, contextvars.copy_context())
        serving.receiving.append(received)
        async with open_background() as received.nursery:
            received.take("probe.observe_slowly", None, encode([["in a datagram"], {}]), HERE)
            await trio.testing.wait_all_tasks_blocked()
            await serving.drain()
    assert sorted(probe.told) == ["in a datagram", "on a connection"]
    assert trio.current_time() == pytest.approx(4, abs=1)


async def test_a_call_that_arrives_after_the_last_is_refused(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service) as serving, trio.open_nursery() as nursery:
        await peer.greet()
        await peer.say(call(1, "probe.sleep", 5))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(serving.drain)
        await trio.sleep(2)
        await peer.say(call(3, "probe.add", 1))
        heard = await peer.hear_all()
        assert error_of(heard[-2]).code == rpc.Code.UNAVAILABLE
        assert result_of(heard[-1]) == "slept"
        peer.close()
