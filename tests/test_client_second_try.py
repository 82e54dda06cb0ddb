from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.client.second_try import is_worth_another
from rpc.errors import Error, Processed
from rpc.wire import frames
from tests.raw_peer import connection_of, failure, raw_server, reply

NOT, UNKNOWN, NEVER = Processed.NOT_PROCESSED, Processed.UNKNOWN, Processed.DO_NOT_RETRY


class OtherLine:
    """A line on which calls go by another connection, or not."""

    def __init__(self, is_off: bool) -> None:
        self._is_off = is_off

    def is_off(self, connection: object) -> bool:
        return self._is_off


async def worth(error: Error, *, is_off: bool = False, is_idempotent: bool = False) -> bool:
    line: Any = OtherLine(is_off)
    connection: Any = None
    return await is_worth_another(error, line, connection, is_idempotent=is_idempotent)


@pytest.mark.parametrize(
    ("error", "is_idempotent", "expected"),
    [
        (rpc.Unavailable(processed=NOT), False, True),
        (rpc.Unavailable(processed=UNKNOWN), False, False),
        (rpc.Unavailable(processed=UNKNOWN), True, True),
        (rpc.Unavailable(processed=NEVER), True, False),
        (rpc.ResourceExhausted(processed=NOT), True, False),
        (rpc.ResourceExhausted(processed=UNKNOWN), True, False),
        (rpc.NotFound(processed=NOT), True, False),
        (rpc.RemoteError(), True, False),
    ],
)
async def test_by_another_connection(error: Error, is_idempotent: bool, expected: bool) -> None:
    assert await worth(error, is_off=True, is_idempotent=is_idempotent) is expected
    assert not await worth(error, is_idempotent=is_idempotent)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (rpc.Unavailable(processed=NOT, retry_after=0.5), True),
        (rpc.ResourceExhausted(processed=NOT, retry_after=0.5), True),
        (rpc.ResourceExhausted(processed=NOT, retry_after=1), True),
        (rpc.ResourceExhausted(processed=NOT, retry_after=1.001), False),
        (rpc.ResourceExhausted(processed=UNKNOWN, retry_after=0.5), False),
        (rpc.Aborted(processed=NOT, retry_after=0.5), False),
    ],
)
async def test_at_the_time_that_the_callee_names(
    error: Error, expected: bool, autojump_clock: trio.testing.MockClock
) -> None:
    assert await worth(error) is expected
    paused = trio.current_time()
    if expected:
        assert error.retry_after is not None
        assert error.retry_after <= paused <= 1.5 * error.retry_after
    else:
        assert paused == 0


async def test_not_behind_the_callers_own_deadline(autojump_clock: trio.testing.MockClock) -> None:
    with trio.fail_after(0.5):
        assert not await worth(rpc.ResourceExhausted(processed=NOT, retry_after=0.5))
    assert trio.current_time() == 0


async def test_a_callee_that_has_too_much_to_do_is_called_again(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, server), trio.open_nursery() as nursery:

        async def answer() -> None:
            _, first, *_ = await server.hear()
            await server.say(failure(first, rpc.ResourceExhausted("too much", processed=NOT, retry_after=0.25)))
            kind, second, *rest = await server.hear()
            assert (kind, rest[3]) == (frames.CALL, {"who": "me", 3: 2})
            await server.say(reply(second, "done"))

        nursery.start_soon(answer)
        assert await client.with_options(metadata={"who": "me"}).call("shop.buy") == "done"
        assert 0.25 <= trio.current_time() <= 0.375
        assert connection_of(client).is_quiet


async def test_one_that_still_has_is_not(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, server), trio.open_nursery() as nursery:

        async def answer() -> None:
            for _ in range(2):
                _, id, *_ = await server.hear()
                await server.say(failure(id, rpc.ResourceExhausted("too much", processed=NOT, retry_after=0.25)))

        nursery.start_soon(answer)
        with pytest.raises(rpc.ResourceExhausted, match="too much"):
            await client.call("shop.buy")


async def test_a_call_that_is_cancelled_as_it_waits_is_not_made(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, server), trio.open_nursery() as nursery:

        async def answer() -> None:
            _, id, *_ = await server.hear()
            await server.say(failure(id, rpc.ResourceExhausted("too much", processed=NOT, retry_after=1)))

        nursery.start_soon(answer)
        with trio.move_on_after(3) as scope:
            nursery.start_soon(cancel_later, scope)
            await client.call("shop.buy")
        assert scope.cancelled_caught
        await client.aclose()
        assert await server.hear_all() == []


async def cancel_later(scope: trio.CancelScope) -> None:
    await trio.sleep(0.5)
    scope.cancel()
