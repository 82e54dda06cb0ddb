"""Wrong uses: each line that ends with ``# wrong`` is an error to each type checker, and no other line is one."""

# ruff: noqa: B018

from __future__ import annotations

from collections.abc import AsyncIterator

import rpc
from tests.typing import handlers
from tests.typing.handlers import Point, Pool, Sums, calc


async def calls(client: rpc.Client) -> None:
    await client.call(handlers.add)  # wrong
    await client.call(handlers.add, "2")  # wrong
    await client.call(handlers.add, 2, "3")  # wrong
    await client.call(handlers.add, 1, 2, 3)  # wrong
    await client.call(handlers.add, 2, c=3)  # wrong
    await client.call(handlers.add, 2, a=3)  # wrong
    await client.call(handlers.add, b=3)  # wrong
    await client.call(handlers.add, None)  # wrong
    await client.call(handlers.subtract, 2)  # wrong
    await client.call(handlers.add_slowly, "2")  # wrong
    await client.call(handlers.add_slowly, 2, b=None)  # wrong
    await client.call(handlers.digest, "text")  # wrong
    await client.call(handlers.digest, b"x", 2)  # wrong
    await client.call(handlers.digest, b"x", rounds="2")  # wrong
    await client.call(handlers.order_goods, item="tea")  # wrong
    await client.call(handlers.order_goods, "tea", count="2")  # wrong
    await client.call(handlers.move, (1, 2))  # wrong
    await client.call(handlers.move, Point(1), by=1)  # wrong
    await client.call(handlers.maximum, 1.0, "2")  # wrong
    await client.call(handlers.maximum, value=1.0)  # wrong
    await client.call(handlers.tagged, "1")  # wrong
    await client.call(handlers.tagged, 1, tag=2)  # wrong
    await client.call(handlers.named, "Ada")  # wrong
    await client.call(handlers.named)  # wrong
    await client.call(handlers.named, first=1)  # wrong
    await client.call(handlers.positional, a=1)  # wrong
    await client.call(handlers.positional, 1, b="x")  # wrong
    await client.call(handlers.nothing, 1)  # wrong
    await client.call(handlers.traced, "1")  # wrong
    await client.call(handlers.with_any, [])  # wrong
    await client.call(handlers.with_any)  # wrong
    await client.call(handlers.anything, 1, 2)  # wrong
    await client.call(handlers.anything_slowly, "1")  # wrong


async def results(client: rpc.Client) -> None:
    text: str = await client.call(handlers.add, 2)  # wrong
    number: int = await client.call(handlers.digest, b"x")  # wrong
    point: Point = await client.call(handlers.order_goods, "tea")  # wrong
    maximum: float = await client.call(handlers.maximum, 1.0)  # wrong
    slow: str = await client.call(handlers.add_slowly, 2)  # wrong
    size: str = await client.call(handlers.pool_size)  # wrong
    async with client.stream(handlers.countdown, 3) as numbers:
        async for line in numbers:
            line.upper()  # wrong
    async with client.enter(handlers.lease, "x") as length:
        length.upper()  # wrong
    (await client.call(handlers.nothing)).anything  # wrong
    print(text, number, point, maximum, slow, size)


async def calls_of_handlers_with_a_context(client: rpc.Client, context: rpc.Context) -> None:
    await client.call(handlers.who, "me")  # wrong
    await client.call(handlers.pool_size, "2")  # wrong
    await client.call(handlers.pool_size, scale="2")  # wrong
    await client.call(handlers.pool_size, 2, 3)  # wrong
    await client.call(handlers.scaled_size)  # wrong
    await client.call(handlers.greet)  # wrong
    await client.call(handlers.greet, "Ada", True)  # wrong
    await client.call(handlers.greet, "Ada", loud="yes")  # wrong
    await client.call(handlers.greet, "Ada", quiet=True)  # wrong
    await client.call(handlers.sum_with_context, "1")  # wrong
    await client.call(handlers.sum_with_context, 1, tag=2)  # wrong


async def calls_of_what_is_no_method(client: rpc.Client) -> None:
    await client.call(handlers.countdown, 3)  # wrong
    await client.call(handlers.read_lines, "x")  # wrong
    await client.call(handlers.tail, "x")  # wrong
    await client.call(handlers.lease, "x")  # wrong
    await client.call(handlers.observe, "fps", 1.0)  # wrong
    await client.call(handlers.add.function, 1)  # wrong
    await client.call(len, [])  # wrong
    await client.call(calc)  # wrong
    await client.call(1)  # wrong


async def arguments_that_stream(client: rpc.Client, texts: AsyncIterator[str]) -> None:
    await client.call(handlers.total, [1, 2])  # wrong
    await client.call(handlers.total, rpc.each(["x"]))  # wrong
    await client.call(handlers.total, texts)  # wrong
    await client.call(handlers.total)  # wrong
    await client.call(handlers.total, rpc.each([1]), start="x")  # wrong
    await client.call(handlers.gather, rpc.each([1]))  # wrong
    client.stream(handlers.echo, rpc.each([1]))  # wrong
    client.stream(handlers.echo, "text", prefix="x")  # wrong
    client.stream(handlers.convert, texts)  # wrong


async def streams(client: rpc.Client) -> None:
    client.stream(handlers.countdown)  # wrong
    client.stream(handlers.countdown, "x")  # wrong
    client.stream(handlers.countdown, 3, by=2)  # wrong
    client.stream(handlers.count_between, 3)  # wrong
    client.stream(handlers.tail)  # wrong
    client.stream(handlers.tail, "x", True)  # wrong
    client.stream(handlers.read_lines, 1)  # wrong
    client.stream(handlers.read_pairs)  # wrong
    client.stream(handlers.add, 1)  # wrong
    client.stream(handlers.add_slowly, 1)  # wrong
    client.stream(handlers.anything, 1)  # wrong
    client.stream(handlers.total, rpc.each([1]))  # wrong
    client.stream(handlers.lease, "x")  # wrong
    client.stream(handlers.observe, "fps", 1.0)  # wrong
    client.stream(handlers.countdown.function, 3)  # wrong
    await client.stream(handlers.countdown, 3)  # wrong


async def contexts(client: rpc.Client) -> None:
    client.enter(handlers.lease)  # wrong
    client.enter(handlers.lease, 1)  # wrong
    client.enter(handlers.lease, "x", minutes=1)  # wrong
    client.enter(handlers.lease_for, "x")  # wrong
    client.enter(handlers.reserve, 1)  # wrong
    client.enter(handlers.reserve, "tea", 2)  # wrong
    client.enter(handlers.add, 1)  # wrong
    client.enter(handlers.countdown, 1)  # wrong
    client.enter(handlers.observe, "x")  # wrong
    client.enter(handlers.lease.function, "x")  # wrong


async def notifications(client: rpc.Client, notifier: rpc.Notifier) -> None:
    await client.notify(handlers.observe)  # wrong
    await client.notify(handlers.observe, "fps", "many")  # wrong
    await client.notify(handlers.observe, value=1.0)  # wrong
    await client.notify(handlers.record, "fps")  # wrong
    await client.notify(handlers.observe_slowly, "fps", 1.0)  # wrong
    await client.notify(handlers.log_lines, 1)  # wrong
    await client.notify(handlers.add, 1)  # wrong
    await client.notify(handlers.countdown, 1)  # wrong
    await client.notify(handlers.lease, "x")  # wrong
    notifier.send(handlers.observe)  # wrong
    notifier.send(handlers.observe, "fps", "many")  # wrong
    notifier.send(handlers.record, "fps")  # wrong
    notifier.send(handlers.observe_slowly, value=1.0)  # wrong
    notifier.send(handlers.log_lines, 1)  # wrong
    notifier.send(handlers.add, 1)  # wrong
    notifier.send(handlers.countdown, 1)  # wrong
    notifier.send(b"calc.observe", "fps")  # wrong


async def functions_of_handles(context: rpc.Context[Pool]) -> None:
    context.state.sise  # wrong
    context.peer = "me"  # wrong
    handlers.add("2")  # wrong
    handlers.add(1, 2, 3)  # wrong
    await handlers.pool_size("x")  # wrong
    handlers.countdown()  # wrong
    handlers.lease(1)  # wrong
    handlers.observe(1)  # wrong
    handlers.add.nothing  # wrong


async def calls_back(context: rpc.Context[Pool]) -> None:
    await context.client.call(handlers.add, "2")  # wrong
    await context.client.call(handlers.add, b=3)  # wrong
    await context.client.call(handlers.pool_size, "2")  # wrong
    await context.client.call(handlers.countdown, 2)  # wrong
    context.client.stream(handlers.tail, 1)  # wrong
    context.client.enter(handlers.lease, 1)  # wrong
    await context.client.notify(handlers.observe, 1)  # wrong
    await context.client.stub(Sums).add("2")  # wrong
    context.client.nothing()  # wrong


async def stubs(client: rpc.Client) -> None:
    stub = client.stub(Sums)
    await stub.add("2")  # wrong
    await stub.add(1, 2, 3)  # wrong
    await stub.subtract(1, 2)  # wrong
    await stub.latest("x")  # wrong
    await stub.total([1])  # wrong
    await stub.total(rpc.each(["x"]))  # wrong
    await stub.observe("fps", "many")  # wrong
    stub.countdown("x")  # wrong
    stub.lease(1)  # wrong
    text: str = await stub.add(2)  # wrong
    client.stub(1)  # wrong
    print(text)


async def clients() -> None:
    async with rpc.connect("unix:/tmp/calc.sock", wait="1") as client:  # wrong
        await client.call(handlers.add, "2")  # wrong
    async with rpc.connect(1) as client:  # wrong
        print(client)
    async with rpc.testing.client(handlers.add) as client:  # wrong
        await client.call(handlers.add, "2")  # wrong
    async with rpc.notifier(9000) as notifier:  # wrong
        print(notifier)


def programs() -> None:
    rpc.run(calc, 1)  # wrong
    rpc.run(calc, "tcp://:9000", insecure="yes")  # wrong
    rpc.run(calc, "tcp://:9000", allow=True)  # wrong


@calc.method(thread=1)  # wrong
def one() -> None: ...


@calc.method(raises=[1])  # wrong
def two() -> None: ...


@calc.method(nothing=True)  # wrong
def three() -> None: ...


@calc.context  # wrong
def four() -> int:
    return 4


@calc.notification(idempotent=True)  # wrong
def five() -> None: ...


def blocking_calls(client: rpc.blocking.Client) -> None:
    client.call(handlers.add, "2")  # wrong
    client.call(handlers.add_slowly, 2, c=3)  # wrong
    client.call(handlers.countdown, 3)  # wrong
    client.stream(handlers.add, 2)  # wrong
    client.enter(handlers.countdown, 3)  # wrong
    client.notify(handlers.add, 2)  # wrong
