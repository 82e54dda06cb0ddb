from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Code, Processed
from rpc.limits import Limits
from rpc.net.memory import memory_links
from rpc.service.context import Context
from rpc.service.service import Service
from rpc.wire import frames
from tests.outgoing import Calls
from tests.raw_peer import (
    HELLO,
    Links,
    RawPeer,
    call,
    client_of,
    connected,
    connection_of,
    failure,
    greeting,
    raw_server,
    reply,
    socket_links,
)

FEW = greeting(max_calls=16)

KINDS = pytest.mark.parametrize("links", [socket_links, memory_links])


# --- Deadlines -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "milliseconds"), [(math.inf, None), (2.0, 2000), (1.0004, 1001), (0.0001, 1), (1e9, 10**12)]
)
async def test_what_is_left_travels_rounded_up(
    seconds: float, milliseconds: int | None, mock_clock: trio.testing.MockClock
) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + seconds
        nursery.start_soon(client.call, "far.method")
        fields = await peer.hear()
        assert fields[4] == milliseconds
        nursery.cancel_scope.cancel()


async def test_the_callers_own_deadline_speaks_first(autojump_clock: trio.testing.MockClock) -> None:
    async def expire(peer: RawPeer) -> None:
        while True:
            [number] = await peer.hear_calls(1)
            await peer.say(failure(number, rpc.DeadlineExceeded("the callee was quicker")))

    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(expire, peer)
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.02):
            await client.call("far.method")
        with pytest.raises(rpc.DeadlineExceeded, match="quicker"), trio.fail_after(10):
            await client.call("far.method")  # that was the deadline of someone else
        with pytest.raises(rpc.DeadlineExceeded, match="quicker"):
            await client.call("far.method")
        nursery.cancel_scope.cancel()


@KINDS
async def test_nested_calls_inherit_the_deadline(
    links: Callable[[], Links], autojump_clock: trio.testing.MockClock
) -> None:
    near, far = Service("near"), Service("far")
    seen: list[float] = []

    @near.method
    async def deadline(context: Context[Any]) -> None:
        seen.append(context.deadline)
        seen.append(trio.current_effective_deadline())

    @far.method
    async def call_back(context: Context[Any], seconds: float) -> None:
        with trio.move_on_after(seconds):
            await context.client.call(deadline)

    async with connected(far, links=links, client_services=near) as pair:
        with trio.fail_after(5):
            await pair.client.call(call_back, 100.0)
            await pair.client.call(call_back, 2.0)
    assert seen == pytest.approx([5, 5, 2, 2], abs=0.01)


@KINDS
async def test_one_deadline_ends_the_whole_chain(
    links: Callable[[], Links], autojump_clock: trio.testing.MockClock
) -> None:
    near, far = Service("near"), Service("far")
    cancelled = []

    @near.method
    async def sleep() -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.append("near")

    @far.method
    async def call_back(context: Context[Any]) -> None:
        try:
            await context.client.call(sleep)
        finally:
            cancelled.append("far")

    async with connected(far, links=links, client_services=near) as pair:
        with pytest.raises(trio.TooSlowError), trio.fail_after(3):
            await pair.client.call(call_back)
        assert trio.current_time() == pytest.approx(3, abs=0.01)
        await trio.sleep(1)
        assert sorted(cancelled) == ["far", "near"]
        assert pair.near.session.is_idle
        assert pair.far.session.is_idle


# --- The end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["the peer leaves", "this side closes", "the peer breaks the protocol"])
@pytest.mark.parametrize("count", [1, 20])
async def test_the_end_of_the_connection_ends_every_call(
    how: str, count: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_server(spoken=FEW) as (client, peer):
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                calls = Calls(client, nursery)
                for number in range(count):
                    calls.start(number)
                await peer.hear_calls(min(count, 16))
                await trio.testing.wait_all_tasks_blocked()
                if how == "the peer leaves":
                    peer.close()
                elif how == "this side closes":
                    await client.aclose()
                else:
                    await peer.say(reply(99, "nobody asked"))
        assert len(calls.ended) == count
        for error in calls.ended.values():
            assert isinstance(error, rpc.Unavailable)
        processed = [error.processed for error in calls.ended.values()]
        assert processed.count(Processed.UNKNOWN) == min(count, 16)
        assert processed.count(Processed.NOT_PROCESSED) == max(0, count - 16)
        with pytest.raises(rpc.Unavailable) as caught:
            await client.call("far.method")
        assert caught.value.processed is Processed.NOT_PROCESSED


async def test_a_call_that_finds_the_peer_gone() -> None:
    async with raw_server() as (client, peer):
        peer.close()
        with pytest.raises(rpc.Unavailable):
            await client.call("far.method")
        with pytest.raises(rpc.Unavailable, match="the connection has ended"):
            await client.call("far.method")


async def test_a_batch_whose_sending_fails_ends_its_calls(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        calls.start("first")
        await peer.hear_calls(1)

        def fail() -> None:
            raise RuntimeError("a bug of ours")

        monkeypatch.setattr(connection_of(client).session, "take", fail)
        for number in range(100):
            calls.start(number)
    assert len(calls.ended) == 101
    assert all(isinstance(error, rpc.Unavailable) for error in calls.ended.values())
    assert caplog.messages == ["unix:test: a failure inside this library ends the connection"]


async def test_a_lone_caller_is_told_what_the_link_says_of_its_end() -> None:
    async def explain() -> str:
        await trio.testing.wait_all_tasks_blocked()
        return "it tripped"

    near, far = socket_links()
    near.explain = explain
    peer = RawPeer(far)
    await peer.say(HELLO)
    async with client_of(near) as client, trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        calls.start("alone")
        await peer.hear()
        await peer.hear_calls(1)
        peer.close()
    assert str(calls.ended["alone"]) == "the connection was lost: it tripped"


async def test_a_call_that_is_too_large_leaves_nothing_behind() -> None:
    async with raw_server(limits=Limits(max_message=16384), spoken=greeting(max_message=16384)) as (client, peer):
        with pytest.raises(rpc.ResourceExhausted) as caught:
            await client.call("far.method", bytes(20_000))
        assert (caught.value.code, caught.value.processed) == (Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)
        await client.aclose()
        assert await peer.hear_all() == []


# --- Notifications ---------------------------------------------------------------------------------------------


async def test_notifications_leave_in_order_with_the_calls() -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        await client.notify("far.one", 1)
        nursery.start_soon(client.call, "far.method")
        await trio.testing.wait_all_tasks_blocked()
        await client.notify("far.two")
        heard = [await peer.hear() for _ in range(3)]
        assert [fields[0] for fields in heard] == [frames.NOTIFY, frames.CALL, frames.NOTIFY]
        nursery.cancel_scope.cancel()


async def test_who_notifies_a_peer_that_does_not_read_waits_in_the_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    sent = 0

    async def notify_on() -> None:
        nonlocal sent
        for _ in range(100):
            await client.notify("far.one", bytes(50_000))
            sent += 1

    async with raw_server(buffer=4096) as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(notify_on)
        await trio.testing.wait_all_tasks_blocked()
        assert 20 < sent < 30
        for _ in range(100):
            assert (await peer.hear())[0] == frames.NOTIFY
        await trio.testing.wait_all_tasks_blocked()
        assert sent == 100


async def test_who_notifies_again_and_again_leaves_others_their_turn() -> None:
    turns: list[int] = []
    sent = 0

    async def look() -> None:
        while sent < 100:
            turns.append(sent)
            await trio.lowlevel.checkpoint()

    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(look)
        for _ in range(100):
            await client.notify("far.one", sent)
            sent += 1
        for _ in range(100):
            assert (await peer.hear())[0] == frames.NOTIFY
    # Trio shuffles the tasks of a turn, so that two rows of 32 may lie between two looks, but never a third.
    assert max(after - before for before, after in itertools.pairwise(turns)) <= 64


async def test_who_notifies_in_vain_leaves_others_their_turn() -> None:
    async with raw_server() as (client, _), trio.open_nursery() as nursery:
        await client.notify("far.one")
        await client.aclose()
        with trio.CancelScope() as scope:
            nursery.start_soon(_cancel_later, scope)
            while True:
                with pytest.raises(rpc.Unavailable):
                    await client.notify("far.two")


async def _cancel_later(scope: trio.CancelScope) -> None:
    await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_who_is_cancelled_does_not_notify() -> None:
    async with raw_server() as (client, peer):
        await client.notify("far.one")
        for _ in range(2):
            with trio.CancelScope() as scope:
                scope.cancel()
                await client.notify("far.two")
            assert scope.cancelled_caught
        await client.aclose()
        assert [fields[1] for fields in await peer.hear_all()] == ["far.one"]


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_peer_that_never_reads_is_given_up(leaves: bool, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(buffer=4096) as (client, peer), trio.open_nursery() as nursery:
        if leaves:

            async def leave() -> None:
                await trio.sleep(1)
                peer.close()

            nursery.start_soon(leave)
        with pytest.raises(rpc.Unavailable):
            for _ in range(100):
                await client.notify("far.one", bytes(50_000))
        assert trio.current_time() == pytest.approx(1 if leaves else 10)


async def test_a_call_of_the_peer_is_served_while_a_call_waits() -> None:
    near = Service("near")

    @near.method
    def add(a: int, b: int) -> int:
        return a + b

    async with raw_server(services=near) as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(client.call, "far.method")
        await peer.hear_calls(1)
        await peer.say(call(2, "near.add", 1, 2))
        assert await peer.hear() == [frames.REPLY, 2, 0, b"\x03"]
        await peer.say(reply(1, None))
