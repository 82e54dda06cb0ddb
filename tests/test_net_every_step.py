"""What goes on is cut short at each of its steps in turn, and what is left must be whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.net.memory import memory_links
from tests.probe import Probe
from tests.raw_peer import Links, Pair, connected, socket_links

LINKS = pytest.mark.parametrize("links", [socket_links, partial(socket_links, 4096), memory_links])

FAR_TOO_MANY = 1000
"""Steps; what is tried here takes less than a tenth of them."""


class AtStep(trio.abc.Instrument):
    """Does something before the step of that number, of whatever task."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self.number = number
        self.act = act
        self.steps = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1
        if self.steps == self.number:
            self.act()

    @property
    def has_acted(self) -> bool:
        return self.steps >= self.number


async def work(pair: Pair, ended: list[Any]) -> None:
    """Calls of several sorts at once, small and large, and a notification."""

    async def call(method: str, *args: Any) -> None:
        try:
            ended.append(await pair.client.call(method, *args))
        except rpc.Error as error:
            ended.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call, "probe.add", 1)
        nursery.start_soon(call, "probe.add_later", 2)
        nursery.start_soon(call, "probe.big", 20_000)
        nursery.start_soon(call, "probe.add", bytes(20_000))
        nursery.start_soon(pair.client.ping)
        await pair.client.notify("probe.observe")
    await call("probe.add_later", 3)


@LINKS
async def test_callers_that_are_cancelled_at_any_step_leave_the_connection_whole(
    links: Callable[[], Links], autojump_clock: trio.testing.MockClock
) -> None:
    for number in range(1, FAR_TOO_MANY):
        async with connected(Probe().service, links=links) as pair:
            scope = trio.CancelScope()
            instrument = AtStep(number, scope.cancel)
            trio.lowlevel.add_instrument(instrument)
            with scope:
                await work(pair, [])
            trio.lowlevel.remove_instrument(instrument)
            assert await pair.client.call("probe.add", 5) == 15
            await trio.testing.wait_all_tasks_blocked()
            assert pair.near.session.is_idle
            assert pair.far.session.is_idle
        if not instrument.has_acted:
            return
    raise AssertionError("it never ended")


@LINKS
@pytest.mark.parametrize("side", ["near", "far"])
async def test_a_connection_that_ends_at_any_step_ends_every_call(
    side: str, links: Callable[[], Links], autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1, FAR_TOO_MANY):
        async with connected(Probe().service, links=links) as pair:
            ended: list[Any] = []
            connection = pair.near if side == "near" else pair.far
            instrument = AtStep(number, partial(connection.end, "at this step"))
            trio.lowlevel.add_instrument(instrument)
            with trio.fail_after(60):
                try:
                    await work(pair, ended)
                except* rpc.Unavailable:
                    pass  # of the ping and the notification
            trio.lowlevel.remove_instrument(instrument)
            for value in ended:
                assert value in (11, 12, 13, bytes(20_000)) or isinstance(value, rpc.Unavailable | rpc.InvalidArgument)
            await trio.testing.wait_all_tasks_blocked()
            assert pair.near.session.is_idle
        if not instrument.has_acted:
            assert not caplog.messages
            return
    raise AssertionError("it never ended")
