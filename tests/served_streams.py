"""A server of streams in a process of its own: ``python -m tests.served_streams ADDRESS``.

What its handlers see is printed, a line each, with the time of the clock that all processes of a host share.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import trio

import rpc
from rpc.service.context import Context
from tests.served import count_tasks as tasks_of_the_server
from tests.served import tell

streams = rpc.Service("streams")


@streams.method
def count(stop: int) -> Iterator[int]:
    yield from range(stop)


@streams.method
async def ticks(seconds: float = 0.001) -> AsyncIterator[int]:
    tell("started")
    try:
        number = 0
        while True:
            yield number
            number += 1
            await trio.sleep(seconds)
    finally:
        tell("closed")


@streams.method
async def blocks(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(size)


@streams.method
def texts(count: int) -> Iterator[str]:
    for _ in range(count):
        yield "x"


@streams.method
async def total(numbers: AsyncIterable[int]) -> int:
    """The sum of numbers that rise from 0, each one more than the last."""
    expected = 0
    async for number in numbers:
        assert number == expected
        expected += 1
    return expected


@streams.method
async def slow_total(seconds: float, blocks: AsyncIterable[bytes]) -> int:
    total = 0
    async for block in blocks:
        total += len(block)
        await trio.sleep(seconds)
    return total


@streams.method
async def unread(items: AsyncIterable[Any]) -> None:
    tell("started")
    try:
        await trio.sleep_forever()
    finally:
        tell("closed")


@streams.method
async def echo(values: AsyncIterable[Any]) -> AsyncIterator[Any]:
    async for value in values:
        yield value


@streams.context
@asynccontextmanager
async def transaction() -> AsyncGenerator[str]:
    tell("begun")
    try:
        yield "open"
    except BaseException:
        tell("rolled_back")
        raise
    tell("committed")


@streams.method
async def echo_back(context: Context[Any], depth: int) -> int:
    """Call the caller, which calls this, and so on."""
    result: int = await context.client.call("back.echo_back", depth)
    return result


@streams.method
def add(a: int, b: int) -> int:
    return a + b


@streams.method
async def sleep(seconds: float) -> None:
    await trio.sleep(seconds)


@streams.method
async def counts(context: Context[Any]) -> dict[str, int]:
    """What this process has open: its tasks, its descriptors, and the calls of this connection."""
    client: Any = context.client
    session = client._line.connection.session
    return {
        "tasks": await tasks_of_the_server.function(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "calls": len(session.callee.calls) + len(session.caller.calls),
    }


@streams.method
def memory() -> int:
    """Resident bytes of this process now."""
    return resident()


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    rpc.run(streams, sys.argv[1:], limits=rpc.Limits(window=65_536))
