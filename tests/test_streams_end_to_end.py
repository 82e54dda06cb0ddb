"""Streams and contexts on real sockets and between real processes: what a user may rely on."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import rpc
from rpc.service.items import each
from tests.served import count_tasks
from tests.served_streams import resident, streams
from tests.server_process import BOUND, Server, server_process

STREAMS = int(os.environ.get("STREAMS", "500"))
"""Streams that are opened and abandoned."""

MIB = 1_048_576

TIMER = 1
"""The task of a connection that watches, for a while, a frame which has begun."""


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/s"


@asynccontextmanager
async def connected(address: str, **options: Any) -> AsyncGenerator[tuple[rpc.Client, Server]]:
    async with (
        server_process(address, "tests.served_streams") as server,
        rpc.connect(server.address, **options) as client,
    ):
        yield client, server


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Memory:
    """How far the resident memory of both sides has grown."""

    def __init__(self, client: rpc.Client, ours: int, theirs: int) -> None:
        self._client = client
        self._ours = ours
        self._theirs = theirs

    @classmethod
    async def of(cls, client: rpc.Client) -> Memory:
        gc.collect()
        theirs = await client.call("streams.memory")
        return cls(client, resident(), theirs)

    async def growth(self) -> int:
        """Bytes, of the side that has grown most."""
        theirs: int = await self._client.call("streams.memory")
        return max(resident() - self._ours, theirs - self._theirs)


# --- Many items --------------------------------------------------------------------------------------------------


async def take(client: rpc.Client, stop: int) -> None:
    expected = 0
    async with client.stream("streams.count", stop) as numbers:
        async for number in numbers:
            assert number == expected
            expected += 1
    assert expected == stop


async def test_many_small_items_each_way_in_order_and_memory_stays_flat(address: str) -> None:
    async with connected(address) as (client, _):
        await take(client, 20_000)
        assert await client.call("streams.total", each(range(20_000))) == 20_000
        memory = await Memory.of(client)
        await take(client, 60_000)
        assert await client.call("streams.total", each(range(60_000))) == 60_000
        assert await memory.growth() < 4 * MIB


async def test_a_slow_consumer_of_large_items_costs_no_memory(address: str) -> None:
    size, count = 65_536, 128

    async def blocks() -> AsyncIterable[bytes]:
        for _ in range(count):
            yield bytes(size)

    async with connected(address) as (client, _):
        memory = await Memory.of(client)
        received = 0
        async with client.stream("streams.blocks", count, size) as items:
            async for item in items:
                received += len(item)
                await trio.sleep(0.002)
                assert received % (16 * size) or await memory.growth() < 8 * MIB
        assert received == count * size
        assert await client.call("streams.slow_total", 0.002, blocks()) == count * size
        assert await memory.growth() < 8 * MIB


async def test_small_items_that_nobody_reads_cost_little_memory(address: str) -> None:
    window = 65_536  # bytes: the least, which two-byte items fill

    given = 0

    async def texts() -> AsyncGenerator[str]:
        nonlocal given
        while True:
            given += 1
            yield "x"

    async with connected(address, limits=rpc.Limits(window=window)) as (client, _):
        memory = await Memory.of(client)
        async with client.stream("streams.texts", 1_000_000) as items:
            [call] = client._line.connection.session.caller.calls.values()
            while call.items_in is not None and call.items_in.received < window:
                await trio.lowlevel.checkpoint()
            assert await memory.growth() < 8 * MIB
            assert [await anext(items) for _ in range(10)] == ["x"] * 10
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.call, "streams.unread", texts())
            while given <= window // 2:
                await trio.lowlevel.checkpoint()
            await client.ping()
            assert given == window // 2 + 1
            assert await memory.growth() < 8 * MIB
            nursery.cancel_scope.cancel()


async def test_streams_and_calls_go_on_beside_a_stream_that_is_never_read(address: str) -> None:
    ended = 0

    async def read(client: rpc.Client) -> None:
        nonlocal ended
        await take(client, 1000)
        ended += 1

    async def call(client: rpc.Client, number: int) -> None:
        nonlocal ended
        for turn in range(20):
            assert await client.call("streams.add", number, turn) == number + turn
        ended += 1

    async with connected(address) as (client, _), client.stream("streams.blocks", 10_000, 65_536) as unread:
        async with trio.open_nursery() as nursery:
            for number in range(63):
                nursery.start_soon(read, client)
                nursery.start_soon(call, client, number)
            nursery.start_soon(call, client, 63)
        assert ended == 127
        assert len(await anext(unread)) == 65_536


# --- Both at once ------------------------------------------------------------------------------------------------


async def test_both_directions_saturated(address: str) -> None:
    async def blocks() -> AsyncGenerator[bytes]:
        for _ in range(100):
            yield bytes(65_536)

    async with connected(address) as (client, _), client.stream("streams.echo", blocks()) as echoed:
        await trio.sleep(0.2)  # until all windows are full
        assert [len(block) async for block in echoed] == [65_536] * 100


async def test_lockstep(address: str) -> None:
    send, receive = trio.open_memory_channel[int](0)
    async with connected(address) as (client, _), client.stream("streams.echo", receive) as echoed:
        for number in range(300):
            await send.send(number)
            assert await anext(echoed) == number
    send.close()
    receive.close()


async def test_calls_back_nest(address: str) -> None:
    back = rpc.Service("back")

    @back.method
    async def echo_back(context: rpc.Context[Any], depth: int) -> int:
        if depth == 0:
            return 0
        return 1 + int(await context.client.call("streams.echo_back", depth - 1))

    async with connected(address, services=[back]) as (client, _):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(client.call, "streams.echo_back", 20)
        assert await client.call("streams.echo_back", 20) == 20


# --- Sudden ends -------------------------------------------------------------------------------------------------

CLIENT = """
import sys, rpc, trio

async def main(address, how):
    async def numbers():
        while True:
            yield 1
            await trio.sleep(0.001)

    async with rpc.connect(address) as client:
        if how == "ticks":
            async with client.stream("streams.ticks") as items:
                async for _ in items:
                    pass
        elif how == "unread":
            await client.call("streams.unread", numbers())
        else:
            async with client.enter("streams.transaction"):
                await trio.sleep_forever()

trio.run(main, *sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("how", "begun", "ended"),
    [("ticks", "started", "closed"), ("unread", "started", "closed"), ("transaction", "begun", "rolled_back")],
)
async def test_the_death_of_a_client_unwinds_its_handlers(how: str, begun: str, ended: str, address: str) -> None:
    async with connected(address) as (client, server):
        before = await client.call("streams.counts")
        late = []
        for _ in range(2):
            victim = await trio.lowlevel.open_process([sys.executable, "-c", CLIENT, address, how])
            await server.heard(begun)
            await trio.sleep(0.05)
            killed = time.monotonic()
            victim.send_signal(signal.SIGKILL)
            said, moment = await server.next()
            assert said == ended
            late.append(moment - killed)
            await victim.wait()
        assert min(late) < 0.1
        await until(client, before)


@pytest.mark.parametrize("how", ["ticks", "echo", "unread", "transaction"])
async def test_the_death_of_a_server_ends_streams(how: str, address: str) -> None:
    closed: list[str] = []
    killed: list[float] = []
    flows = [trio.Event(), trio.Event()]

    async def kill(server: Server, flows: trio.Event) -> None:
        await flows.wait()
        await trio.sleep(0.05)
        killed.append(time.monotonic())
        server.process.kill()

    async def numbers(flows: trio.Event) -> AsyncGenerator[int]:
        try:
            while True:
                yield 1
                flows.set()
                await trio.sleep(0.001)
        finally:
            closed.append("closed")

    async def use(client: rpc.Client, flows: trio.Event) -> None:
        if how == "unread":
            await client.call("streams.unread", numbers(flows))
        elif how == "transaction":
            async with client.enter("streams.transaction"), client.stream("streams.ticks") as items:
                async for _ in items:
                    flows.set()
        else:
            async with client.stream(f"streams.{how}", *([numbers(flows)] if how == "echo" else [])) as items:
                async for _ in items:
                    flows.set()

    tasks, open_before = await count_tasks.function(), descriptors()
    late = []
    for turn in range(2):
        async with connected(f"{address}{turn}") as (client, server), trio.open_nursery() as nursery:
            nursery.start_soon(kill, server, flows[turn])
            with pytest.raises(rpc.Unavailable):
                await use(client, flows[turn])
            late.append(time.monotonic() - killed[-1])
    assert min(late) < 0.1
    assert closed == ["closed"] * 2 * (how in ("echo", "unread"))
    assert (await count_tasks.function(), descriptors()) == (tasks, open_before)


async def test_a_transaction_is_committed_only_by_a_normal_end(address: str) -> None:
    async with connected(address) as (client, server):
        async with client.enter("streams.transaction"):
            pass
        assert [(await server.next())[0] for _ in range(2)] == ["begun", "committed"]
        with pytest.raises(KeyError):
            async with client.enter("streams.transaction"):
                raise KeyError
        with trio.move_on_after(0.5):
            async with client.enter("streams.transaction"):
                await trio.sleep_forever()
        async with rpc.connect(address) as another:
            with pytest.raises(rpc.Unavailable):
                async with another.enter("streams.transaction"):
                    await another.aclose()
        assert [(await server.next())[0] for _ in range(6)] == ["begun", "rolled_back"] * 3


# --- Abandoned streams -------------------------------------------------------------------------------------------


async def until(client: rpc.Client, counts: dict[str, int]) -> None:
    """Wait until a server has no more open than `counts`."""
    most = counts | {"tasks": counts["tasks"] + TIMER}
    found = await client.call("streams.counts")
    with trio.move_on_after(10):
        while any(found[name] > most[name] for name in most):
            await trio.sleep(0.01)
            found = await client.call("streams.counts")
    assert all(found[name] <= most[name] for name in most), (found, counts)


class Abandoner:
    """A task that opens streams of all kinds and leaves them at random points, in random ways."""

    def __init__(self, client: rpc.Client, seed: int) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.iterating = 0

    async def numbers(self) -> AsyncGenerator[int]:
        self.iterating += 1
        try:
            while True:
                yield 1
                if self.random.random() < 0.01:
                    await trio.sleep(0.001)
        finally:
            self.iterating -= 1

    async def run(self, count: int) -> None:
        ways = [self.leave_items, self.leave_echo, self.cancel_call, self.leave_context]
        for _ in range(count):
            with trio.move_on_after(self.random.choice([0, 0.0005, 0.005, 1, 1, 1])):
                await self.random.choice(ways)()

    async def leave_items(self) -> None:
        left = self.random.choice([0, 1, 10, 100])
        method, argument = self.random.choice([("count", 1000), ("ticks", 0.0001), ("blocks", 30_000)])
        size = [1000] if method == "blocks" else []
        async with self.client.stream(f"streams.{method}", argument, *size) as items:
            async for _ in items:
                left -= 1
                if left < 0:
                    break

    async def leave_echo(self) -> None:
        left = self.random.choice([0, 1, 10, 100])
        async with self.client.stream("streams.echo", self.numbers()) as items:
            async for _ in items:
                left -= 1
                if left < 0:
                    break

    async def cancel_call(self) -> None:
        with trio.move_on_after(self.random.random() / 500):
            await self.client.call("streams.unread", self.numbers())

    async def leave_context(self) -> None:
        try:
            async with self.client.enter("streams.transaction"):
                if self.random.random() < 0.5:
                    raise KeyError
        except KeyError:
            pass


async def test_streams_abandoned_at_random_points_leave_nothing_behind(address: str) -> None:
    async def ignore(server: Server) -> None:
        assert server.process.stdout is not None
        async for _ in server.process.stdout:
            pass

    with trio.fail_after(BOUND * 10):
        async with connected(address) as (client, server), trio.open_nursery() as background:
            background.start_soon(ignore, server)
            async with trio.open_nursery() as nursery:
                for _ in range(20):  # more than the workers that a connection keeps
                    nursery.start_soon(client.call, "streams.sleep", 0.1)
            before = await client.call("streams.counts")
            tasks, own = await count_tasks.function(), descriptors()
            abandoners = [Abandoner(client, seed) for seed in range(10)]
            async with trio.open_nursery() as nursery:
                for abandoner in abandoners:
                    nursery.start_soon(abandoner.run, STREAMS // len(abandoners))
            await until(client, before)
            assert await count_tasks.function() <= tasks + TIMER
            assert descriptors() == own
            assert not any(abandoner.iterating for abandoner in abandoners)
            assert not client._line.connection.session.caller.calls
            background.cancel_scope.cancel()


def test_the_served_module_serves_a_service() -> None:
    assert streams.name == "streams"
