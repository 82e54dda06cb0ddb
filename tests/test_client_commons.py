from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import trio
import trio.testing

import rpc
from rpc.client.commons import common_readiness
from rpc.net.background import open_background
from rpc.net.readiness import Readiness
from rpc.service.context import Context
from rpc.service.service import Service
from tests.probe import Probe


class User:
    """Who uses the common readiness, with a nursery of their own that outlives that."""

    def __init__(self, readiness: Readiness, nursery: trio.Nursery) -> None:
        self.readiness = readiness
        self.nursery = nursery

    @property
    def is_host(self) -> bool:
        return bool(self.nursery.child_tasks)


@asynccontextmanager
async def user(*, is_polling: bool = True) -> AsyncGenerator[User]:
    async with open_background() as nursery, common_readiness(nursery, is_polling=is_polling) as readiness:
        await trio.testing.wait_all_tasks_blocked()
        yield User(readiness, nursery)
    assert not nursery.child_tasks


async def stay(leave: trio.Event, task_status: trio.TaskStatus[User]) -> None:
    """A user in a task of their own, who leaves when told to."""
    async with user() as each:
        task_status.started(each)
        await leave.wait()


# --- Who runs it ---------------------------------------------------------------------------------------------------


async def test_all_who_poll_have_one_and_all_who_do_not_another() -> None:
    async with user() as one, user() as two, user(is_polling=False) as three, user(is_polling=False) as four:
        assert one.readiness is two.readiness
        assert three.readiness is four.readiness is not one.readiness
        assert (one.readiness.is_polling, three.readiness.is_polling) == (True, False)
        assert [each.is_host for each in (one, two, three, four)] == [True, False, True, False]


async def test_the_next_one_takes_over_when_the_host_leaves(nursery: trio.Nursery) -> None:
    leave = [trio.Event() for _ in range(3)]
    users: list[User] = [await nursery.start(stay, each) for each in leave]
    assert [each.is_host for each in users] == [True, False, False]
    leave[0].set()
    await trio.testing.wait_all_tasks_blocked()
    assert [each.is_host for each in users] == [False, True, False]
    async with user() as fourth:
        assert fourth.readiness is users[2].readiness
    leave[1].set()
    await trio.testing.wait_all_tasks_blocked()
    assert [each.is_host for each in users] == [False, False, True]


async def test_one_who_is_no_host_leaves() -> None:
    async with user() as host:
        async with user() as guest:
            assert not guest.is_host
        assert host.is_host


async def test_behind_the_last_one_nothing_is_left() -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with user() as first:
        pass
    assert len(os.listdir("/proc/self/fd")) == before
    async with user() as second:
        assert second.readiness is not first.readiness


async def test_one_who_comes_while_the_last_leaves_has_it_run() -> None:
    async with open_background() as one, open_background() as two:
        async with common_readiness(one, is_polling=True) as left:
            await trio.testing.wait_all_tasks_blocked()
        async with common_readiness(two, is_polling=True) as found:
            assert found is left
            await trio.testing.wait_all_tasks_blocked()
            assert (len(one.child_tasks), len(two.child_tasks)) == (0, 1)


async def test_one_who_leaves_before_it_runs() -> None:
    async with open_background() as one, open_background() as two:
        async with common_readiness(two, is_polling=True):
            pass
        async with common_readiness(one, is_polling=True):
            await trio.testing.wait_all_tasks_blocked()
            assert (len(one.child_tasks), len(two.child_tasks)) == (1, 0)


async def test_the_host_fails_and_the_others_go_on(nursery: trio.Nursery) -> None:
    async def fail() -> None:
        raise ValueError("mine")

    async def come_second(host: User) -> None:
        second: User = await nursery.start(stay, trio.Event())
        host.nursery.start_soon(fail)
        await trio.testing.wait_all_tasks_blocked()
        assert second.is_host

    with pytest.RaisesGroup(ValueError):
        async with user() as host:
            nursery.start_soon(come_second, host)
            await trio.sleep_forever()


async def test_one_whose_nursery_is_closed_takes_nothing_over(nursery: trio.Nursery) -> None:
    """It has failed, and its block still cleans up behind a shield, when the host leaves."""
    leave = [trio.Event() for _ in range(2)]

    async def closed(task_status: trio.TaskStatus[None]) -> None:
        async with open_background() as its:
            pass
        async with common_readiness(its, is_polling=True):
            task_status.started()
            await trio.sleep_forever()

    host: User = await nursery.start(stay, leave[0])
    await nursery.start(closed)
    heir: User = await nursery.start(stay, leave[1])
    leave[0].set()
    await trio.testing.wait_all_tasks_blocked()
    assert (host.is_host, heir.is_host) == (False, True)
    leave[1].set()
    await trio.testing.wait_all_tasks_blocked()
    async with user() as late:
        assert late.readiness is not heir.readiness
        assert late.is_host
    nursery.cancel_scope.cancel()


# --- What it is for --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def served(path: Path) -> AsyncGenerator[tuple[Probe, str]]:
    probe = Probe()
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(rpc.serve, probe.service, f"unix:{path}/s")
        yield probe, str(address)
        nursery.cancel_scope.cancel()


async def test_calls_go_on_while_the_client_whose_nursery_reads_for_all_leaves(tmp_path: Path) -> None:
    numbers: list[int] = []

    async def call_on(address: str) -> None:
        async with rpc.connect(address) as client:
            for number in range(200):
                numbers.append(await client.call("probe.add", number))

    async with served(tmp_path) as (_, address), trio.open_nursery() as nursery, rpc.connect(address):
        for _ in range(3):
            nursery.start_soon(call_on, address)
        while len(numbers) < 100:
            await trio.lowlevel.checkpoint()
    assert sorted(numbers) == sorted(3 * list(range(10, 210)))


async def test_clients_that_failed_leave_nothing_behind(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, address), rpc.connect(address) as host:
        assert await host.call("probe.add", 1) == 11
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.RaisesGroup(KeyError):
                async with rpc.connect(address) as client, trio.open_nursery() as nursery:
                    nursery.start_soon(client.call, "probe.sleep", 100)
                    nursery.start_soon(client.call, "probe.sleep", 100)
                    await trio.testing.wait_all_tasks_blocked()
                    nursery.cancel_scope.cancel()
                    raise KeyError("mine")
        assert await host.call("probe.add", 2) == 12
        await trio.testing.wait_all_tasks_blocked()
        assert len(os.listdir("/proc/self/fd")) == before


async def test_an_interrupt_in_a_handler_of_one_client_is_not_seen_by_another(tmp_path: Path) -> None:
    front, back, ended = Service("front"), Service("back"), trio.Event()

    @front.method
    async def call_back(context: Context[rpc.Client]) -> int:
        assert context.client is not None
        return cast("int", await context.client.call("back.interrupt"))

    @back.method
    def interrupt() -> int:
        raise KeyboardInterrupt("mine")

    async def wait(address: str, task_status: trio.TaskStatus[rpc.Client]) -> None:
        async with rpc.connect(address) as client, trio.open_nursery() as calls:
            calls.start_soon(client.call, "probe.sleep", 100)
            await trio.testing.wait_all_tasks_blocked()
            task_status.started(client)

    async def be_interrupted(address: str) -> None:
        with pytest.RaisesGroup(pytest.RaisesExc(KeyboardInterrupt, match="mine"), flatten_subgroups=True):
            async with rpc.connect(address, services=back) as client:
                await client.call("front.call_back")  # two others wait, so it does not read by itself
        ended.set()

    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(rpc.serve, [front, Probe().service], f"unix:{tmp_path}/s")
        others: list[rpc.Client] = [await nursery.start(wait, str(address)) for _ in range(2)]
        nursery.start_soon(be_interrupted, str(address))
        await ended.wait()
        assert [await other.call("probe.add", 1) for other in others] == [11, 11]
        nursery.cancel_scope.cancel()
