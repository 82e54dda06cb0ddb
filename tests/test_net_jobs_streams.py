"""Jobs that stream and take streams, by a peer that is spoken by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import trio
import trio.testing

from rpc.errors import Code, Processed
from rpc.net.jobs import StreamingJob
from rpc.net.streams import Stream
from rpc.session.calls import Incoming
from rpc.session.credit import Allowance
from rpc.wire import frames
from rpc.wire.payload import Payload, decode, encode
from tests.raw_peer import RawPeer, call, data, error_of, greeting, raw_client, result_of
from tests.streaming_probe import StreamProbe, hear_items

Clock = trio.testing.MockClock
SENDS, TAKES, BOTH = frames.SENDS, frames.TAKES, frames.SENDS | frames.TAKES


@pytest.fixture
def probe() -> StreamProbe:
    return StreamProbe()


# --- Items out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["count", "count_plainly", "count_in_threads"])
async def test_items_and_then_the_result(method: str, probe: StreamProbe) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, f"probe.{method}", 0, 200, flags=TAKES))
        items, end = await hear_items(peer)
        assert items == list(range(200))
        assert result_of(end) is None
        assert probe.told == ["closed"]


@pytest.mark.parametrize("method", ["count", "count_plainly", "count_in_threads"])
async def test_a_cancel_closes_a_generator_that_never_waits(method: str, probe: StreamProbe) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, f"probe.{method}", 0, 10**9, flags=TAKES))
        await peer.hear()
        await peer.say(frames.cancel(1))
        _, end = await hear_items(peer)
        if method == "count_in_threads":  # its step had ended, and nothing told the thread
            assert result_of(end) is None
        else:
            assert (error_of(end).code, error_of(end).processed) == (Code.CANCELLED, Processed.UNKNOWN)
        assert probe.told[-1] == "closed"


@pytest.mark.parametrize("method", ["count", "count_plainly", "count_in_threads"])
async def test_a_generator_ends_where_its_call_is_over(method: str, probe: StreamProbe) -> None:
    answered: list[Payload] = []

    class Answered:
        def answer(self, record: Incoming, payload: Payload) -> None:
            answered.append(payload)

    host: Any = None
    answers: Any = Answered()
    record = Incoming(1, TAKES, f"probe.{method}", None, None)
    record.stream = Stream(host, record, host)
    record.items_out = Allowance(0)
    record.stream.close()
    handle = probe.service.handles[f"probe.{method}"]
    await StreamingJob(answers, record, handle, [0, 100], {}, math.inf).run()
    assert answered == [encode(None)]
    assert probe.told[-1] == "closed"


async def test_a_cancel_closes_a_generator_that_waits_for_credit(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.give_blocks", 100, 50_000, flags=TAKES))
        await trio.sleep(1)
        assert probe.told == [0, 1]  # the second has overshot
        await peer.say(frames.cancel(1))
        _, end = await hear_items(peer)
        assert error_of(end).code == Code.CANCELLED
        assert probe.told == [0, 1, "closed"]


async def test_credit_lets_it_go_on(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.give_blocks", 4, 50_000, flags=TAKES))
        await trio.sleep(1)
        await peer.say(frames.credit(1, 120_000))
        await trio.sleep(1)
        assert probe.told == [0, 1, 2]
        await peer.say(frames.credit(1, 1_000_000))
        items = await hear_blocks(peer)
        assert items == [50_000] * 4


async def hear_blocks(peer: RawPeer) -> list[int]:
    """The sizes of the items of the only call, each of which may come in fragments."""
    sizes, gathered = [], b""
    while (fields := await peer.hear())[0] == frames.DATA:
        gathered += fields[3]
        if not fields[2] & frames.MORE:
            sizes.append(len(decode(gathered)))
            gathered = b""
    assert result_of(fields) is None
    return sizes


async def test_an_item_over_the_peers_max_message(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service, greets=False) as peer:
        await peer.greet(greeting(max_message=20_000))
        await peer.say(call(1, "probe.give_blocks", 5, 30_000, flags=TAKES))
        error = error_of(await peer.hear())
        assert (error.code, error.processed) == (Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)
        assert probe.told == ["closed"]


async def test_an_item_that_cannot_travel(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.give_object", flags=TAKES))
        items, end = await hear_items(peer)
        error = error_of(end)
        assert items == [1]
        assert (error.code, error.processed) == (Code.INTERNAL, Processed.DO_NOT_RETRY)
        assert error.message.startswith("an item of probe.give_object cannot travel: ")
        assert probe.told == ["closed"]


@pytest.mark.parametrize(
    ("how", "code", "kind"),
    [
        ("declared", Code.UNKNOWN, "probe.Refused"),
        ("in a nursery", Code.UNKNOWN, "probe.Refused"),
        ("undeclared", Code.UNKNOWN, "KeyError"),
        ("status", Code.NOT_FOUND, None),
    ],
)
async def test_an_error_comes_behind_the_items(
    how: str, code: Code, kind: str | None, probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.fail_after", 100, how, flags=TAKES))
        items, end = await hear_items(peer)
        assert items == list(range(100))
        assert (error_of(end).code, error_of(end).type) == (code, kind)


async def test_a_failure_over_the_cancellation_is_the_answer(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.fail_when_left", flags=TAKES))
        await trio.sleep(1)
        await peer.say(frames.cancel(1))
        items, end = await hear_items(peer)
        assert items == [0]
        assert error_of(end).code == Code.DATA_LOSS


async def test_a_deadline_closes_the_generator(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.ticks", 1, flags=TAKES, timeout=2500))
        items, end = await hear_items(peer)
        assert items == [0, 1, 2]
        assert error_of(end).code == Code.DEADLINE_EXCEEDED
        assert probe.told == ["cancelled", "closed"]


async def test_the_end_of_the_connection_closes_the_generator(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.ticks", 1, flags=TAKES))
        await trio.sleep(1.5)
        peer.close()
        await trio.sleep(0.1)
        assert probe.told == ["cancelled", "closed"]


async def test_workers_serve_on_after_streams(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        for number in range(1, 40, 4):
            await peer.say(call(number, "probe.ticks", 100, flags=TAKES))
            assert (await peer.hear())[0] == frames.DATA
            await peer.say(frames.cancel(number), call(number + 2, "probe.give", [1], flags=TAKES))
            heard = [(fields[0], fields[1]) for fields in [await peer.hear() for _ in range(3)]]
            assert sorted(heard) == [(frames.DATA, number + 2), (frames.REPLY, number + 2), (frames.ERROR, number)]


# --- Items in ----------------------------------------------------------------------------------------------------


async def test_items_in(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.total", flags=SENDS), *(data(1, encode(number)) for number in range(100)))
        await trio.sleep(1)
        await peer.say(data(1, encode(100), frames.END))
        assert result_of(await peer.hear()) == 5050


async def test_an_early_answer_makes_late_items_harmless(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.first", 1, flags=SENDS), data(1, encode(5)))
        assert result_of(await peer.hear()) == [5]
        await peer.say(data(1, encode(6)), data(1, b"", frames.END), call(3, "probe.first", 0, flags=SENDS))
        assert result_of(await peer.hear()) == []


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (encode("three"), r"probe.total: item 1 of argument 'numbers' expected int, got str 'three'"),
        (b"\xff", "probe.total: item 1 cannot be decoded: "),
        (b"", "an item of probe.total has no bytes"),
    ],
)
async def test_an_item_that_does_not_fit(
    payload: bytes, message: str, probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.total", flags=SENDS), data(1, encode(1)), data(1, payload))
        error = error_of(await peer.hear())
        assert (error.code, error.processed) == (Code.INVALID_ARGUMENT, Processed.UNKNOWN)
        assert error.message.startswith(message)


async def test_a_cancel_is_no_end_of_items(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.shielded_reader", flags=SENDS), data(1, encode(1)))
        await trio.sleep(1)
        await peer.say(frames.cancel(1))
        assert error_of(await peer.hear()).code == Code.CANCELLED
        assert probe.told == ["rpc.Cancelled"]


async def test_a_cancel_and_items_in_one_batch(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.total", flags=SENDS))
        await trio.sleep(1)
        await peer.say(data(1, encode(1)), frames.cancel(1), data(1, b"", frames.END))
        assert error_of(await peer.hear()).code == Code.CANCELLED
        assert probe.told == ["Cancelled"]


# --- Flags -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "flags", "message"),
    [
        ("count", 0, "probe.count streams its items: call it with stream"),
        ("count", BOTH, "probe.count takes no stream"),
        ("count", SENDS, "probe.count takes no stream"),
        ("total", 0, "probe.total takes a stream: give it an async iterable"),
        ("total", BOTH, "probe.total answers once: call it with call"),
        ("echo", TAKES, "probe.echo takes a stream: give it an async iterable"),
        ("echo", SENDS, "probe.echo streams its items: call it with stream"),
        ("lease", 0, "probe.lease is a context: enter it with enter"),
        ("lease", TAKES, "probe.lease is a context: enter it with enter"),
    ],
)
async def test_flags_that_do_not_fit(
    method: str, flags: int, message: str, probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with raw_client(probe.service) as peer:
        tail = [data(1, encode(1)), data(1, b"", frames.END)] if flags & SENDS else []
        await peer.say(call(1, f"probe.{method}", flags=flags), *tail)
        error = error_of(await peer.hear())
        assert (error.code, error.processed) == (Code.UNIMPLEMENTED, Processed.NOT_PROCESSED)
        assert error.message == message
        await peer.say(call(3, "probe.give", [1], flags=TAKES))
        assert (await peer.hear())[:2] == [frames.DATA, 3]
    assert probe.told == []
