"""What blocking clients call in tests: a service whose server runs in a thread."""

from __future__ import annotations

import queue
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, Protocol

import attrs
import trio

import rpc

__all__ = ["Calc", "Point", "Poor", "calc", "probe", "told"]

probe = rpc.Service("probe")

told: queue.Queue[Any] = queue.Queue()
"""What handlers tell the test."""


@attrs.define
class Point:
    x: int
    y: int


@attrs.define
class Poor(Exception):
    needed: int


@probe.method
def add(a: int, b: int = 0) -> int:
    return a + b


@probe.method
def echo(data: bytes) -> bytes:
    return data


@probe.method
def mirror(point: Point) -> Point:
    return Point(point.y, point.x)


@probe.method(raises=[Poor])
def pay() -> None:
    raise Poor(5)


@probe.method
async def sleep() -> None:
    told.put("asleep")
    try:
        await trio.sleep_forever()
    finally:
        told.put("cancelled")


@probe.method
async def doze() -> None:
    await trio.sleep_forever()


@probe.method
def terms(context: rpc.Context[None]) -> list[Any]:
    return [dict(context.metadata), context.deadline < 1e9 + trio.current_time()]


@probe.method
async def call_back(context: rpc.Context[None]) -> str:
    await context.client.notify("theirs.observe", 1)
    try:
        await context.client.call("theirs.add", 1)
    except rpc.Unimplemented as error:
        return error.message
    raise AssertionError


@probe.notification
def observe(name: str, value: float) -> None:
    told.put((name, value))


@probe.method
async def countdown(start: int) -> AsyncIterator[int]:
    try:
        for number in range(start, 0, -1):
            yield number
    finally:
        told.put("closed")


@probe.method
async def points(count: int) -> AsyncIterator[Point]:
    for number in range(count):
        yield Point(number, -number)


@probe.method
async def stumble() -> AsyncIterator[int]:
    yield 1
    raise rpc.NotFound("no more")


@probe.method
async def hang() -> AsyncIterator[int]:
    yield 1
    await trio.sleep_forever()


@probe.method
async def total(numbers: AsyncIterable[int]) -> int:
    return sum([number async for number in numbers])


@probe.method
async def first(numbers: AsyncIterable[int]) -> int:
    async for number in numbers:
        return number
    raise rpc.NotFound("there is none")


@probe.method
async def double(numbers: AsyncIterable[int]) -> AsyncIterator[int]:
    async for number in numbers:
        yield 2 * number


@probe.context
async def lease(name: str) -> AsyncIterator[str]:
    try:
        yield f"lease of {name}"
    except rpc.RemoteError as error:
        told.put(error.type)
        raise
    except trio.Cancelled:
        told.put("lost")
        raise
    else:
        told.put("left")


@probe.context
async def broken() -> AsyncIterator[None]:
    yield
    raise rpc.Aborted("it broke")


@rpc.contract("calc")
class Calc(Protocol):
    async def shift(self, point: Point, by: int = 1) -> Point: ...

    def count(self, to: int) -> rpc.Stream[int]: ...

    @rpc.notification
    async def note(self, text: str) -> None: ...


class Calculator:
    def shift(self, point: Point, by: int = 1) -> Point:
        return Point(point.x + by, point.y + by)

    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    def note(self, text: str) -> None:
        told.put(text)


calc = rpc.Service.from_contract(Calc, Calculator())
