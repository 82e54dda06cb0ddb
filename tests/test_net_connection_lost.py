"""A connection whose link explains its end: nobody is told of it before."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed
from rpc.net.memory import memory_links
from rpc.wire import frames
from tests.outgoing import Calls
from tests.raw_peer import HELLO, Links, RawPeer, client_of, connected, connection_of, socket_links


@attrs.define
class Explanation:
    """What a link says about its end, when the test lets it."""

    words: str | None = "it tripped"
    asked: int = 0
    may_speak: trio.Event = attrs.field(factory=trio.Event)

    async def __call__(self) -> str | None:
        self.asked += 1
        await self.may_speak.wait()
        return self.words


@attrs.define
class Scene:
    client: rpc.Client
    peer: RawPeer
    calls: Calls
    explanation: Explanation

    def messages(self) -> list[str]:
        return [str(value) for value in self.calls.ended.values()]


@asynccontextmanager
async def explained(*, buffer: int | None = None) -> AsyncGenerator[Scene]:
    """A client of a raw peer over a link that can explain its end."""
    near, far = socket_links(buffer)
    near.explain = explanation = Explanation()
    peer = RawPeer(far)
    try:
        await peer.say(HELLO)
        async with client_of(near) as client, trio.open_nursery() as nursery:
            assert (await peer.hear())[0] == frames.HELLO
            yield Scene(client, peer, Calls(client, nursery), explanation)
            explanation.may_speak.set()
    finally:
        peer.close()


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("count", [1, 3])
async def test_calls_end_when_it_has_spoken(count: int) -> None:
    async with explained() as scene:
        for number in range(count):
            scene.calls.start(number)
        await scene.peer.hear_calls(count)
        scene.peer.close()
        await settle()
        assert scene.explanation.asked == 1
        assert scene.messages() == []
        assert not connection_of(scene.client).is_over
        scene.explanation.may_speak.set()
        await settle()
        assert scene.messages() == ["the connection was lost: it tripped"] * count
        assert connection_of(scene.client).end_reason == "it tripped"


async def test_what_the_peer_said_last_is_heard_before() -> None:
    async with explained() as scene:
        scene.calls.start(0)
        [id] = await scene.peer.hear_calls(1)
        await scene.peer.say(frames.reply(id, 0, 1) + b"\x07")
        scene.peer.close()
        await settle()
        assert list(scene.calls.ended.values()) == [7]


async def test_calls_made_meanwhile_have_not_run() -> None:
    async with explained() as scene:
        scene.peer.close()
        await settle()
        scene.calls.start(0)
        scene.calls.start(1)
        await settle()
        assert scene.messages() == []
        scene.explanation.may_speak.set()
        await settle()
        errors = [value for value in scene.calls.ended.values() if isinstance(value, rpc.Unavailable)]
        assert [error.processed for error in errors] == [Processed.NOT_PROCESSED] * 2
        assert scene.messages() == ["the connection was lost: it tripped"] * 2


async def test_a_link_that_knows_nothing_leaves_what_was_seen() -> None:
    async with explained() as scene:
        scene.explanation.words = None
        scene.peer.close()
        await settle()
        scene.explanation.may_speak.set()
        await connection_of(scene.client).ended.wait()
        assert connection_of(scene.client).end_reason == "the peer closed the connection"


async def test_a_connection_that_is_closed_meanwhile_has_ended() -> None:
    async with explained() as scene:
        scene.calls.start(0)
        await scene.peer.hear_calls(1)
        scene.peer.close()
        await settle()
        scene.client.close()
        await settle()
        assert scene.messages() == ["the connection was lost: this client was closed"]
        scene.explanation.may_speak.set()
        await settle()
        assert connection_of(scene.client).end_reason == "this client was closed"


async def test_a_peer_that_leaves_unread_bytes() -> None:
    """The kernel says that with an error where others read the end of a stream."""
    async with explained() as scene:
        scene.calls.start(0)
        await settle()
        scene.peer.close()
        await settle()
        scene.explanation.may_speak.set()
        await settle()
        assert scene.messages() == ["the connection was lost: it tripped"]


async def test_a_frame_that_was_cut_off() -> None:
    async with explained() as scene:
        scene.calls.start(0)
        [id] = await scene.peer.hear_calls(1)
        await scene.peer.say(frames.reply(id, 0, 100_000) + bytes(50_000))
        await settle()
        scene.peer.close()
        scene.explanation.may_speak.set()
        await settle()
        assert scene.messages() == ["the connection was lost: it tripped"]


async def test_a_peer_that_is_found_gone_by_who_sends() -> None:
    async with explained() as scene:
        connection = connection_of(scene.client)
        scene.peer.close()
        connection.session.ping(1)
        connection.flush()
        await settle()
        assert connection.is_lost
        connection.lose("told once more")
        await settle()
        assert scene.explanation.asked == 1


async def test_a_send_that_waits() -> None:
    async with explained(buffer=4096) as scene:
        scene.calls.start(0, bytes(200_000))
        await settle()
        scene.peer.close()
        await settle()
        assert scene.explanation.asked == 1
        scene.explanation.may_speak.set()
        await settle()
        assert scene.messages() == ["the connection was lost: it tripped"]


async def test_a_stream_explains_itself_too() -> None:
    explanation = Explanation()

    def links() -> Links:
        near, far = memory_links()
        near.explain = explanation
        return near, far

    async with connected(rpc.Service("calc"), links=links) as pair:
        pair.far.end("it has enough")
        await settle()
        assert explanation.asked == 1
        assert not pair.near.is_over
        explanation.may_speak.set()
        await pair.near.ended.wait()
        assert pair.near.end_reason == "it tripped"
