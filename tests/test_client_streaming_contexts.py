from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.net.memory import memory_links
from rpc.service.items import each
from tests.raw_peer import connected
from tests.streaming_probe import Refused, StreamProbe, handle, paired

Clock = trio.testing.MockClock


@pytest.fixture
def probe() -> StreamProbe:
    return StreamProbe()


# --- Contexts ----------------------------------------------------------------------------------------------------


async def test_a_context_is_entered_and_left(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        for target in ("probe.lease", handle(probe, "lease")):
            async with pair.client.enter(target, "x") as token:
                assert token == "token of x"
                await trio.sleep(100)
                assert probe.told == ["entered"]
            assert probe.told == ["entered", "committed", "left"]
            probe.told.clear()
        async with pair.client.enter("probe.with_tasks") as value:
            assert value == 1


@pytest.mark.parametrize(
    ("failed", "code", "kind"),
    [
        (KeyError("of the block"), rpc.RemoteError, "KeyError"),
        (rpc.NotFound("no such row"), rpc.NotFound, None),
        (ExceptionGroup("several", [KeyError(1), OSError(2)]), rpc.RemoteError, "ExceptionGroup"),
        (ValueError("long " * 10_000), rpc.RemoteError, "ValueError"),
        (ValueError("\ud800"), rpc.RemoteError, "ValueError"),
    ],
)
async def test_what_the_block_raises_is_raised_inside_and_comes_out_as_itself(
    failed: Exception, code: type[rpc.Error], kind: str | None, probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with paired(probe) as pair:
        with pytest.raises(type(failed)) as caught:
            async with pair.client.enter("probe.lease", "x"):
                raise failed
        assert caught.value is failed
        assert not hasattr(failed, "__notes__")
        assert probe.told[0] == "entered"
        assert probe.told[2:] == ["left"]
        error = probe.told[1]
        assert type(error) is code
        assert error.type == kind


async def test_a_context_that_swallows_does_not_change_what_the_block_raised(
    probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with paired(probe) as pair:
        with pytest.raises(KeyError):
            async with pair.client.enter("probe.swallow"):
                raise KeyError("of the block")
        assert [type(error) for error in probe.told] == [rpc.RemoteError]


async def test_a_cancelled_block_cancels_the_context(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with trio.move_on_after(1):
            async with pair.client.enter("probe.lease", "x"):
                await trio.sleep_forever()
        assert trio.current_time() == pytest.approx(1)
        await trio.testing.wait_all_tasks_blocked()
        assert [type(told) for told in probe.told[1:2]] == [trio.Cancelled]
        assert "committed" not in probe.told
        assert probe.told[-1] == "left"


@pytest.mark.parametrize("method", ["lease", "shielded", "with_tasks"])
@pytest.mark.parametrize("end", ["near", "far"])
async def test_a_disconnect_unwinds_and_never_commits(
    method: str, end: str, probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with connected(probe.service, links=memory_links) as pair:
        with pytest.raises(rpc.Unavailable):
            async with pair.client.enter(f"probe.{method}", *(["x"] if method == "lease" else [])):
                (pair.near if end == "near" else pair.far).end("at will")
                await trio.sleep(1)
        assert "committed" not in probe.told
        assert [str(type(told)) for told in probe.told if isinstance(told, BaseException)] == {
            "lease": [str(trio.Cancelled)],
            "shielded": [str(rpc.Cancelled)],
            "with_tasks": [],
        }[method]


async def test_a_context_that_cannot_be_entered(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(Refused, match="not today"):
            async with pair.client.enter(handle(probe, "fail_as_entered")):
                pass
        with pytest.raises(rpc.InvalidArgument, match="'name'"):
            async with pair.client.enter("probe.lease", 5):
                pass
        with pytest.raises(rpc.Internal, match="expected int, got str 'one'"):
            async with pair.client.enter(handle(probe, "misfit")):
                pass


async def test_a_context_that_fails_as_it_is_left(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(Refused, match="cannot be left"):
            async with pair.client.enter(handle(probe, "fail_as_left")):
                pass
        with pytest.raises(KeyError) as caught:
            async with pair.client.enter(handle(probe, "fail_as_left")):
                raise KeyError("of the block")
        [note] = caught.value.__notes__
        assert "cannot be left" in note


async def test_a_block_that_fails_as_it_is_cancelled_fails_in_a_context_too(
    probe: StreamProbe, autojump_clock: Clock
) -> None:
    async with paired(probe) as pair:
        with pytest.raises(KeyError), trio.CancelScope() as scope:
            async with pair.client.enter("probe.lease", "x"):
                scope.cancel()
                raise KeyError
        await trio.testing.wait_all_tasks_blocked()
        assert "committed" not in probe.told
        assert probe.told[-1] == "left"


async def test_a_context_takes_no_stream(probe: StreamProbe, autojump_clock: Clock) -> None:
    async with paired(probe) as pair:
        with pytest.raises(TypeError, match="takes no stream"):
            async with pair.client.enter("probe.lease", each([])):
                pass
        with pytest.raises(TypeError, match=r"probe\.count streams its items: call it with stream"):
            async with pair.client.enter(handle(probe, "count"), 1, 2):
                pass


# --- Callbacks ---------------------------------------------------------------------------------------------------


async def test_streams_and_contexts_of_the_caller_from_a_handler(probe: StreamProbe, autojump_clock: Clock) -> None:
    service = rpc.Service("server")

    @service.method
    async def relay(context: rpc.Context[Any], values: AsyncIterator[int]) -> AsyncIterator[int]:
        async with context.client.stream("probe.echo", values) as echoed:
            async for value in echoed:
                yield value

    @service.method
    async def nested(context: rpc.Context[Any], depth: int) -> list[Any]:
        async with context.client.enter("probe.lease", str(depth)) as token:
            if depth == 0:
                return [token]
            return [token, *await context.client.call("back.nested", depth - 1)]

    back = rpc.Service("back")

    @back.method(name="nested")
    async def nested_back(context: rpc.Context[Any], depth: int) -> Any:
        return await context.client.call("server.nested", depth)

    with trio.fail_after(100):
        async with connected(service, links=memory_links, client_services=[probe.service, back]) as pair:
            values = each(range(3000))
            async with pair.client.stream("server.relay", values) as relayed, aclosing(values):
                assert [value async for value in relayed] == list(range(3000))
            assert await pair.client.call("server.nested", 10) == [f"token of {n}" for n in range(10, -1, -1)]
    assert probe.told.count("committed") == 11


def test_a_plain_generator_is_what_a_handler_may_be(probe: StreamProbe) -> None:
    numbers: Iterator[int] = handle(probe, "count_plainly")(1, 3)
    assert list(numbers) == [1, 2]
