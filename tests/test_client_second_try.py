from __future__ import annotations

import pytest
import trio
import trio.testing

import rpc
from rpc.client.second_try import pause_before_another
from rpc.errors import Error, Processed
from rpc.wire import frames
from tests.raw_peer import connection_of, failure, raw_server, reply

NOT, UNKNOWN, NEVER = Processed.NOT_PROCESSED, Processed.UNKNOWN, Processed.DO_NOT_RETRY


@pytest.mark.parametrize(
    ("error", "is_idempotent", "expected"),
    [
        (rpc.Unavailable(processed=NOT), False, 0),
        (rpc.Unavailable(processed=UNKNOWN), False, None),
        (rpc.Unavailable(processed=UNKNOWN), True, 0),
        (rpc.Unavailable(processed=NEVER), True, None),
        (rpc.ResourceExhausted(processed=NOT), True, None),
        (rpc.ResourceExhausted(processed=UNKNOWN), True, None),
        (rpc.NotFound(processed=NOT), True, None),
        (rpc.RemoteError(), True, None),
    ],
)
def test_by_another_connection(error: Error, is_idempotent: bool, expected: float | None) -> None:
    assert pause_before_another(error, is_off=True, is_idempotent=is_idempotent) == expected
    assert pause_before_another(error, is_off=False, is_idempotent=is_idempotent) is None


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
def test_at_the_time_that_the_callee_names(error: Error, expected: bool) -> None:
    for is_off in (False, True):
        pause = pause_before_another(error, is_off=is_off, is_idempotent=False)
        if expected:
            assert error.retry_after is not None
            assert pause is not None
            assert error.retry_after <= pause <= 1.5 * error.retry_after
        else:
            assert pause is None


async def test_not_behind_the_callers_own_deadline(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, server), trio.open_nursery() as nursery:

        async def answer() -> None:
            _, id, *_ = await server.hear()
            await server.say(failure(id, rpc.ResourceExhausted("too much", processed=NOT, retry_after=0.5)))

        nursery.start_soon(answer)
        with pytest.raises(rpc.ResourceExhausted), trio.fail_after(0.5):
            await client.call("shop.buy")
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
