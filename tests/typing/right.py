"""Right uses, each inferred exactly: what a type checker says here is an error of theirs or ours."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, assert_type

import trio

import rpc
from tests.typing import handlers
from tests.typing.handlers import Point, Pool, Row, Sums


async def calls(client: rpc.Client) -> None:
    assert_type(await client.call(handlers.add, 2, b=3), int)
    assert_type(await client.call(handlers.subtract, 2, 3), int)
    assert_type(await client.call(handlers.add, 2), int)
    assert_type(await client.call(handlers.add, 2, 3), int)
    assert_type(await client.call(handlers.add, b=3, a=2), int)
    assert_type(await client.call(handlers.add_slowly, 2), int)
    assert_type(await client.call(handlers.add_slowly, 2, b=3), int)
    assert_type(await client.call(handlers.digest, b"x"), str)
    assert_type(await client.call(handlers.digest, b"x", rounds=2), str)
    assert_type(await client.call(handlers.order_goods, "tea"), Row)
    assert_type(await client.call(handlers.order_goods, "tea", count=2), Row)
    assert_type(await client.call(handlers.move, Point(1)), Point)
    assert_type(await client.call(handlers.move, Point(1), by=Point(1, 2)), Point)
    assert_type(await client.call(handlers.move, Point(1), None), Point)
    assert_type(await client.call(handlers.maximum), float | None)
    assert_type(await client.call(handlers.maximum, 1.0, 2.0, 3.0), float | None)
    assert_type(await client.call(handlers.tagged, 1, 2, 3, first="a", second="b"), dict[str, list[int]])
    assert_type(await client.call(handlers.tagged), dict[str, list[int]])
    assert_type(await client.call(handlers.named, first="Ada"), str)
    assert_type(await client.call(handlers.named, last="L", first="Ada"), str)
    assert_type(await client.call(handlers.positional, 1), tuple[int, str])
    assert_type(await client.call(handlers.positional, 1, "x"), tuple[int, str])
    assert_type(await client.call(handlers.nothing), None)
    assert_type(await client.call(handlers.traced, 1), int)
    assert_type(await client.call(handlers.anything, "x"), Any)
    assert_type(await client.call(handlers.anything_slowly, 1), Any)
    assert_type(await client.call(handlers.with_any, {}), list[Any])
    assert_type(await client.call(handlers.with_any, {"a": 1}, first=[]), list[Any])
    assert_type(await client.call("calc.add", 2, b="anything"), Any)


async def calls_of_handlers_with_a_context(client: rpc.Client) -> None:
    assert_type(await client.call(handlers.who), str)
    assert_type(await client.call(handlers.scaled_size, 2), int)
    assert_type(await client.call(handlers.pool_size), int)
    assert_type(await client.call(handlers.pool_size, 2), int)
    assert_type(await client.call(handlers.pool_size, scale=2), int)
    assert_type(await client.call(handlers.greet, "Ada"), str)
    assert_type(await client.call(handlers.greet, name="Ada", loud=True), str)
    assert_type(await client.call(handlers.sum_with_context), int)
    assert_type(await client.call(handlers.sum_with_context, 1, 2, 3, tag="x"), int)


async def arguments_that_stream(client: rpc.Client) -> None:
    assert_type(await client.call(handlers.total, rpc.each([1, 2])), int)
    assert_type(await client.call(handlers.total, rpc.each([1, 2]), start=3), int)
    assert_type(await client.call(handlers.total, numbers=handlers.countdown(3)), int)
    assert_type(await client.call(handlers.gather, rpc.each([Point(1)])), list[Point])
    send, receive = trio.open_memory_channel[int](1)
    await send.aclose()
    assert_type(await client.call(handlers.total, receive), int)
    async with client.stream(handlers.countdown, 3) as numbers:
        assert_type(await client.call(handlers.total, numbers), int)
    async with client.stream("calc.countdown", 3) as items:
        assert_type(await client.call(handlers.total, items), int)


async def streams(client: rpc.Client) -> None:
    assert_type(client.stream(handlers.countdown, 3), contextlib.AbstractAsyncContextManager[AsyncIterator[int]])
    async with client.stream(handlers.countdown, 3) as numbers:
        assert_type(numbers, AsyncIterator[int])
        async for number in numbers:
            assert_type(number, int)
    async with client.stream(handlers.count_between, 3, 2) as numbers:
        assert_type(numbers, AsyncIterator[int])
    async with client.stream(handlers.countdown, 3, step=2) as numbers:
        assert_type(numbers, AsyncIterator[int])
    async with client.stream(handlers.countdown, step=2, start=3) as numbers:
        assert_type(numbers, AsyncIterator[int])
    async with client.stream(handlers.tail, "x") as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.stream(handlers.tail, path="x", follow=True) as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.stream(handlers.read_lines) as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.stream(handlers.read_lines, "x") as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.stream(handlers.read_pairs, "x") as pairs:
        assert_type(pairs, AsyncIterator[tuple[str, int]])
    async with client.stream(handlers.points, 3) as points:
        assert_type(points, AsyncIterator[Point])
    async with client.stream(handlers.anything_streamed, 3) as items:
        assert_type(items, AsyncIterator[Any])
    async with client.stream(handlers.echo, rpc.each(["x"])) as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.stream(handlers.echo, rpc.each(["x"]), prefix="> ") as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.stream(handlers.echo, lines=lines) as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.stream(handlers.convert, rpc.each([Row(key="x", count=1)])) as points:
        assert_type(points, AsyncIterator[Point])
    async with client.stream("calc.countdown", 3) as items:
        assert_type(items, AsyncIterator[Any])


async def contexts(client: rpc.Client) -> None:
    assert_type(client.enter(handlers.lease, "x"), contextlib.AbstractAsyncContextManager[int])
    async with client.enter(handlers.lease_for, "x", 2.0) as length:
        assert_type(length, int)
    async with client.enter(handlers.lease, "x") as length:
        assert_type(length, int)
    async with client.enter(handlers.lease, "x", seconds=2.0) as length:
        assert_type(length, int)
    async with client.enter(handlers.lock, "x") as point:
        assert_type(point, Point)
    async with client.enter(handlers.reserve, "tea") as row:
        assert_type(row, Row)
    async with client.enter(handlers.reserve, item="tea", count=2) as row:
        assert_type(row, Row)
    async with client.enter(handlers.presence) as nothing:
        assert_type(nothing, None)
    async with client.enter("calc.lease", "x") as value:
        assert_type(value, Any)


async def notifications(client: rpc.Client) -> None:
    assert_type(await client.notify(handlers.record, "fps", 59.9), None)
    assert_type(await client.notify(handlers.observe, "fps", 59.9), None)
    assert_type(await client.notify(handlers.observe, "fps"), None)
    assert_type(await client.notify(handlers.observe, value=59.9, name="fps"), None)
    assert_type(await client.notify(handlers.observe_slowly, "fps"), None)
    assert_type(await client.notify(handlers.observe_slowly, "fps", value=59.9), None)
    assert_type(await client.notify(handlers.log_lines, "a", "b"), None)
    assert_type(await client.notify("calc.observe", "fps", 59.9), None)


async def datagrams() -> None:
    async with rpc.notifier("udp://127.0.0.1:9000") as notifier:
        assert_type(notifier, rpc.Notifier)
        assert_type(notifier.send(handlers.record, "fps", 59.9), None)
        assert_type(notifier.send(handlers.observe, "fps", 59.9), None)
        assert_type(notifier.send(handlers.observe, "fps"), None)
        assert_type(notifier.send(handlers.observe_slowly, "fps", value=59.9), None)
        assert_type(notifier.send(handlers.observe_slowly, name="fps"), None)
        assert_type(notifier.send(handlers.log_lines), None)
        assert_type(notifier.send("calc.observe", "fps", 59.9), None)


async def handles_are_their_functions(context: rpc.Context[Pool]) -> None:
    assert_type(handlers.add(1, b=2), int)
    assert_type(handlers.add(1), int)
    assert_type(await handlers.add_slowly(1), int)
    assert_type(await handlers.traced(1), int)
    assert_type(handlers.add.function(1), int)
    assert_type(await handlers.pool_size(context, 2), int)
    assert_type(handlers.countdown(3), AsyncIterator[int])
    assert_type(handlers.read_lines(), Iterator[str])
    assert_type(handlers.read_pairs("x"), Generator[tuple[str, int], None, int])
    assert_type(handlers.lease("x"), contextlib.AbstractAsyncContextManager[int])
    assert_type(handlers.reserve(context, "tea"), contextlib.AbstractAsyncContextManager[Row])
    assert_type(handlers.observe("fps"), None)
    assert_type(handlers.add.name, str)


async def calls_back(context: rpc.Context[Pool]) -> None:
    client = context.client
    assert_type(client, rpc.Caller)
    assert_type(client.peer, rpc.Peer)
    assert_type(await client.call(handlers.add, 2), int)
    assert_type(await client.call(handlers.add_slowly, 2, b=3), int)
    assert_type(await client.call(handlers.pool_size, scale=2), int)
    assert_type(await client.call("calc.add", 2), Any)
    async with client.stream(handlers.tail, "x", follow=True) as lines:
        assert_type(lines, AsyncIterator[str])
    async with client.enter(handlers.reserve, "tea") as row:
        assert_type(row, Row)
    assert_type(await client.notify(handlers.observe, "fps"), None)
    assert_type(await client.notify(handlers.observe_slowly, "fps", value=59.9), None)
    assert_type(client.stub(Sums), Sums)
    assert_type(await client.with_options(timeout=1).call(handlers.digest, b"x"), str)


async def of_both(caller: rpc.Caller) -> int:
    return await caller.call(handlers.add, 2)


async def clients_and_contexts_alike(client: rpc.Client, context: rpc.Context) -> None:
    assert_type(await of_both(client), int)
    assert_type(await of_both(context.client), int)


async def stubs(client: rpc.Client) -> None:
    stub = client.stub(Sums)
    assert_type(stub, Sums)
    assert_type(await stub.add(2, b=3), int)
    assert_type(await stub.latest(name="x"), Point)
    assert_type(await stub.total(rpc.each([1])), int)
    assert_type(await stub.total(stub.countdown(3)), int)
    assert_type(await stub.observe("fps", 59.9), None)
    assert_type(stub.countdown(3), rpc.Stream[int])
    async with stub.countdown(3) as numbers:
        assert_type(numbers, AsyncIterator[int])
    async for number in stub.countdown(3):
        assert_type(number, int)
    async with stub.lease("x") as point:
        assert_type(point, Point)
    assert_type(client.stub("sums"), rpc.Stub)
    assert_type(await client.stub("sums").add(2, b=3), Any)


async def clients() -> None:
    async with rpc.connect("unix:/tmp/calc.sock", services=handlers.calc, wait=1) as client:
        assert_type(client, rpc.Client)
        assert_type(await client.call(handlers.add, 2), int)
        view = client.with_options(timeout=1)
        assert_type(await view.call(handlers.add, 2), int)
    async with rpc.testing.client(handlers.calc) as client:
        assert_type(client, rpc.Client)
        assert_type(await client.call(handlers.pool_size), int)
    async with rpc.testing.client([handlers.calc]) as client, client.stream(handlers.countdown, 3) as numbers:
        assert_type(numbers, AsyncIterator[int])
    async with rpc.connect_process(["server"]) as client:
        assert_type(await client.call(handlers.add, 2), int)


def blocking_calls(client: rpc.blocking.Client) -> None:
    assert_type(client.call(handlers.add, 2, b=3), int)
    assert_type(client.call(handlers.add_slowly, 2), int)
    assert_type(client.call(handlers.order_goods, "tea", count=2), Row)
    assert_type(client.call(handlers.pool_size, scale=2), int)
    assert_type(client.call(handlers.total, rpc.each([1, 2])), int)
    assert_type(client.call("calc.add", 2, b="anything"), Any)
    with client.stream(handlers.countdown, 3) as numbers:
        assert_type(numbers, Iterator[int])
    with client.stream("calc.countdown", 3) as items:
        assert_type(items, Iterator[Any])
    with client.enter(handlers.lease, "x") as length:
        assert_type(length, int)
    assert_type(client.stub("calc"), rpc.blocking.Stub)
    assert_type(client.stub(Sums), Any)
