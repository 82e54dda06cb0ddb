"""A contract with a method of every kind, and an object that implements it, for the tests of contracts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeVar

import attrs

import rpc

__all__ = ["Broke", "Calc", "CalcServer", "Point", "Store", "Words", "WordsServer"]

T = TypeVar("T")


@attrs.frozen
class Point:
    x: int
    y: int = 0


@attrs.define
class Broke(Exception):
    missing: int


@rpc.contract("org.calc")
class Calc(Protocol):
    """What calculators do.

    With care.
    """

    async def add(self, a: int, b: int = 0) -> int:
        """Add two numbers."""
        ...

    async def move(self, point: Point, *, by: int = 1) -> Point: ...

    def countdown(self, start: int) -> rpc.Stream[int]:
        """Count down."""
        ...

    def path(self, points: AsyncIterable[Point]) -> rpc.Stream[Point]: ...

    async def total(self, numbers: AsyncIterable[int]) -> int: ...

    def lease(self, name: str) -> AbstractAsyncContextManager[Point]: ...

    @rpc.notification
    async def observe(self, name: str, value: float) -> None: ...

    @rpc.method(raises=[Broke], idempotent=True, name="pay_out")
    async def pay(self, amount: int) -> None: ...


class CalcServer:
    def __init__(self) -> None:
        self.observed: list[tuple[str, float]] = []
        self.left: list[str] = []
        self.callers: list[str] = []

    def add(self, a: int, b: int = 0) -> int:
        return a + b

    async def move(self, context: rpc.Context, point: Point, *, by: int = 1) -> Point:
        self.callers.append(context.metadata.get("user", ""))
        return Point(point.x + by, point.y)

    async def countdown(self, start: int) -> AsyncGenerator[int]:
        try:
            for number in range(start, 0, -1):
                yield number
        finally:
            self.left.append("countdown")

    async def path(self, points: AsyncIterable[Point]) -> AsyncIterator[Point]:
        async for point in points:
            yield Point(point.y, point.x)

    async def total(self, numbers: AsyncIterable[int]) -> int:
        return sum([number async for number in numbers])

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[Point]:
        try:
            yield Point(len(name))
        finally:
            self.left.append(name)

    def observe(self, name: str, value: float) -> None:
        self.observed.append((name, value))

    async def pay(self, amount: int) -> None:
        raise Broke(amount)


@rpc.contract("store")
class Store(Protocol[T]):
    async def get(self, key: str) -> T: ...

    async def put(self, key: str, value: T, others: list[T] | None = None) -> None: ...

    def all(self) -> rpc.Stream[T]: ...


@rpc.contract("words")
class Words(Store[Point], Protocol):
    """A contract that inherits a generic one."""

    async def count(self) -> int: ...


class WordsServer:
    def __init__(self) -> None:
        self.values: dict[str, Point] = {}

    def get(self, key: str) -> Point:
        return self.values[key]

    def put(self, key: str, value: Point, others: list[Point] | None = None) -> None:
        self.values[key] = value

    async def all(self) -> AsyncIterator[Point]:
        for value in self.values.values():
            yield value

    def count(self) -> int:
        return len(self.values)
