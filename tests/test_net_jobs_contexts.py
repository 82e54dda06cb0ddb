"""Jobs of contexts, by a peer that is spoken by hand."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Code, Processed
from rpc.wire import failures, frames
from rpc.wire.payload import decode, encode
from tests.raw_peer import RawPeer, call, data, error_of, raw_client, result_of
from tests.streaming_probe import StreamProbe, hear_items

Clock = trio.testing.MockClock
SENDS, TAKES, BOTH = frames.SENDS, frames.TAKES, frames.SENDS | frames.TAKES


@pytest.fixture
def probe() -> StreamProbe:
    return StreamProbe()


def raised(error: rpc.Error) -> bytes:
    """What ends a context whose body has raised."""
    return data(1, failures.encode(error), frames.END)


async def enter(peer: RawPeer, method: str = "lease", *args: Any, left: int | None = None) -> Any:
    await peer.say(call(1, f"probe.{method}", *args, flags=BOTH, timeout=left))
    fields = await peer.hear()
    assert fields[:3] == [frames.DATA, 1, 0]
    return decode(fields[3])


async def test_a_context_gives_its_value_and_is_left(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        assert await enter(peer, "lease", "x") == "token of x"
        await trio.sleep(1)
        assert probe.told == ["entered"]
        await peer.say(data(1, b"", frames.END))
        assert result_of(await peer.hear()) is None
        assert probe.told == ["entered", "committed", "left"]


async def test_what_the_body_raised_is_raised_inside(
    probe: StreamProbe, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(probe.service) as peer:
        await enter(peer, "lease", "x")
        await peer.say(raised(rpc.NotFound("no such row", details=[5])))
        error = error_of(await peer.hear())
        assert (error.code, error.message, error.details) == (Code.NOT_FOUND, "no such row", [5])
        assert probe.told[0::2] == ["entered", "left"]
        assert isinstance(probe.told[1], rpc.NotFound)
    assert not caplog.records


async def test_a_context_may_swallow_it(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await enter(peer, "swallow")
        await peer.say(raised(rpc.RemoteError("of the body", type="KeyError")))
        assert result_of(await peer.hear()) is None
        [error] = probe.told
        assert (type(error), error.type, error.message) == (rpc.RemoteError, "KeyError", "of the body")


@pytest.mark.parametrize("payload", [encode(5), encode({0: 5}), encode({"a": 1}), b"\xff"])
async def test_an_end_that_is_no_error_still_fails_the_body(
    payload: bytes, probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with raw_client(probe.service) as peer:
        await enter(peer, "lease", "x")
        await peer.say(data(1, payload, frames.END))
        error = error_of(await peer.hear())
        assert error.code == Code.INVALID_ARGUMENT
        assert error.message.startswith("probe.lease: what ended the block is no error: ")
        assert "committed" not in probe.told


@pytest.mark.parametrize("how", ["cancel", "close", "deadline", "end and close", "error and cancel"])
async def test_what_is_no_normal_end_never_commits(how: str, probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await enter(peer, "lease", "x", left=2000 if how == "deadline" else None)
        if how == "cancel":
            await peer.say(frames.cancel(1))
        elif how == "close":
            peer.close()
        elif how == "end and close":
            # The end had been said, but the block cannot be told of its outcome: both outcomes are right.
            await peer.say(data(1, b"", frames.END))
            peer.close()
        elif how == "error and cancel":
            await peer.say(raised(rpc.NotFound("no such row")), frames.cancel(1))
        await trio.sleep(3)
        assert probe.told[-1] == "left"
        if how != "end and close":
            assert "committed" not in probe.told
        if how == "deadline":
            assert error_of(await peer.hear()).code == Code.DEADLINE_EXCEEDED


async def test_a_cancel_through_a_shield_never_commits(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await enter(peer, "shielded")
        await peer.say(frames.cancel(1))
        assert error_of(await peer.hear()).code == Code.CANCELLED
        assert [type(told) for told in probe.told] == [rpc.Cancelled]


async def test_a_context_with_tasks_is_cancelled_and_left(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await enter(peer, "with_tasks")
        await peer.say(frames.cancel(1))
        error = error_of(await peer.hear())
        assert (error.code, error.processed) == (Code.CANCELLED, Processed.UNKNOWN)
    async with raw_client(probe.service) as peer:
        await enter(peer, "with_tasks")
        await peer.say(raised(rpc.NotFound("no such row")))
        assert error_of(await peer.hear()).code == Code.NOT_FOUND


@pytest.mark.parametrize("method", ["fail_as_entered", "fail_as_left"])
async def test_a_context_that_fails(method: str, probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, f"probe.{method}", flags=BOTH), data(1, b"", frames.END))
        items, end = await hear_items(peer)
        assert items == ([1] if method == "fail_as_left" else [])
        assert error_of(end).type == "probe.Refused"


async def test_a_cancel_and_a_context_in_one_batch(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.lease", "x", flags=BOTH), frames.cancel(1))
        error = error_of(await peer.hear())
        assert (error.code, error.processed) == (Code.CANCELLED, Processed.NOT_PROCESSED)
        assert probe.told == []
