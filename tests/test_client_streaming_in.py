from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

import pytest
import trio
import trio.testing

import rpc
import rpc.testing
from rpc.errors import Processed
from rpc.service.items import each
from tests.streaming_probe import Source, StreamProbe, handle, paired

Clock = trio.testing.MockClock


@pytest.fixture
def probe() -> StreamProbe:
    return StreamProbe()


# --- Items in ----------------------------------------------------------------------------------------------------


async def test_a_generator_is_sent_and_closed_in_one_task(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        for target in ("probe.total", handle(probe, "total")):
            source = Source(1000)
            assert await pair.client.call(target, source.numbers()) == 500_500
            assert source.is_closed
            assert source.task is not trio.lowlevel.current_task()


async def test_a_list_is_sent_by_each(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        assert await pair.client.call("probe.total", each([])) == 0
        assert await pair.client.call("probe.total", each(range(10))) == 45
        values: list[Any] = [None, "", b"", [], {}, b"x" * 300_000, {"a": [1, 2]}]
        assert await pair.client.call("probe.collect", each(values)) == values


async def test_a_channel_is_iterated_and_not_closed(probe: StreamProbe, autojump_clock: Clock) -> None:
    send, receive = trio.open_memory_channel[int](10)
    for number in range(10):
        send.send_nowait(number)
    async with paired(probe) as pair:
        assert await pair.client.call("probe.first", receive, 3) == [0, 1, 2]
        await send.send(10)
        assert receive.statistics().open_receive_channels == 1
    send.close()
    receive.close()


async def test_a_handler_that_stops_early_closes_the_generator(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        for source in (Source(), Source(pause=0.01), Source(3, pause=1000)):
            assert await pair.client.call("probe.first", source.numbers(), 1) == [1]
            assert source.is_closed
        assert trio.current_time() < 1


async def test_a_handler_that_fails_early_closes_the_generator(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        for source in (Source(), Source(pause=0.01)):
            with pytest.raises(rpc.FailedPrecondition, match="5 are enough"):
                await pair.client.call("probe.refuse", source.numbers(), 5)
            assert source.is_closed


async def test_a_refused_call_never_begins_the_generator_or_closes_it(
    probe: StreamProbe, autojump_clock: Clock
) -> None:
    source = Source()
    async with paired(probe) as pair:
        with pytest.raises(rpc.Unimplemented):
            await pair.client.call("probe.nothing", source.numbers())
        assert source.task is source.closed_in


@pytest.mark.parametrize("method", ["total", "unread", "first"])
async def test_a_cancelled_call_closes_the_generator(method: str, probe: StreamProbe, autojump_clock: Clock) -> None:
    source = Source(pause=0.3)
    async with paired(probe) as pair:
        with trio.move_on_after(1):
            await pair.client.call(f"probe.{method}", source.numbers(), *([1000] if method == "first" else []))
        assert source.is_closed
        assert trio.current_time() == pytest.approx(1)
        await trio.testing.wait_all_tasks_blocked()
        assert probe.told == {"total": ["Cancelled"], "unread": ["closed"], "first": []}[method]


async def test_an_error_of_the_iterable_cancels_the_call(probe: StreamProbe, autojump_clock: Clock) -> None:
    failed = OSError("the disk is gone")
    async with paired(probe) as pair:
        with pytest.raises(OSError, match="the disk is gone") as caught:
            await pair.client.call("probe.total", Source(10, failure=failed, pause=0.1).numbers())
        assert caught.value is failed
        await trio.testing.wait_all_tasks_blocked()
        assert probe.told == ["Cancelled"]
        with pytest.raises(OSError, match="the disk is gone") as caught:
            async with pair.client.stream("probe.echo", Source(10, failure=failed, pause=0.1).numbers()) as echoed:
                async for _ in echoed:
                    pass
        assert caught.value is failed


async def test_an_error_of_the_iterable_waits_for_the_end_of_a_block_that_does_not_iterate(
    probe: StreamProbe, autojump_clock: Clock
) -> None:
    failed = OSError("the disk is gone")
    async with paired(probe) as pair:
        with pytest.raises(OSError, match="the disk is gone") as caught:
            async with pair.client.stream("probe.echo", Source(0, failure=failed).numbers()):
                await trio.sleep(1)
        assert caught.value is failed


async def test_an_error_of_the_iterable_comes_out_when_the_handler_is_gone(autojump_clock: Clock) -> None:
    service, told = rpc.Service("slow"), list[str]()
    begun = trio.Event()

    @service.method
    async def echo(items: AsyncIterable[int]) -> AsyncIterator[int]:
        try:
            async for item in items:
                yield item
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
            told.append("handler gone")

    async def broken() -> AsyncGenerator[int]:
        yield 1
        await begun.wait()
        raise OSError("the disk is gone")

    async with rpc.testing.client(service) as client:
        with pytest.raises(OSError, match="the disk is gone"):
            async with client.stream("slow.echo", broken()) as items:
                async for _ in items:
                    begun.set()
        assert told == ["handler gone"]


async def test_a_block_and_its_iterable_that_both_fail_make_a_group(probe: StreamProbe, autojump_clock: Clock) -> None:
    failed = OSError("the disk is gone")
    async with paired(probe) as pair:
        with pytest.raises(ExceptionGroup) as caught:
            async with pair.client.stream("probe.echo", Source(0, failure=failed).numbers()):
                await trio.sleep(1)
                raise KeyError
        assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


async def test_items_that_cannot_travel(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(TypeError, match="object of class object cannot travel"):
            await pair.client.call("probe.collect", each([1, object()]))
        with pytest.raises(rpc.ResourceExhausted, match="max_message"):
            await pair.client.call("probe.collect", each([1, bytes(17_000_000)]))


async def test_an_item_that_does_not_fit_names_its_index(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        values: list[Any] = [1, 2, "three"]
        message = r"probe\.total: .*item 2.* expected int, got str 'three'"
        with pytest.raises(rpc.InvalidArgument, match=message) as caught:
            await pair.client.call("probe.total", each(values))
        assert caught.value.processed is Processed.UNKNOWN


async def test_two_streams_and_one_that_has_begun_are_refused(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(TypeError, match="a call takes one stream"):
            await pair.client.call("probe.total", each([]), each([]))
        begun = Source().numbers()
        await anext(begun)
        with pytest.raises(ValueError, match="has begun"):
            await pair.client.call("probe.total", begun)
        await begun.aclose()


async def test_a_generator_with_tasks_of_its_own(probe: StreamProbe, autojump_clock: Clock) -> None:
    async def ticking() -> AsyncGenerator[int]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            for number in range(3):
                yield number
                await trio.sleep(1)
            raise OSError("the disk is gone")

    async with paired(probe) as pair:
        with pytest.raises(ExceptionGroup) as caught:  # as it came out of its own nursery
            await pair.client.call("probe.total", ticking())
        assert isinstance(caught.value.exceptions[0], OSError)
        assert await pair.client.call("probe.first", ticking(), 1) == [0]


@pytest.mark.parametrize("method", ["call", "stream"])
async def test_an_error_as_a_generator_is_closed_is_logged(
    method: str, probe: StreamProbe, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def ticking() -> AsyncGenerator[int]:
        async def fail() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("the disk is gone")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            yield 1
            await trio.sleep_forever()

    async with paired(probe) as pair:
        if method == "call":
            assert await pair.client.call("probe.first", ticking(), 1) == [1]
        else:
            async with pair.client.stream("probe.echo", ticking()) as items:
                assert await anext(items) == 1
    assert caplog.messages == ["a stream failed as it was closed: ExceptionGroup"]


# --- Both at once ------------------------------------------------------------------------------------------------


async def test_lockstep(probe: StreamProbe, autojump_clock: Clock) -> None:
    send, receive = trio.open_memory_channel[int](0)
    async with paired(probe) as pair, pair.client.stream("probe.echo", receive) as echoed:
        for number in range(200):
            await send.send(number)
            assert await anext(echoed) == number
        send.close()
        assert [item async for item in echoed] == []
    receive.close()


async def test_freely_in_both_directions(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair, pair.client.stream("probe.echo", each(range(5000))) as echoed:
        assert [number async for number in echoed] == list(range(5000))


async def test_both_sides_saturated_without_deadlock(probe: StreamProbe, autojump_clock: Clock) -> None:
    block = bytes(65_536)
    async with paired(probe) as pair, pair.client.stream("probe.both", 40, each([block] * 40)) as blocks:
        await trio.sleep(1)  # each side now waits for credit from the other
        assert [len(block) async for block in blocks] == [65_536] * 80


async def test_a_block_that_is_left_early_closes_its_own_iterable(probe: StreamProbe, autojump_clock: Clock) -> None:
    source = Source(pause=0.1)
    async with paired(probe) as pair:
        async with pair.client.stream("probe.echo", source.numbers()) as echoed:
            async for number in echoed:
                if number == 5:
                    break
        assert source.is_closed
        assert probe.told == ["closed"]


# --- Credit ------------------------------------------------------------------------------------------------------


async def test_a_slow_consumer_holds_back_only_its_own_producer(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair, pair.client.stream("probe.give_blocks", 100, 65_536) as unread:
        await trio.sleep(1)
        sent = len(probe.told)
        assert sent <= 5  # a window of 262144 bytes, and the item that overshoots
        assert await pair.client.call("probe.total", each(range(1000))) == 499_500
        async with pair.client.stream("probe.count", 0, 100_000) as numbers:
            assert sum([number async for number in numbers]) == 4_999_950_000
        probe.told.remove("closed")
        assert len(probe.told) == sent
        for _ in range(4):
            await anext(unread)
        await trio.sleep(1)
        assert sent < len(probe.told) <= sent + 5


async def test_a_slow_handler_holds_back_only_its_own_caller(probe: StreamProbe, autojump_clock: Clock) -> None:
    given = 0

    async def blocks() -> AsyncGenerator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield bytes(65_536)

    async with paired(probe) as pair, trio.open_nursery() as nursery:
        nursery.start_soon(pair.client.call, "probe.unread", blocks())
        await trio.sleep(1)
        assert given <= 6
        assert await pair.client.call("probe.total", each(range(100_000))) == 4_999_950_000
        assert given <= 6
        nursery.cancel_scope.cancel()
