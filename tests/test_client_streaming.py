from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.client.client import Client
from rpc.errors import Processed
from rpc.limits import Limits
from rpc.net.memory import memory_links
from rpc.service.items import each
from rpc.wire import frames
from rpc.wire.payload import encode
from tests.raw_peer import RawPeer, connected, data, failure, raw_server, reply
from tests.streaming_probe import Refused, StreamProbe, handle, paired

Clock = trio.testing.MockClock


@pytest.fixture
def probe() -> StreamProbe:
    return StreamProbe()


# --- Items out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["count", "count_plainly"])
async def test_items_come_in_order_and_end(method: str, probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        for target in (f"probe.{method}", handle(probe, method)):
            async with pair.client.stream(target, 0, 1000) as numbers:
                assert [number async for number in numbers] == list(range(1000))
                assert [number async for number in numbers] == []
    assert probe.told == ["closed", "closed"]


async def test_no_items_at_all(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair, pair.client.stream("probe.count", 0, 0) as numbers:
        assert [number async for number in numbers] == []


async def test_without_async_with_they_say_what_to_do(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        stream: Any = pair.client.stream("probe.count", 0, 3)
        with pytest.raises(TypeError, match=r"use: async with client\.stream\(\.\.\.\) as items"):
            async for _ in stream:
                raise AssertionError("not reached")
        with pytest.raises(TypeError, match=r"use: async with client\.stream\(\.\.\.\) as items"):
            await stream
        context: Any = pair.client.enter("probe.lease")
        with pytest.raises(TypeError, match=r"use: async with client\.enter\(\.\.\.\) as value"):
            await context
    assert probe.told == []


@pytest.mark.parametrize("method", ["count", "count_plainly"])
async def test_a_block_left_early_has_closed_the_generator(
    method: str, probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with paired(probe) as pair:
        async with pair.client.stream(f"probe.{method}", 0, 10_000_000) as numbers:
            async for number in numbers:
                if number == 100:
                    break
        assert probe.told[-1] == "closed"


async def test_a_waiting_generator_is_cancelled_where_it_waits(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        async with pair.client.stream("probe.ticks", 100) as ticks:
            assert await anext(ticks) == 0
        assert probe.told == ["cancelled", "closed"]
        assert trio.current_time() < 1


async def test_leaving_waits_for_the_end_of_the_handler(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        async with pair.client.stream("probe.shielded_end") as items:
            await anext(items)
            start = trio.current_time()
        assert trio.current_time() == pytest.approx(start + 2)
        assert probe.told == ["closed"]


async def test_a_block_that_is_left_at_once_opens_nothing(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        for target in ("probe.count", "probe.ticks"):
            async with pair.client.stream(target, 1, *([2] if target == "probe.count" else [])) as items:
                pass
            with trio.fail_after(1):
                with pytest.raises((StopAsyncIteration, rpc.Cancelled)):
                    while True:
                        await anext(items)


async def test_a_cancelled_block_does_not_wait(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with trio.move_on_after(1) as scope:
            async with pair.client.stream("probe.shielded_end") as items:
                async for _ in items:
                    pass
        assert scope.cancelled_caught
        assert trio.current_time() == pytest.approx(1)
        await trio.sleep(2.1)
        assert probe.told == ["closed"]


async def test_a_deadline_closes_the_generator(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(trio.TooSlowError), trio.fail_after(2.5):
            async with pair.client.stream("probe.ticks", 1) as ticks:
                async for _ in ticks:
                    pass
        assert trio.current_time() == pytest.approx(2.5)
        await trio.sleep(0.01)
        assert probe.told == ["cancelled", "closed"]


async def test_the_deadline_travels(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with trio.fail_after(5):
            async with pair.client.stream("probe.deadline_of") as seconds:
                assert [value async for value in seconds] == pytest.approx([5, 5])
        async with pair.client.with_options(timeout=3).stream("probe.deadline_of") as seconds:
            assert [value async for value in seconds] == pytest.approx([3, 3])


async def test_the_timeout_of_a_view_is_for_the_whole_block(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(trio.TooSlowError):
            async with pair.client.with_options(timeout=3).stream("probe.ticks", 1) as ticks:
                async for _ in ticks:
                    pass
        assert trio.current_time() == pytest.approx(3)


@pytest.mark.parametrize("how", ["near", "far"])
async def test_a_lost_connection_ends_the_items(how: str, probe: StreamProbe, autojump_clock: Clock) -> None:
    async with connected(probe.service, links=memory_links) as pair:
        with pytest.raises(rpc.Unavailable):
            async with pair.client.stream("probe.ticks", 1) as ticks:
                async for number in ticks:
                    if number == 3:
                        (pair.near if how == "near" else pair.far).end("at will")
        await trio.sleep(0.1)
        assert probe.told == ["cancelled", "closed"]


async def test_items_that_came_before_the_loss_are_still_there(probe: StreamProbe, autojump_clock: Clock) -> None:
    got: list[int] = []
    async with connected(probe.service, links=memory_links) as pair:
        with pytest.raises(rpc.Unavailable):
            async with pair.client.stream("probe.ticks", 1) as ticks:
                await trio.sleep(3.5)
                pair.far.end("at will")
                await trio.sleep(1)
                async for number in ticks:
                    got.append(number)
    assert got == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("how", "raised"),
    [
        ("declared", Refused),
        ("in a nursery", Refused),
        ("undeclared", rpc.RemoteError),
        ("status", rpc.NotFound),
    ],
)
async def test_an_error_comes_behind_all_items(
    how: str, raised: type[Exception], probe: StreamProbe, autojump_clock: Clock
) -> None:
    got: list[int] = []
    async with paired(probe) as pair:
        with pytest.raises(raised) as caught:
            async with pair.client.stream(handle(probe, "fail_after"), 500, how) as numbers:
                async for number in numbers:
                    got.append(number)
    assert got == list(range(500))
    if raised is Refused:
        assert caught.value.args == ("so it is", 500)
        assert isinstance(caught.value.__cause__, rpc.RemoteError)


async def test_an_error_that_was_not_iterated_to_is_raised_at_the_end(
    probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with paired(probe) as pair:
        with pytest.raises(rpc.NotFound):
            async with pair.client.stream("probe.fail_after", 3, "status") as numbers:
                await anext(numbers)
                await trio.sleep(1)
        with pytest.raises(rpc.NotFound):
            async with pair.client.stream("probe.fail_after", 0, "status"):
                await trio.sleep(1)


async def test_an_error_that_was_caught_is_told_once(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair, pair.client.stream("probe.fail_after", 0, "status") as numbers:
        for _ in range(2):
            with pytest.raises(rpc.NotFound):
                await anext(numbers)


async def test_a_handler_that_fails_as_it_is_left(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(rpc.DataLoss):
            async with pair.client.stream("probe.fail_when_left") as items:
                await anext(items)
        with pytest.raises(KeyError):  # the block's own goes first
            async with pair.client.stream("probe.fail_when_left") as items:
                await anext(items)
                raise KeyError


@pytest.mark.parametrize("method", ["count", "ticks"])
async def test_what_a_block_raises_comes_out_as_it_is(method: str, probe: StreamProbe, autojump_clock: Clock) -> None:
    failed = KeyError("of the block")
    async with paired(probe) as pair:
        with pytest.raises(KeyError) as caught:
            async with pair.client.stream(f"probe.{method}", *[1, 10_000_000][: 2 - (method == "ticks")]) as items:
                await anext(items)
                raise failed
        assert caught.value is failed
        assert probe.told[-1] == "closed"


async def test_a_block_that_fails_as_it_is_cancelled_fails(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(KeyError), trio.CancelScope() as scope:
            async with pair.client.stream("probe.ticks", 1) as ticks:
                await anext(ticks)
                scope.cancel()
                raise KeyError
        await trio.sleep(0.1)
        assert probe.told == ["cancelled", "closed"]


async def test_an_item_of_the_wrong_kind_names_its_index(probe: StreamProbe, autojump_clock: Clock) -> None:
    got: list[int] = []
    async with paired(probe) as pair:
        with pytest.raises(rpc.Internal, match=r"probe\.give_misfits: .*item 2.* expected int, got str 'three'"):
            async with pair.client.stream(handle(probe, "give_misfits")) as numbers:
                async for number in numbers:
                    got.append(number)
        assert got == [1, 2]
        async with pair.client.stream("probe.give_misfits") as anything:  # by name it is what it was on the wire
            assert [value async for value in anything] == [1, 2, "three"]


async def test_an_item_that_cannot_travel(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(rpc.Internal, match=r"an item of probe\.give_object cannot travel"):
            async with pair.client.stream("probe.give_object") as items:
                assert await anext(items) == 1
                await anext(items)
        assert probe.told == ["closed"]


async def test_an_item_that_is_too_large_for_its_receiver(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe, client_limits=Limits(max_message=100_000)) as pair:
        with pytest.raises(rpc.ResourceExhausted, match="max_message") as caught:
            async with pair.client.stream("probe.give_blocks", 1, 100_001) as blocks:
                await anext(blocks)
        assert caught.value.processed is Processed.DO_NOT_RETRY
        assert probe.told == ["closed"]
        async with pair.client.stream("probe.give_blocks", 1, 99_000) as blocks:
            assert await anext(blocks) == bytes(99_000)


async def test_items_in_many_frames(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair, pair.client.stream("probe.give_blocks", 5, 1_000_000) as blocks:
        assert [len(block) async for block in blocks] == [1_000_000] * 5


async def test_what_does_not_stream_cannot_be_streamed(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(TypeError, match=r"probe\.lease is a context: enter it with enter"):
            async with pair.client.stream(handle(probe, "lease"), "x"):
                pass
        with pytest.raises(rpc.Unimplemented, match=r"probe\.lease is a context: enter it with enter") as caught:
            async with pair.client.stream("probe.lease", "x") as items:
                await anext(items)
        assert caught.value.processed is Processed.NOT_PROCESSED
        with pytest.raises(rpc.Unimplemented, match=r"probe\.count streams its items: call it with stream"):
            await pair.client.call("probe.count", 1, 2)
        with pytest.raises(rpc.Unimplemented, match=r"probe\.echo takes a stream: give it an async iterable"):
            async with pair.client.stream("probe.echo") as items:
                await anext(items)
        with pytest.raises(rpc.Unimplemented, match=r"probe\.count takes no stream"):
            async with pair.client.stream("probe.count", 1, 2, each([])) as items:
                await anext(items)
        with pytest.raises(rpc.Unimplemented, match=r"there is no method probe\.nothing"):
            async with pair.client.stream("probe.nothing") as items:
                await anext(items)


async def test_a_closed_client_opens_no_stream(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with connected(probe.service, links=memory_links) as pair:
        await pair.client.aclose()
        with pytest.raises(rpc.Unavailable) as caught:
            async with pair.client.stream("probe.count", 1, 2):
                pass
        assert caught.value.processed is Processed.NOT_PROCESSED


# --- Answers of a peer that is spoken by hand --------------------------------------------------------------------


@asynccontextmanager
async def streaming_from(peer: RawPeer, client: Client, **options: Any) -> AsyncGenerator[Any]:
    """A stream whose callee is spoken by hand."""
    async with client.stream("raw.items", **options) as items:
        assert (await peer.hear())[:2] == [frames.CALL, 1]
        yield items


async def test_an_item_that_cannot_be_decoded_names_its_index(autojump_clock: Clock) -> None:
    async with raw_server() as (client, peer), streaming_from(peer, client) as items:
        await peer.say(data(1, encode(5)), data(1, b"\xff"))
        assert await anext(items) == 5
        with pytest.raises(rpc.Internal, match=r"raw\.items: item 1 cannot be decoded") as caught:
            await anext(items)
        assert caught.value.processed is Processed.DO_NOT_RETRY
        await peer.say(reply(1, None))


async def test_an_early_exit_waits_for_the_answer(autojump_clock: Clock) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        left = trio.Event()

        async def use() -> None:
            async with streaming_from(peer, client):
                await trio.sleep(1)
            left.set()

        nursery.start_soon(use)
        await trio.sleep(2)
        assert (await peer.hear())[:2] == [frames.CANCEL, 1]
        await trio.sleep(100)
        assert not left.is_set()
        await peer.say(data(1, encode(5)), failure(1, rpc.Cancelled("it was")))
        await left.wait()


@pytest.mark.parametrize("how", ["stream", "enter", "enter and leave", "call"])
async def test_the_callers_own_deadline_speaks_first(how: str, autojump_clock: Clock) -> None:
    expired = rpc.DeadlineExceeded("a moment early")

    async def late(peer: RawPeer) -> None:
        assert (await peer.hear())[:2] == [frames.CALL, 1]
        if how == "enter and leave":
            await peer.say(data(1, encode(5)))
        await trio.sleep(0.98)
        await peer.say(failure(1, expired))

    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(late, peer)
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            if how == "stream":
                async with client.stream("raw.items") as items:
                    await anext(items)
            elif how == "call":
                await client.call("raw.items", each([]))
            else:
                async with client.enter("raw.items"):
                    assert how == "enter and leave"


async def test_a_deadline_of_someone_else_is_an_error(autojump_clock: Clock) -> None:
    async with raw_server() as (client, peer):
        with pytest.raises(rpc.DeadlineExceeded):
            async with streaming_from(peer, client) as items:
                await peer.say(failure(1, rpc.DeadlineExceeded("its own")))
                await anext(items)


async def test_a_context_without_a_value(autojump_clock: Clock) -> None:
    async def answer(peer: RawPeer) -> None:
        await peer.hear()
        await peer.say(reply(1, None))

    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        nursery.start_soon(answer, peer)
        with pytest.raises(rpc.Internal, match=r"raw\.lease ended before it gave its value"):
            async with client.enter("raw.lease"):
                pass
