from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.net.calls import OpenCall, open_call
from rpc.net.feeding import feed
from rpc.net.memory import memory_links
from rpc.service.items import each
from rpc.wire import frames
from rpc.wire.payload import decode, encode
from tests.raw_peer import connected
from tests.streaming_probe import Source, StreamProbe

Clock = trio.testing.MockClock


@pytest.fixture
def probe() -> StreamProbe:
    return StreamProbe()


@asynccontextmanager
async def opened(probe: StreamProbe, method: str, *args: Any, flags: int = frames.SENDS) -> AsyncGenerator[OpenCall]:
    """A call that SENDS, and that nothing feeds yet."""
    with trio.fail_after(100):
        async with connected(probe.service, links=memory_links) as pair:
            yield await open_call(pair.near, f"probe.{method}", encode(list(args)), flags=flags)


async def test_every_item_is_sent_and_then_the_end(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with opened(probe, "collect") as call:
        await feed(call, each([1, "two", None]))
        assert decode(await call.result()) == [1, "two", None]


async def test_a_generator_is_iterated_and_closed_by_the_feeding_task(
    probe: StreamProbe, autojump_clock: Clock
) -> None:
    source = Source(3)
    async with opened(probe, "total") as call, trio.open_nursery() as nursery:
        nursery.start_soon(feed, call, source.numbers())
        assert decode(await call.result()) == 6
    assert source.is_closed
    assert source.task is not trio.lowlevel.current_task()


async def test_a_generator_is_closed_when_the_call_has_ended(probe: StreamProbe, autojump_clock: Clock) -> None:
    source = Source()
    async with opened(probe, "first", 2) as call:
        await feed(call, source.numbers())
        assert source.is_closed
        assert decode(await call.result()) == [1, 2]


async def test_a_generator_is_closed_when_it_is_cancelled(probe: StreamProbe, autojump_clock: Clock) -> None:
    source = Source(pause=1000)
    async with opened(probe, "total") as call:
        with trio.move_on_after(1) as scope:
            await feed(call, source.numbers())
        assert scope.cancelled_caught
        assert source.is_closed
        assert call.failure is None
        call.give_up()


async def test_a_generator_with_tasks_is_cancelled(probe: StreamProbe, autojump_clock: Clock) -> None:
    async def numbers() -> AsyncGenerator[int]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            yield 1
            await trio.sleep_forever()

    async with opened(probe, "total") as call:
        with trio.move_on_after(1) as scope:
            await feed(call, numbers())
        assert scope.cancelled_caught
        assert call.failure is None
        call.give_up()


async def test_an_iterable_that_is_no_generator_is_not_closed(probe: StreamProbe, autojump_clock: Clock) -> None:
    class Numbers:
        closed = False

        def __init__(self) -> None:
            self.given = 0

        def __aiter__(self) -> Numbers:
            return self

        async def __anext__(self) -> int:
            self.given += 1
            return self.given

        async def aclose(self) -> None:
            self.closed = True

    numbers = Numbers()
    async with opened(probe, "first", 2) as call:
        await feed(call, numbers)
        assert decode(await call.result()) == [1, 2]
    assert numbers.given > 2
    assert not numbers.closed


async def test_what_iterating_raises_ends_the_call(probe: StreamProbe, autojump_clock: Clock) -> None:
    failure = OSError("the disk is gone")
    async with opened(probe, "total") as call:
        await feed(call, Source(3, failure=failure, pause=0.1).numbers())
        assert call.failure is failure
        with pytest.raises(OSError, match="the disk is gone") as caught:
            await call.result()
        assert caught.value is failure
        assert call.has_ended
        assert probe.told == ["Cancelled"]


@pytest.mark.parametrize(
    ("item", "raised"), [(object(), TypeError), (bytes(17_000_000), rpc.ResourceExhausted)], ids=["object", "large"]
)
async def test_an_item_that_cannot_be_sent_ends_the_call(
    item: object, raised: type[Exception], probe: StreamProbe, autojump_clock: Clock
) -> None:
    closed: list[bool] = []

    async def values() -> AsyncGenerator[object]:
        try:
            yield item
        finally:
            closed.append(True)

    async with opened(probe, "collect") as call:
        await feed(call, values())
        assert isinstance(call.failure, raised)
        assert closed == [True]
        with pytest.raises(raised):
            await call.result()


async def test_the_end_of_the_connection_closes_the_generator(probe: StreamProbe, autojump_clock: Clock) -> None:
    source = Source()
    async with connected(probe.service, links=memory_links) as pair:
        call = await open_call(pair.near, "probe.unread", encode([]), flags=frames.SENDS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed, call, source.numbers())
            await trio.sleep(1)
            pair.near.end("at will")
        assert source.is_closed
        with pytest.raises(rpc.Unavailable):
            await call.result()


async def failing_as_it_is_closed(kind: str) -> AsyncGenerator[int]:
    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("the disk is gone")

    if kind == "plainly":
        try:
            yield 1
            await trio.sleep_forever()
        finally:
            raise OSError("the disk is gone")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        yield 1
        await trio.sleep_forever()


@pytest.mark.parametrize("kind", ["plainly", "beside a cancellation"])
@pytest.mark.parametrize("end", ["reply", "cancel"])
async def test_what_closing_raises_is_logged(
    kind: str, end: str, probe: StreamProbe, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    numbers: AsyncIterable[int] = failing_as_it_is_closed(kind)
    async with opened(probe, *(["first", 1] if end == "reply" else ["unread"])) as call:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed, call, numbers)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
        assert call.failure is None
        if end == "reply":
            assert decode(await call.result()) == [1]
        call.give_up()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("a stream failed as it was closed: ")
