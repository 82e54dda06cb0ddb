from __future__ import annotations

import pytest
import trio
import trio.testing

from rpc.errors import Reason
from rpc.net.link import LINGER
from rpc.wire import frames
from tests import raw_peer
from tests.probe import Probe
from tests.raw_peer import connected, raw_client


async def test_a_drain_says_twice_that_it_ends_and_serves_what_crosses_the_first() -> None:
    probe = Probe()
    near, far = raw_peer.socket_links()
    peer = raw_peer.RawPeer(near)
    async with raw_peer.serve_link(far, probe.service) as serving, trio.open_nursery() as nursery:
        await peer.greet()
        [connection] = serving.connections
        nursery.start_soon(connection.drain)
        goaway, ping = await peer.hear(), await peer.hear()
        assert goaway == [frames.GOAWAY, None, Reason.NONE, "the server is stopping"]
        await peer.say(raw_peer.call(1, "probe.add", 1), frames.pong(ping[1]))
        heard = sorted(await peer.hear_all())
        assert [fields[0] for fields in heard] == [frames.REPLY, frames.GOAWAY]
        assert heard[1][1:] == [1, Reason.NONE, "the server is stopping"]
    peer.close()


async def test_a_drain_does_not_wait_long_for_a_peer_that_answers_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    probe = Probe()
    near, far = raw_peer.socket_links()
    peer = raw_peer.RawPeer(near)
    async with raw_peer.serve_link(far, probe.service) as serving:
        await peer.greet()
        [connection] = serving.connections
        await connection.drain()
        assert trio.current_time() == pytest.approx(1, abs=0.1)
        assert connection.end_reason == "this side drained it"
    peer.close()


async def test_a_drain_does_not_wait_for_who_has_not_greeted(autojump_clock: trio.testing.MockClock) -> None:
    probe = Probe()
    near, far = raw_peer.socket_links()
    peer = raw_peer.RawPeer(near)
    async with raw_peer.serve_link(far, probe.service) as serving:
        await trio.testing.wait_all_tasks_blocked()
        [connection] = serving.connections
        await connection.drain()
        assert trio.current_time() == 0
        assert (await peer.hear_all())[-1] == [frames.GOAWAY, 0, Reason.NONE, "the server is stopping"]
    peer.close()


async def test_a_drain_waits_for_calls(autojump_clock: trio.testing.MockClock) -> None:
    probe = Probe()
    async with connected(probe.service) as pair, trio.open_nursery() as nursery:

        async def call() -> None:
            await pair.client.call("probe.sleep", 3)

        nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        await pair.far.drain()
        assert trio.current_time() == pytest.approx(3, abs=0.1)


async def test_after_a_connection_error_the_peer_is_listened_to_for_a_moment(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with raw_client(Probe().service) as peer:
        await peer.say(bytes(4))
        goaway = await peer.hear()
        assert goaway[:3] == [frames.GOAWAY, 0, Reason.SIZE]
        start = trio.current_time()
        await peer.say(bytes(100))  # is read and thrown away: no reset
        assert await peer.hear_all() == []
        assert trio.current_time() - start <= LINGER
        await trio.sleep(LINGER)


async def test_it_is_over_at_once_when_the_peer_leaves(autojump_clock: trio.testing.MockClock) -> None:
    near, far = raw_peer.socket_links()
    peer = raw_peer.RawPeer(near)
    async with raw_peer.serve_link(far, Probe().service) as serving:
        await peer.greet()
        [connection] = serving.connections
        await peer.say(bytes(4))
        await trio.testing.wait_all_tasks_blocked()
        assert not connection.is_over
        peer.leave()
        await connection.ended.wait()
        assert trio.current_time() == pytest.approx(0, abs=0.1)
    peer.close()
