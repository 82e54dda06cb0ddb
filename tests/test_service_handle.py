from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from rpc.errors import Internal, Processed
from rpc.service.handle import Entering, Kind, Method, Notification, Streaming
from rpc.service.items import each
from rpc.wire.frames import SENDS, TAKES
from tests.calculator import (
    CONTEXT,
    add,
    add_slowly,
    any_first,
    anything,
    countdown,
    echo,
    lease,
    lease_with_context,
    observe,
    observe_slowly,
    read_lines,
    read_pairs,
    tail,
    total,
)


def test_a_handle_tells_about_its_function() -> None:
    assert (add.name, add.service, add.doc) == ("org.calc.add", "org.calc", "Add two numbers.\n\nWith care.")
    assert (add.kind, add.is_async, add.thread, add.idempotent, add.raises) == (Kind.METHOD, False, False, False, ())
    assert (add_slowly.is_async, add_slowly.idempotent, add_slowly.raises) == (True, True, (ValueError,))
    assert add_slowly.doc == ""
    assert any_first.name == "org.calc.first"
    assert add.signature.name == "org.calc.add"
    assert [parameter.name for parameter in add.signature.parameters] == ["a", "b"]
    assert repr(add) == "<SyncMethod org.calc.add>"


def test_a_notification_tells_about_its_function() -> None:
    assert (observe.kind, observe.is_async, observe.concurrent) == (Kind.NOTIFICATION, False, False)
    assert (observe_slowly.is_async, observe_slowly.concurrent) == (True, True)
    assert (observe.raises, observe.idempotent) == ((), False)
    assert repr(observe) == "<Notification org.calc.observe>"


def test_a_streaming_handle_tells_about_its_generator() -> None:
    assert (countdown.kind, countdown.is_async, countdown.thread, countdown.raises) == (Kind.STREAMING, True, False, ())
    assert (countdown.idempotent, countdown.doc) == (False, "Count down.")
    assert (tail.name, tail.raises, tail.idempotent) == ("org.calc.log_tail", (LookupError,), True)
    assert (read_lines.kind, read_lines.is_async, read_lines.thread) == (Kind.STREAMING, False, True)
    assert repr(countdown) == "<Streaming org.calc.countdown>"


def test_an_entering_handle_tells_about_its_function() -> None:
    assert (lease.kind, lease.is_async, lease.thread, lease.raises) == (Kind.CONTEXT, True, False, ())
    assert (lease.idempotent, lease.doc) == (False, "Hold a name.")
    assert (lease_with_context.name, lease_with_context.raises) == ("org.calc.hold", (LookupError,))
    assert repr(lease) == "<Entering org.calc.lease>"


def test_the_flags_of_a_call() -> None:
    assert (add.flags, add_slowly.flags, observe.flags) == (0, 0, 0)
    assert total.flags == SENDS
    assert (countdown.flags, read_lines.flags) == (TAKES, TAKES)
    assert echo.flags == lease.flags == SENDS | TAKES


def test_the_kinds_of_handlers() -> None:
    assert [kind.value for kind in Kind] == ["method", "streaming", "notification", "context"]


async def test_a_handle_is_called_as_its_function() -> None:
    assert add(2, b=3) == add.function(2, 3) == 5
    assert await add_slowly(2) == 2
    assert anything(1, 2, k="v") == ((1, 2), {"k": "v"})
    observe("fps", 59.9)
    assert await total(each([1, 2]), start=3) == 6
    assert [number async for number in countdown(3)] == [3, 2, 1]
    assert [line async for line in echo(each(["a", "b"]))] == ["A", "B"]
    assert list(read_lines("x")) == ["x"]
    async with lease("abc") as length, lease_with_context(CONTEXT, "abc") as name:
        assert (length, name) == (3, "abc")


def test_a_handle_looks_like_its_function() -> None:
    assert vars(add)["__name__"] == "add"
    assert vars(add)["__wrapped__"] is add.function
    assert add.__doc__ == add.function.__doc__


def test_attributes_of_a_function_do_not_hide_those_of_its_handle() -> None:
    def marked() -> None: ...

    vars(marked).update(name="other", function=None, thread=True, marker=1)
    handle = Method(marked, name="calc.marked")
    assert (handle.name, handle.function, handle.thread) == ("calc.marked", marked, False)
    assert vars(handle)["marker"] == 1


def test_a_wrapper_of_an_async_def_is_awaited() -> None:
    async def inner(a: int) -> int:
        return a

    @functools.wraps(inner)
    def outer(a: int) -> Coroutine[Any, Any, int]:
        return inner(a)

    assert Method(outer, name="calc.outer").is_async


class Counter:
    def increase(self, by: int) -> int:
        return 1 + by


def test_bound_methods_and_builtins_can_be_handlers() -> None:
    increase = Method(Counter().increase, name="counter.increase")
    assert [parameter.name for parameter in increase.signature.parameters] == ["by"]
    assert increase(2) == 3
    assert Method(math.gcd, name="math.gcd")(6, 4) == 2


def test_what_is_marked_as_a_wrapper_has_the_kind_of_what_it_wraps() -> None:
    async def inner(a: int) -> AsyncIterator[int]:
        yield a

    @functools.wraps(inner)
    def outer(a: int) -> AsyncIterator[int]:
        return inner(a)

    assert Streaming(outer, name="calc.outer").is_async
    entering: Entering[Any] = Entering(outer, name="calc.outer")
    assert isinstance(entering(1), AbstractAsyncContextManager)


def make_stream() -> AsyncIterator[int]:
    return countdown(3)


def total_at_once(numbers: AsyncIterable[int]) -> int:
    return 0


def generate_from(numbers: AsyncIterable[int]) -> Iterator[int]:
    yield 0


async def lease_from(numbers: AsyncIterable[int]) -> AsyncIterator[int]:
    yield 0


async def total_unanswered(numbers: AsyncIterable[int]) -> None: ...


@contextlib.contextmanager
def hold() -> Generator[int, None, None]:
    yield 1


async def yields_nothing_like_it() -> AsyncIterator[complex]:
    yield 1j


def awaitable() -> Awaitable[int]:
    return add_slowly.function(1)


@pytest.mark.parametrize(
    ("cls", "function", "options", "message"),
    [
        (Method, 5, {}, "calc.f: 5 is no function: write a def that calls it"),
        (Method, Counter, {}, "is no function"),
        (Method, functools.partial(add.function, 1), {}, "is no function"),
        (
            Method,
            Counter.increase,
            {},
            "calc.f: no caller gives a 'self': serve an object with rpc.Service.from_contract",
        ),
        (Method, add, {}, "<SyncMethod org.calc.add> is registered already: register its .function"),
        (Method, lease, {}, "<Entering org.calc.lease> is registered already: register its .function"),
        (Method, read_lines.function, {}, "read_lines .* gives a generator, which is no method"),
        (Method, countdown.function, {}, "countdown .* gives an async generator, which is no method"),
        (Method, lease.function, {}, "calc.f: .*lease .* gives an async context manager: register .* with @context"),
        (Method, hold, {}, "calc.f: .*hold .* gives a context manager: register .* with @context"),
        (Method, make_stream, {}, "calc.f: the result is a stream: write an async def with yield in it"),
        (Method, total_at_once, {}, "calc.f: a stream is taken by an async def only: make it one"),
        (Method, awaitable, {}, "calc.f: the result is to be awaited: make the handler an async def"),
        (Method, add_slowly.function, {"thread": True}, "calc.f: an async def runs on the event loop: drop thread="),
        (Method, add.function, {"raises": [int]}, "calc.f: raises=<class 'int'> is no exception class"),
        (Streaming, add.function, {}, "calc.f: <function add .* gives a result, which is no streaming"),
        (Streaming, countdown, {}, "is registered already"),
        (Streaming, lease.function, {}, "register an async def with one yield in it with @context"),
        (Streaming, countdown.function, {"thread": True}, "calc.f: an async def runs on the event loop"),
        (Streaming, countdown.function, {"raises": [int]}, "calc.f: raises=<class 'int'> is no exception class"),
        (Streaming, generate_from, {}, "calc.f: a stream is taken by an async def only: make it one"),
        (Streaming, yields_nothing_like_it, {}, "calc.f: the result: objects of class complex cannot travel"),
        (Entering, add_slowly.function, {}, "calc.f: a context is an async def with one yield in it, .* is not"),
        (Entering, hold, {}, "calc.f: a context is an async def with one yield in it, .* is not"),
        (Entering, read_lines.function, {}, "calc.f: a context is an async def with one yield in it, .* is not"),
        (Entering, lease, {}, "is registered already"),
        (Entering, countdown, {}, "is registered already"),
        (Entering, 5, {}, "is no function"),
        (Entering, lease_from, {}, "calc.f: a context takes no stream"),
        (Entering, lease.function, {"raises": [int]}, "calc.f: raises=<class 'int'> is no exception class"),
        (Notification, countdown.function, {}, "calc.f: a notification is never answered, and .* gives an async gen"),
        (Notification, lease.function, {}, "calc.f: a notification is never answered, and .* gives an async context"),
        (Notification, total_unanswered, {}, "calc.f: a notification takes no stream"),
    ],
)
def test_what_cannot_be_registered(cls: Any, function: Any, options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        cls(function, name="calc.f", **options)


def unannotated(name: str):  # type: ignore[no-untyped-def]
    pass


@pytest.mark.parametrize("function", [add.function, unannotated, add_slowly.function])
def test_a_notification_returns_none(function: Any) -> None:
    with pytest.raises(TypeError, match=r"calc\.f: a notification is never answered: annotate .* -> None"):
        Notification(function, name="calc.f")


def test_a_result_is_converted_for_the_caller() -> None:
    assert any_first.signature.convert_result([1, 2]) == [1, 2]
    with pytest.raises(Internal, match=r"org\.calc\.first: the result at \[0\] expected int, got str 'x'") as caught:
        any_first.signature.convert_result(["x"])
    assert caught.value.processed is Processed.DO_NOT_RETRY


def test_an_item_is_converted_for_the_caller() -> None:
    assert countdown.signature.convert_item_out(5, 0) == 5
    assert read_pairs.signature.convert_item_out(["a", 1], 0) == ("a", 1)
    with pytest.raises(Internal, match=r"org\.calc\.countdown: item 17 expected int, got str 'x'") as caught:
        countdown.signature.convert_item_out("x", 17)
    assert caught.value.processed is Processed.DO_NOT_RETRY


def test_the_value_of_a_context_is_converted_for_the_caller() -> None:
    assert lease.signature.convert_item_out(5, 0) == 5
    with pytest.raises(Internal, match=r"org\.calc\.lease: the value expected int, got str 'x'") as caught:
        lease.signature.convert_item_out("x", 0)
    assert caught.value.processed is Processed.DO_NOT_RETRY
