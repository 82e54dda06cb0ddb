"""The service ``suite``, which both roles serve while they are under test."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

import rpc

__all__ = ["suite", "tell"]

suite = rpc.Service("suite")


def tell(name: str, what: str, **more: Any) -> None:
    """Tell the suite what has happened, in one line."""
    print(json.dumps({"as": name, "is": what, **more}), flush=True)


class Crash(Exception):
    """Nobody declares it."""


@attrs.define
class Refused(Exception):
    """`refuse` declares it."""

    amount: int


# --- Calls -------------------------------------------------------------------------------------------------------


@suite.method
def echo(value: object) -> object:
    return value


@suite.method
def add(a: int, b: int = 0) -> int:
    return a + b


@suite.method
def blob(size: int) -> bytes:
    return bytes(size)


@suite.method
def fail(code: int, message: str) -> None:
    raise next(cls for cls in rpc.Error.__subclasses__() if cls.code == code)(message)


@suite.method
def crash() -> None:
    raise Crash("a secret")


@suite.method(raises=[Refused])
def refuse(amount: int) -> None:
    raise Refused(amount)


@suite.method(allow=lambda context: False)
def forbidden() -> None:
    tell("forbidden", "started")


@suite.method
def shapeless() -> Any:
    return object()


@suite.method
async def wait(name: str) -> None:
    """Tell that it has started, and wait to be cancelled."""
    await _wait(name)


async def _wait(name: str) -> None:
    tell(name, "started")
    try:
        await trio.sleep_forever()
    finally:
        tell(name, "cancelled")


# --- Towards the peer --------------------------------------------------------------------------------------------


@suite.notification
async def observe(value: int, context: rpc.Context[Any]) -> None:
    """Answer a notification with one."""
    await context.client.notify("suite.observed", value)


@suite.method
async def ask(value: int, context: rpc.Context[Any]) -> Any:
    """Call the caller, and give its answer."""
    return await context.client.call("suite.answer", value)


# --- Streams -----------------------------------------------------------------------------------------------------


@suite.method
def count(stop: int) -> Iterator[int]:
    yield from range(stop)


@suite.method
def half(stop: int) -> Iterator[int]:
    """Some items, and a failure."""
    yield from range(stop)
    raise rpc.DataLoss("the other half is lost")


@suite.method
def blobs(count: int, size: int) -> Iterator[bytes]:
    for _ in range(count):
        yield bytes(size)


@suite.method
async def total(numbers: AsyncIterable[int]) -> int:
    return sum([number async for number in numbers])


@suite.method
async def sizes(blobs: AsyncIterable[bytes]) -> list[int]:
    return [len(blob) async for blob in blobs]


@suite.method
async def first(items: AsyncIterable[Any]) -> Any:
    """The first item; the others are not waited for."""
    async for item in items:
        return item
    return None


@suite.method
async def relay(items: AsyncIterable[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


@suite.method
async def unread(name: str, items: AsyncIterable[Any]) -> None:
    """Take no item, and wait to be cancelled."""
    await _wait(name)


@suite.context
@asynccontextmanager
async def hold(name: str) -> AsyncGenerator[str]:
    try:
        yield name
    except rpc.Error as error:
        tell(name, "raised", code=int(error.code), message=error.message)
        raise
    except BaseException:
        tell(name, "cancelled")
        raise
    tell(name, "left")
