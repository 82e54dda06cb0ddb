"""Streams and remote context managers, at the caller: blocks around a call whose items come and go."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from rpc.client.terms import Terms
from rpc.errors import Error, Internal, Processed, RemoteError
from rpc.net.background import open_background
from rpc.net.calls import OpenCall
from rpc.net.feeding import feed
from rpc.net.streams import Items
from rpc.wire import failures
from rpc.wire.payload import decode

__all__ = ["Block", "Received", "entered", "streamed"]

T = TypeVar("T")


class Block(AbstractAsyncContextManager[T]):
    """What is used by ``async with`` alone: other uses are told so, where Python's own message would not say how."""

    __slots__ = ("_block", "_usage")

    def __init__(self, block: AbstractAsyncContextManager[T], usage: str) -> None:
        self._block = block
        self._usage = usage

    async def __aenter__(self) -> T:
        return await self._block.__aenter__()

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._block.__aexit__(cls, error, traceback)

    if not TYPE_CHECKING:  # to type checkers these uses are errors, as they should be

        def __await__(self) -> None:
            raise TypeError(f"this alone opens nothing; use: {self._usage}")

        __aiter__ = __await__

        def __getattr__(self, name: str) -> None:
            raise AttributeError(f"there is no {name!r} yet; use: {self._usage}", name=name, obj=self)


class Received(Items[T]):
    """The items of a call, as the caller iterates over them.

    Attributes:
        told: the exception that iterating has raised, if it has.
    """

    def __init__(self, call: OpenCall, terms: Terms) -> None:
        super().__init__(call.stream, terms.convert, terms.refuse)
        self._call = call
        self._translate = terms.translate
        self.told: BaseException | None = None

    async def _tell(self, error: Exception) -> Exception:
        if isinstance(error, Error):
            await self._call.let_scope_speak(error)
            error = self._translate(error)
        self.told = error
        return error


@asynccontextmanager
async def streamed(call: OpenCall, terms: Terms, items: AsyncIterable[Any] | None) -> AsyncGenerator[Received[Any]]:
    """The block of ``client.stream``: at its end the callee has stopped, and no item can arrive any more."""
    async with open_background() as nursery:
        if items is not None:
            nursery.start_soon(feed, call, items, terms.write)
        received = Received[Any](call, terms)
        try:
            yield received
        except (trio.Cancelled, GeneratorExit):
            call.give_up()
            raise
        except BaseException as error:
            try:
                await _stop(call, terms)
            except trio.Cancelled:
                raise error from None  # the scope is told again; what the block raised would be lost
            if call.failure is not None and received.told is None and isinstance(error, Exception):
                raise ExceptionGroup("the block and its items have both failed", [error, call.failure]) from None
            raise
        failure = await _stop(call, terms)
        if failure is not None and received.told is None:
            raise failure


async def _stop(call: OpenCall, terms: Terms) -> Exception | None:
    """End a call and wait until its callee has; gives what it, or this side, failed with."""
    try:
        if call.has_ended:
            await call.result()
        else:
            await call.stop()
    except Error as error:
        return terms.translate(error)
    except Exception as error:
        return error
    return None


@asynccontextmanager
async def entered(call: OpenCall, terms: Terms, items: AsyncIterable[Any] | None = None) -> AsyncGenerator[Any]:
    """The block of ``client.enter``: the callee's context manager is entered before it and left behind it.

    A context takes no stream: its caller's one item, if any, is what the block raised.
    """
    if items is not None:
        call.give_up()
        raise TypeError(f"{terms.name} is a context, which takes no stream")
    try:
        value = await _first(call, terms)
    except BaseException:
        call.give_up()
        raise
    try:
        yield value
    except (trio.Cancelled, GeneratorExit):
        call.give_up()
        raise
    except BaseException as error:
        try:
            failure = await _leave(call, terms, error)
        except trio.Cancelled:
            raise error from None  # the scope is told again; what the block raised would be lost
        if failure is not None:
            error.add_note(f"and {terms.name} failed as it was left: {failure}")
        raise
    call.end_items()
    try:
        await call.result()
    except Error as error:
        failure = terms.translate(error)
        raise failure from failure.__cause__


async def _first(call: OpenCall, terms: Terms) -> Any:
    """The value of a context manager that was entered: the one item of its call."""
    async for value in Received[Any](call, terms):
        return value
    raise Internal(f"{terms.name} ended before it gave its value", processed=Processed.DO_NOT_RETRY)


async def _leave(call: OpenCall, terms: Terms, error: BaseException) -> Exception | None:
    """Have the callee's context manager see what the block raised; gives what it failed with besides."""
    told = failures.encode(error if isinstance(error, Error) else RemoteError(str(error), type=type(error).__name__))
    try:
        await call.stream.send(told, end=True)
        await call.result()
    except Error as answer:
        # It let through what it was told, as most do: that is no failure of its own.
        seen = failures.decode(decode(told))
        if (answer.code, answer.message) != (seen.code, seen.message):
            return terms.translate(answer)
    return None
