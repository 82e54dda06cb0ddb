"""A service with a handler of every kind and form, as a user writes them; right.py and wrong.py call it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, ParamSpec, Protocol, TypedDict, TypeVar

import attrs

import rpc

P = ParamSpec("P")
T = TypeVar("T")

calc = rpc.Service("calc")


@attrs.frozen
class Point:
    x: int
    y: int = 0


@attrs.frozen
class Pool:
    size: int


class Row(TypedDict):
    key: str
    count: int


class OutOfStock(Exception):
    pass


def trace(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    @functools.wraps(function)
    async def traced(*args: P.args, **kwargs: P.kwargs) -> T:
        return await function(*args, **kwargs)

    return traced


# --- Methods ---------------------------------------------------------------------------------------------------


@calc.method
def add(a: int, b: int = 0) -> int:
    return a + b


@calc.method
def subtract(a: int, b: int) -> int:
    return a - b


@calc.method
async def add_slowly(a: int, b: int = 0) -> int:
    return a + b


@calc.method(thread=True)
def digest(data: bytes, *, rounds: int = 1) -> str:
    return data.hex() * rounds


@calc.method(raises=[OutOfStock], idempotent=True, name="order")
async def order_goods(item: str, /, count: int = 1) -> Row:
    return {"key": item, "count": count}


@calc.method
def move(point: Point, by: Point | None = None) -> Point:
    return point


@calc.method
def maximum(*values: float) -> float | None:
    return max(values, default=None)


@calc.method
async def tagged(*values: int, **tags: str) -> dict[str, list[int]]:
    return {tag: list(values) for tag in tags}


@calc.method
def named(*, first: str, last: str = "") -> str:
    return first + last


@calc.method
def positional(a: int, b: str = "", /) -> tuple[int, str]:
    return a, b


@calc.method
async def nothing() -> None: ...


@calc.method
@trace
async def traced(a: int) -> int:
    return a


@calc.method
def anything(value: Any) -> Any:
    return value


@calc.method
async def anything_slowly(value: int) -> Any:
    return value


@calc.method
async def with_any(values: dict[str, Any], first: Any = None) -> list[Any]:
    return [first, *values]


# --- With a context --------------------------------------------------------------------------------------------


@calc.method
def who(context: rpc.Context) -> str:
    return context.peer.address


@calc.method
async def pool_size(context: rpc.Context[Pool], scale: int = 1) -> int:
    return context.state.size * scale


@calc.method
async def scaled_size(context: rpc.Context[Pool], scale: int) -> int:
    return context.state.size * scale


@calc.method(thread=True, idempotent=True)
def greet(context: rpc.Context[Pool], name: str, *, loud: bool = False) -> str:
    return name


@calc.method
async def sum_with_context(context: rpc.Context, /, *values: int, **tags: str) -> int:
    return sum(values)


# --- Streams ---------------------------------------------------------------------------------------------------


@calc.method
async def countdown(start: int, step: int = 1) -> AsyncIterator[int]:
    for number in range(start, 0, -step):
        yield number


@calc.method
async def count_between(start: int, step: int) -> AsyncIterator[int]:
    yield start


@calc.method
async def tail(context: rpc.Context[Pool], path: str, *, follow: bool = False) -> AsyncGenerator[str, None]:
    yield path


@calc.method(thread=True)
def read_lines(path: str = "") -> Iterator[str]:
    yield path


@calc.method(idempotent=True)
def read_pairs(path: str) -> Generator[tuple[str, int], None, int]:
    yield path, 1
    return 1


@calc.method
async def points(count: int) -> AsyncIterable[Point]:
    yield Point(count)


@calc.method
async def anything_streamed(value: Any) -> AsyncIterator[Any]:
    yield value


@calc.method
async def total(numbers: AsyncIterable[int], start: int = 0) -> int:
    return sum([number async for number in numbers], start)


@calc.method
async def gather(context: rpc.Context, points: AsyncIterator[Point]) -> list[Point]:
    return [point async for point in points]


@calc.method
async def echo(lines: AsyncIterable[str], prefix: str = "") -> AsyncIterator[str]:
    async for line in lines:
        yield prefix + line


@calc.method(raises=[OutOfStock])
async def convert(context: rpc.Context[Pool], rows: AsyncIterable[Row]) -> AsyncIterator[Point]:
    async for row in rows:
        yield Point(row["count"])


# --- Contexts --------------------------------------------------------------------------------------------------


@calc.context
async def lease(name: str, seconds: float = 1.0) -> AsyncIterator[int]:
    yield len(name)


@calc.context
async def lease_for(name: str, seconds: float) -> AsyncIterator[int]:
    yield len(name)


@calc.context
@contextlib.asynccontextmanager
async def lock(name: str) -> AsyncGenerator[Point, None]:
    yield Point(len(name))


@calc.context(raises=[OutOfStock], name="hold")
async def reserve(context: rpc.Context[Pool], item: str, *, count: int = 1) -> AsyncIterator[Row]:
    yield {"key": item, "count": count}


@calc.context
async def presence() -> AsyncGenerator[None, None]:
    yield


# --- Notifications ---------------------------------------------------------------------------------------------


@calc.notification
def observe(name: str, value: float = 0.0) -> None: ...


@calc.notification
def record(name: str, value: float) -> None: ...


@calc.notification(concurrent=True)
async def observe_slowly(context: rpc.Context[Pool], name: str, *, value: float = 0.0) -> None: ...


@calc.notification(thread=True, name="log")
def log_lines(*lines: str) -> None: ...


# --- A contract ------------------------------------------------------------------------------------------------


@rpc.contract("sums")
class Sums(Protocol):
    async def add(self, a: int, b: int = 0) -> int: ...

    @rpc.method(raises=[OutOfStock], idempotent=True)
    async def latest(self, *, name: str) -> Point: ...

    def countdown(self, start: int) -> rpc.Stream[int]: ...

    async def total(self, numbers: AsyncIterable[int]) -> int: ...

    def lease(self, name: str) -> contextlib.AbstractAsyncContextManager[Point]: ...

    @rpc.notification
    async def observe(self, name: str, value: float) -> None: ...
