"""A service with a handler of every kind, for the tests of handles."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterator
from typing import Any

from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.service import Service

calc = Service("org.calc")


class State:
    pass


NOBODY: Any = None
"""In the place of `Context.client`, where there is no caller to be called back."""

CONTEXT: Context[State] = Context(
    peer=Peer(address="memory:", transport="memory"), metadata={}, deadline=math.inf, state=State(), client=NOBODY
)


@calc.method
def add(a: int, b: int = 0) -> int:
    """Add two numbers.

    With care.
    """
    return a + b


@calc.method(idempotent=True, raises=[ValueError])
async def add_slowly(a: int, b: int = 0) -> int:
    return a + b


@calc.method
def with_state(context: Context[State], a: int, *, b: str = "") -> str:
    return b * a


@calc.method
async def with_any(context: Context, values: dict[str, Any], /) -> dict[str, Any]:
    return values


@calc.method
def with_context_only(context: Context[State]) -> float:
    return context.deadline


@calc.method
async def nothing() -> None: ...


@calc.method
def anything(*values: int, **named: str) -> Any:
    return values, named


@calc.method(name="first")
async def any_first(value: Any, times: int) -> list[int]:
    return [value] * times


@calc.notification
def observe(name: str, value: float) -> None: ...


@calc.notification(concurrent=True)
async def observe_slowly(context: Context[State], name: str, *, value: float = 0.0) -> None: ...


@calc.method
async def anything_slowly(a: int) -> Any:
    return a


@calc.method
async def total(numbers: AsyncIterable[int], start: int = 0) -> int:
    return sum([number async for number in numbers], start)


@calc.method
async def countdown(start: int) -> AsyncIterator[int]:
    """Count down."""
    for number in range(start, 0, -1):
        yield number


@calc.method(raises=[LookupError], idempotent=True, name="log_tail")
async def tail(context: Context[State], path: str) -> AsyncGenerator[str, None]:
    yield path


@calc.method(thread=True)
def read_lines(path: str) -> Iterator[str]:
    yield path


@calc.method
def read_pairs(path: str) -> Generator[tuple[str, int], None, int]:
    yield path, 1
    return 1


@calc.method
async def echo(lines: AsyncIterable[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line.upper()


@calc.method
async def anything_streamed(value: Any) -> AsyncIterator[Any]:
    yield value


@calc.context
@contextlib.asynccontextmanager
async def lease(name: str) -> AsyncGenerator[int, None]:
    """Hold a name."""
    yield len(name)


@calc.context(raises=[LookupError], name="hold")
async def lease_with_context(context: Context[State], name: str) -> AsyncIterator[str]:
    yield name
