from __future__ import annotations

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Reason
from rpc.wire import frames
from tests.probe import Probe
from tests.raw_peer import call, connection_of, raw_client, raw_server

Clock = trio.testing.MockClock


async def test_a_ping_is_answered_with_its_token() -> None:
    async with raw_server() as (_client, peer):
        await peer.say(frames.ping(7), frames.ping(8))
        assert [await peer.hear(), await peer.hear()] == [[frames.PONG, 7], [frames.PONG, 8]]


async def test_a_ping_gives_the_round_trip(autojump_clock: Clock) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:

        async def answer() -> None:
            kind, token = await peer.hear()
            assert kind == frames.PING
            await trio.sleep(0.5)
            await peer.say(frames.pong(token + 1))  # which nobody has asked for
            await trio.sleep(0.5)
            await peer.say(frames.pong(token))

        nursery.start_soon(answer)
        assert await client.ping() == pytest.approx(1)


async def test_a_ping_whose_connection_ends_fails() -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:

        async def leave() -> None:
            await peer.hear()
            peer.close()

        nursery.start_soon(leave)
        with pytest.raises(rpc.Unavailable, match="closed the connection"):
            await client.ping()
        with pytest.raises(rpc.Unavailable, match="the connection ended"):
            await client.ping()


async def test_a_ping_to_a_peer_that_ends_the_connection_fails_at_once(autojump_clock: Clock) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:

        async def refuse() -> None:
            await peer.hear()
            await peer.say(frames.goaway(0, Reason.CREDENTIAL, "credential refused"))

        nursery.start_soon(refuse)
        for _ in range(2):
            with pytest.raises(rpc.Unavailable, match="the connection ended: the peer ends it"):
                await client.ping()
        assert trio.current_time() == 0


async def test_who_asks_too_often_is_turned_away() -> None:
    async with raw_server() as (client, peer):
        await peer.say(*[frames.ping(token) for token in range(1, 40)])
        heard = await peer.hear_all()
        assert heard[-1][0] == frames.GOAWAY
        assert heard[-1][2:] == [Reason.TOO_MANY, "too many pings"]
        peer.close()
        await connection_of(client).ended.wait()


async def test_nothing_behind_the_ping_that_is_too_many_is_begun(autojump_clock: Clock) -> None:
    probe = Probe()
    async with raw_client(probe.service) as peer:
        pings = [frames.ping(token) for token in range(1, 40)]
        await peer.say(call(1, "probe.add", 1), *pings, call(3, "probe.add", 1))
        heard = await peer.hear_all()
    assert heard[-1][:3] == [frames.GOAWAY, 3, Reason.TOO_MANY]
    assert probe.told == ["add"]
