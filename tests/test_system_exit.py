"""A handler that raises `SystemExit`, as libraries that read command lines do, ends its own call and no more."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
import trio
import trio.testing

import rpc
import rpc.testing
from rpc.net.handlers import is_failure

service = rpc.Service("commands")


@service.method
def parse(arguments: list[str]) -> None:
    argparse.ArgumentParser(exit_on_error=False).exit(2)


@service.method
async def later() -> None:
    await trio.lowlevel.checkpoint()
    sys.exit("later")


@service.method
async def in_nursery() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        await trio.lowlevel.checkpoint()
        sys.exit(1)


@service.method(thread=True)
def in_thread() -> None:
    sys.exit(1)


@service.method
def items() -> Iterator[int]:
    yield 1
    sys.exit(1)


@service.method
async def items_later() -> AsyncIterator[int]:
    yield 1
    sys.exit(1)


@service.method(thread=True)
def items_in_thread() -> Iterator[int]:
    yield 1
    sys.exit(1)


@service.context
async def entered() -> AsyncIterator[int]:
    yield 1
    sys.exit(1)


@service.context
async def not_entered() -> AsyncIterator[int]:
    if add(1, 1):
        sys.exit(1)
    yield 1


@service.notification
def told() -> None:
    sys.exit(1)


@service.notification
async def told_later() -> None:
    await trio.lowlevel.checkpoint()
    sys.exit(1)


def never_sure(context: rpc.Context[None]) -> bool:
    sys.exit(1)


@service.method(allow=never_sure)
def guarded() -> None:
    """Nobody is allowed to."""


@service.method
def add(a: int, b: int) -> int:
    return a + b


@pytest.mark.parametrize(
    ("name", "arguments", "told_as"),
    [
        ("parse", [["--wrong"]], "SystemExit"),
        ("later", [], "SystemExit"),
        ("in_nursery", [], "BaseExceptionGroup|SystemExit"),
        ("in_thread", [], "SystemExit"),
    ],
)
async def test_a_method(name: str, arguments: list[object], told_as: str, caplog: pytest.LogCaptureFixture) -> None:
    async with rpc.testing.client(service, debug=False) as client:
        with pytest.raises(rpc.RemoteError, match=told_as) as caught:
            await client.call(f"commands.{name}", *arguments)
        assert caught.value.type == "SystemExit"
        assert await client.call(add, 1, 2) == 3
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().startswith(f"commands.{name} raised ")


@pytest.mark.parametrize("name", ["items", "items_later", "items_in_thread"])
async def test_a_generator(name: str, caplog: pytest.LogCaptureFixture) -> None:
    got: list[int] = []
    async with rpc.testing.client(service) as client:
        with pytest.raises(rpc.RemoteError) as caught:
            async with client.stream(f"commands.{name}") as numbers:
                async for number in numbers:
                    got.append(number)
        assert caught.value.type == "SystemExit"
        assert got == [1]
        assert await client.call(add, 1, 2) == 3
    assert caplog.messages == [f"commands.{name} raised SystemExit"]


@pytest.mark.parametrize("name", ["entered", "not_entered"])
async def test_a_context(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with rpc.testing.client(service) as client:
        with pytest.raises(rpc.RemoteError) as caught:
            async with client.enter(f"commands.{name}"):
                pass
        assert caught.value.type == "SystemExit"
        assert await client.call(add, 1, 2) == 3
    assert caplog.messages == [f"commands.{name} raised SystemExit"]


@pytest.mark.parametrize("name", ["told", "told_later"])
async def test_a_notification(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with rpc.testing.client(service) as client:
        await client.notify(f"commands.{name}")
        assert await client.call(add, 1, 2) == 3
        await trio.testing.wait_all_tasks_blocked()
    assert caplog.messages == [f"commands.{name} raised SystemExit"]


async def test_a_predicate(caplog: pytest.LogCaptureFixture) -> None:
    async with rpc.testing.client(service) as client:
        with pytest.raises(rpc.PermissionDenied):
            await client.call(guarded)
        assert await client.call(add, 1, 2) == 3
    assert caplog.messages == ["allow of commands.guarded raised SystemExit"]


@pytest.mark.parametrize(
    ("error", "is_its_own"),
    [
        (KeyError(), True),
        (SystemExit(), True),
        (BaseExceptionGroup("several", [SystemExit(), KeyError()]), True),
        (KeyboardInterrupt(), False),
        (GeneratorExit(), False),
        (BaseExceptionGroup("several", [SystemExit(), KeyboardInterrupt()]), False),
    ],
)
def test_what_is_a_failure_of_the_handler(error: BaseException, is_its_own: bool) -> None:
    assert is_failure(error) is is_its_own
