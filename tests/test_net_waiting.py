from __future__ import annotations

import pytest
import trio
import trio.testing

from rpc.errors import NotFound
from rpc.net.waiting import Lot, Sleepers, Waiter


async def test_a_waiting_task_is_woken_with_the_result() -> None:
    waiter = Waiter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiter.wait)
        await trio.testing.wait_all_tasks_blocked()
        waiter.succeed(b"\x05")
    assert waiter.is_done
    assert waiter.payload == b"\x05"
    assert waiter.error is None


async def test_a_failure_is_kept_for_the_one_that_waits() -> None:
    waiter = Waiter()
    error = NotFound("no such thing")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiter.wait)
        await trio.testing.wait_all_tasks_blocked()
        waiter.fail(error)
    assert waiter.error is error


async def test_what_has_ended_before_is_not_waited_for() -> None:
    waiter = Waiter()
    waiter.succeed(b"")
    with trio.testing.assert_checkpoints():
        await waiter.wait()


async def test_a_cancelled_wait_is_not_woken_again() -> None:
    waiter = Waiter()
    with trio.CancelScope() as scope:
        scope.cancel()
        await waiter.wait()
    assert scope.cancelled_caught
    assert not waiter.is_done
    waiter.succeed(b"late")  # would wake a task that sleeps elsewhere by now
    with trio.testing.assert_checkpoints():
        await waiter.wait()
    assert waiter.payload == b"late"


async def test_several_waits_one_after_the_other() -> None:
    for number in range(3):
        waiter = Waiter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter.wait)
            await trio.testing.wait_all_tasks_blocked()
            waiter.succeed(bytes([number]))


def test_a_waiter_needs_no_task() -> None:
    waiter = Waiter()
    waiter.fail(NotFound("nobody waits"))
    with pytest.raises(NotFound):
        raise waiter.error or AssertionError


# --- Lot ---------------------------------------------------------------------------------------------------------


async def test_who_waits_in_a_line_is_woken_in_turn(autojump_clock: trio.testing.MockClock) -> None:
    lot = Lot()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await lot.park()
        woken.append(number)

    assert not lot
    lot.unpark()
    lot.unpark_all()
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(wait, number)
            await trio.testing.wait_all_tasks_blocked()
        assert lot
        lot.unpark()
        lot.unpark(count=2)
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(woken) == [0, 1, 2]
        lot.unpark_all()
    assert sorted(woken) == [0, 1, 2, 3, 4]
    assert not lot


async def test_who_is_cancelled_has_left_the_line() -> None:
    lot = Lot()
    with trio.move_on_after(0):
        await lot.park()
    assert not lot


async def test_all_who_sleep_are_woken_and_one_that_is_cancelled_is_not() -> None:
    sleepers = Sleepers()
    woken: list[int] = []

    async def sleep(number: int) -> None:
        with scopes[number]:
            await sleepers.sleep()
            woken.append(number)

    scopes = [trio.CancelScope() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(sleep, number)
        await trio.testing.wait_all_tasks_blocked()
        scopes[1].cancel()
        await trio.testing.wait_all_tasks_blocked()
        sleepers.wake()
        sleepers.wake()  # nobody sleeps any more
    assert sorted(woken) == [0, 2]
