from __future__ import annotations

import pytest
import trio
import trio.testing

from rpc.net.background import open_background, open_foundation


async def test_tasks_end_with_the_body() -> None:
    ended = []

    async def wait() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("task")

    async with open_background() as nursery:
        nursery.start_soon(wait)
        await trio.lowlevel.checkpoint()
        ended.append("body")
    assert ended == ["body", "task"]


async def test_the_exception_of_the_body_comes_out_as_it_is() -> None:
    async with open_background() as outer:
        outer.start_soon(trio.sleep_forever)
        with pytest.raises(KeyError) as caught:
            async with open_background() as nursery:
                nursery.start_soon(trio.sleep_forever)
                raise KeyError("mine")
    assert caught.value.args == ("mine",)


async def test_a_group_that_the_body_raised_comes_out_as_it_is() -> None:
    group = ExceptionGroup("the body's own", [ValueError("one"), KeyError("two")])
    with pytest.raises(ExceptionGroup) as caught:
        async with open_background():
            raise group
    assert caught.value is group


async def test_cancellation_passes_through() -> None:
    with trio.CancelScope() as scope:
        async with open_background() as nursery:
            nursery.start_soon(trio.sleep_forever)
            scope.cancel()
            await trio.lowlevel.checkpoint()
            raise AssertionError("not reached")
    assert scope.cancelled_caught


async def test_a_task_that_fails_cancels_the_body() -> None:
    async def fail() -> None:
        raise RuntimeError("a bug of ours")

    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="a bug of ours")):
        async with open_background() as nursery:
            nursery.start_soon(fail)
            await trio.sleep_forever()


async def test_the_exception_of_the_body_goes_before_that_of_a_task() -> None:
    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("beside")

    with pytest.raises(KeyError):
        async with open_background() as nursery:
            nursery.start_soon(fail_at_the_end)
            await trio.lowlevel.checkpoint()
            raise KeyError("mine")


async def test_an_interrupt_goes_before_the_exception_of_the_body() -> None:
    async def interrupt() -> None:
        raise KeyboardInterrupt("mine")

    with pytest.RaisesGroup(pytest.RaisesExc(KeyboardInterrupt, match="mine")):
        async with open_background() as nursery:
            nursery.start_soon(interrupt)
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                raise KeyError("for that") from None


async def test_a_group_loses_its_cancelled_to_their_scope() -> None:
    with trio.CancelScope() as scope, pytest.RaisesGroup(ValueError, flatten_subgroups=True):
        async with open_background(), trio.open_nursery() as inner:

            async def fail_when_cancelled() -> None:
                try:
                    await trio.sleep_forever()
                finally:
                    raise ValueError("mine")

            inner.start_soon(fail_when_cancelled)
            inner.start_soon(trio.sleep_forever)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()


async def test_a_body_may_clean_up_with_what_it_stands_on() -> None:
    happened = []

    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            happened.append("foundation")

    with trio.CancelScope() as scope:
        async with open_foundation() as nursery:
            nursery.start_soon(work)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.testing.wait_all_tasks_blocked()
                happened.append("body")
    assert scope.cancelled_caught
    assert happened == ["body", "foundation"]


async def test_a_foundation_is_gone_with_the_body() -> None:
    async with open_foundation() as nursery:
        nursery.start_soon(trio.sleep_forever)
    assert not nursery.child_tasks


async def test_a_body_that_is_cancelled_before_it_begins() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_foundation():
            raise AssertionError("not reached")
    assert scope.cancelled_caught


async def test_the_exception_of_a_body_on_a_foundation_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with open_foundation() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise KeyError("mine")


async def test_a_part_of_a_foundation_that_fails_cancels_the_body() -> None:
    async def fail() -> None:
        raise RuntimeError("a bug of ours")

    with pytest.RaisesGroup(pytest.RaisesGroup(RuntimeError)):
        async with open_foundation() as nursery:
            nursery.start_soon(fail)
            await trio.sleep_forever()
