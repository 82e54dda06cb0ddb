"""Each await of a connection is cancelled in turn, each sending and receiving fails in turn: nothing is left behind.

What is cut short holds all that a connection does: the greeting, calls, streams both ways, contexts, calls back,
notifications, pings, a drain, and either side's close. Once it runs undisturbed, and what each task waits at is noted:
every one of those places must have been struck when all is done. Another client of the same server looks on, and has
its calls answered throughout.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import rpc
from rpc.net.connection import Connection
from rpc.net.link import StreamLink
from rpc.net.memory import memory_links
from rpc.server.serving import Serving
from rpc.service.context import Context
from rpc.service.service import Service
from tests.raw_peer import client_of, connection_of, serve_link

FAR_TOO_MANY = 1000
"""Steps; what is tried here takes a fifth of them."""

LOGGED = {
    "away.through raised Unavailable",  # its own call was lost
    "memory:: connection error: no HELLO came in time",  # the client was cancelled before it was given its link
}

Place = tuple[str, int]
"""The name of a module of the library, and a line in it."""


# --- What is cut short -----------------------------------------------------------------------------------------------

home = Service("home")
away = Service("away")


@home.method
async def double(value: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * value


@away.method
def add(a: int, b: int) -> int:
    return a + b


@away.method
async def big(data: bytes) -> bytes:
    await trio.lowlevel.checkpoint()
    return data


@away.method
async def through(context: Context[Any], value: int) -> int:
    result: int = await context.client.call("home.double", value)
    return result


@away.method
async def each_doubled(numbers: AsyncIterator[int]) -> AsyncGenerator[int]:
    async for number in numbers:
        yield 2 * number


@away.context
async def lease(name: str) -> AsyncGenerator[str]:
    yield f"lease of {name}"


@away.notification
async def observe(value: int) -> None:
    await trio.lowlevel.checkpoint()


async def work(client: rpc.Client) -> None:
    async def stream() -> None:
        async with client.stream("away.each_doubled", rpc.each([1, 2, 3])) as items:
            assert [item async for item in items] == [2, 4, 6]

    async def hold() -> None:
        async with client.enter("away.lease", "a") as value:
            assert value == "lease of a"
            await trio.lowlevel.checkpoint()

    async def call(method: str, *args: Any, result: Any) -> None:
        assert await client.call(f"away.{method}", *args) == result

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream)
        nursery.start_soon(hold)
        nursery.start_soon(lambda: call("add", 1, 2, result=3))
        nursery.start_soon(lambda: call("big", bytes(20_000), result=bytes(20_000)))
        nursery.start_soon(lambda: call("through", 4, result=8))
        nursery.start_soon(client.ping)
        await client.notify("away.observe", 5)


# --- The stage -------------------------------------------------------------------------------------------------------


@attrs.define
class Stage:
    """One server, whose other client looks on, and one connection after the other that is cut short.

    Attributes:
        turns: the dice by which tasks take their turns, alike in each run.
        made: the connections of this run, of both sides.
        near, far, callers: the nurseries of its client, of its server, and of all that is done with the client.
    """

    serving: Serving
    onlooker: rpc.Client
    turns: random.Random
    made: list[Connection] = attrs.field(factory=list)
    near: trio.Nursery | None = None
    far: trio.Nursery | None = None
    callers: trio.Nursery | None = None

    async def run(self, links: tuple[StreamLink, StreamLink], does_drain: bool) -> None:
        """All of it, from the greeting to the close, which `does_drain` has the server begin."""
        self.made.clear()
        self.turns.seed(1)
        self.near = self.far = self.callers = None
        near, far = links
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._serve, far)
                await self._call(near, does_drain)

    async def _serve(self, link: StreamLink) -> None:
        async with trio.open_nursery() as self.far:
            self.far.start_soon(self.serving.serve_link, link)

    async def _call(self, link: StreamLink, does_drain: bool) -> None:
        async with trio.open_nursery() as self.near:
            self.near.start_soon(self._be_client, link, does_drain)

    async def _be_client(self, link: StreamLink, does_drain: bool) -> None:
        try:
            async with client_of(link, services=home) as client:
                async with trio.open_nursery() as self.callers:
                    self.callers.start_soon(work, client)
                assert await client.call("away.add", 1, 2) == 3
                if does_drain:
                    far = [there for there in self.serving.connections if there in self.made]
                    async with trio.open_nursery() as nursery:
                        for connection in far:
                            nursery.start_soon(connection.drain)
                        await connection_of(client).ended.wait()
        except* rpc.Unavailable:
            pass  # of whatever was going on

    async def judge(self, tasks: int) -> None:
        """Nothing is left, and whoever had nothing to do with it is served."""
        with trio.fail_after(60):
            await trio.testing.wait_all_tasks_blocked()
            for connection in self.made:
                assert connection.is_over
                assert connection.session.is_idle
                assert connection.session.share.held == 0
                assert not connection.room
                assert not connection.drained
                with pytest.raises(trio.ClosedResourceError):
                    assert isinstance(connection.link, StreamLink)
                    await connection.link.receive_some()
            assert len(self.serving.connections) == 1
            assert self.serving.budget.calls == 0
            assert await self.onlooker.call("away.add", 1, 2) == 3
            await trio.testing.wait_all_tasks_blocked()
            assert count_tasks() == tasks, "a task is left"


@asynccontextmanager
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Stage]:
    turns = random.Random()
    monkeypatch.setattr("trio._core._run._r", turns)
    near, far = memory_links()
    async with serve_link(far, away) as serving, client_of(near) as onlooker:
        stage = Stage(serving, onlooker, turns)
        run = Connection.run

        async def noted(self: Connection, **options: Any) -> None:
            stage.made.append(self)
            await run(self, **options)

        monkeypatch.setattr(Connection, "run", noted)
        yield stage


def count_tasks() -> int:
    root = trio.lowlevel.current_root_task()
    assert root is not None
    return sum(1 for nursery in root.child_nurseries for _ in tasks_of(nursery))


def tasks_of(nursery: trio.Nursery | None) -> list[trio.lowlevel.Task]:
    """The tasks of a nursery, and those of theirs."""
    found: list[trio.lowlevel.Task] = []
    waiting = [] if nursery is None else list(nursery.child_tasks)
    while waiting:
        task = waiting.pop()
        found.append(task)
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


LIBRARY = str(Path(rpc.__file__).parent)


def places_of(nurseries: list[trio.Nursery | None]) -> set[Place]:
    return {
        (frame.f_code.co_filename.removeprefix(LIBRARY), line)
        for nursery in nurseries
        for task in tasks_of(nursery)
        for frame, line in task.iter_await_frames()
        if frame.f_code.co_filename.startswith(LIBRARY)
    }


class Steps(trio.abc.Instrument):
    """Does something before the step of a number, of whatever task, and notes before each what `note` gives."""

    def __init__(self, number: int, act: Callable[[], object], note: Callable[[], set[Place]] | None = None) -> None:
        self.number, self.steps = number, 0
        self.seen: set[Place] = set()
        self._act, self._note = act, note

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1
        if self._note is not None:
            self.seen |= self._note()
        if self.steps == self.number:
            self._act()

    async def during(self, body: Callable[[], Awaitable[None]]) -> None:
        trio.lowlevel.add_instrument(self)
        try:
            await body()
        finally:
            trio.lowlevel.remove_instrument(self)


@pytest.mark.parametrize("does_drain", [False, True], ids=["client closes", "server drains"])
@pytest.mark.parametrize("side", ["near", "far", "callers"])
async def test_each_await_is_cancelled(
    side: str,
    does_drain: bool,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    struck: set[Place] = set()
    async with stage(monkeypatch) as here:
        await trio.testing.wait_all_tasks_blocked()
        tasks = count_tasks()

        def note() -> set[Place]:
            return places_of([getattr(here, side)])

        def strike() -> None:
            nursery: trio.Nursery | None = getattr(here, side)
            if nursery is not None:
                struck.update(places_of([nursery]))
                nursery.cancel_scope.cancel()

        async def run() -> None:
            await here.run(memory_links(), does_drain)

        undisturbed = Steps(0, strike, note)
        await undisturbed.during(run)
        await here.judge(tasks)
        number = 0
        for number in range(1, FAR_TOO_MANY):
            steps = Steps(number, strike)
            await steps.during(run)
            await here.judge(tasks)
            if steps.steps < number:
                break
        print(f"  cancelled before each of {number - 1} steps, at {len(struck)} places")
        assert 90 < number < FAR_TOO_MANY
        assert undisturbed.seen - struck == set(), "these awaits were not struck"
        assert len(struck) > 15
        assert set(caplog.messages) <= LOGGED


# --- What fails ------------------------------------------------------------------------------------------------------


class Failing(trio.abc.Stream):
    """A stream of which one operation fails, and all that follow; `counts` counts those of both ends."""

    def __init__(self, link: StreamLink, counts: list[int], number: int, error: type[Exception]) -> None:
        self._stream, self._counts, self._number, self._error = link.stream, counts, number, error
        self._has_failed = False

    def _count(self) -> None:
        self._counts[0] += 1
        if self._has_failed or self._counts[0] == self._number:
            self._has_failed = True
            raise self._error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._count()
        await self._stream.send_all(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        self._count()
        return await self._stream.receive_some(max_bytes)

    async def wait_send_all_might_not_block(self) -> None: ...

    async def aclose(self) -> None:
        self._has_failed, self._error = True, trio.ClosedResourceError
        await self._stream.aclose()


@pytest.mark.parametrize("does_drain", [False, True], ids=["client closes", "server drains"])
@pytest.mark.parametrize("error", [trio.BrokenResourceError, trio.ClosedResourceError])
async def test_each_sending_and_receiving_fails(
    error: type[Exception],
    does_drain: bool,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with stage(monkeypatch) as here:
        await trio.testing.wait_all_tasks_blocked()
        tasks, number, counts = count_tasks(), 0, [1]
        while counts[0] >= number:
            number += 1
            counts = [0]
            ends = [StreamLink(Failing(link, counts, number, error), link.peer) for link in memory_links()]
            await here.run((ends[0], ends[1]), does_drain)
            await here.judge(tasks)
        print(f"  failed at each of {number - 1} operations")
        assert number > 20
        assert set(caplog.messages) <= LOGGED
