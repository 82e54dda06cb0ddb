from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar, assert_type, overload

import pytest

from rpc.errors import Internal, Processed
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.handle import (
    Answering,
    Enterable,
    Entering,
    Handle,
    Kind,
    Method,
    Notifiable,
    Notification,
    Streamable,
    Streaming,
)
from rpc.service.items import each
from rpc.service.service import Service
from rpc.wire.frames import SENDS, TAKES

P = ParamSpec("P")
T = TypeVar("T")

calc = Service("org.calc")


class State:
    pass


CONTEXT: Context[State] = Context(
    peer=Peer(address="memory:", transport="memory"), metadata={}, deadline=math.inf, state=State(), client=None
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


def test_a_handle_tells_about_its_function() -> None:
    assert (add.name, add.service, add.doc) == ("org.calc.add", "org.calc", "Add two numbers.\n\nWith care.")
    assert (add.kind, add.is_async, add.thread, add.idempotent, add.raises) == (Kind.METHOD, False, False, False, ())
    assert (add_slowly.is_async, add_slowly.idempotent, add_slowly.raises) == (True, True, (ValueError,))
    assert add_slowly.doc == ""
    assert any_first.name == "org.calc.first"
    assert add.signature.name == "org.calc.add"
    assert [parameter.name for parameter in add.signature.parameters] == ["a", "b"]
    assert repr(add) == "<Method org.calc.add>"


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
    assert isinstance(Entering(outer, name="calc.outer")(1), AbstractAsyncContextManager)


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
        (Method, add, {}, "<Method org.calc.add> is registered already: register its .function"),
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
    assert any_first.convert_result([1, 2]) == [1, 2]
    with pytest.raises(Internal, match=r"org\.calc\.first: the result at \[0\] expected int, got str 'x'") as caught:
        any_first.convert_result(["x"])
    assert caught.value.processed is Processed.DO_NOT_RETRY


def test_an_item_is_converted_for_the_caller() -> None:
    assert countdown.convert_item(5, 0) == 5
    assert read_pairs.convert_item(["a", 1], 0) == ("a", 1)
    with pytest.raises(Internal, match=r"org\.calc\.countdown: item 17 expected int, got str 'x'") as caught:
        countdown.convert_item("x", 17)
    assert caught.value.processed is Processed.DO_NOT_RETRY


def test_the_value_of_a_context_is_converted_for_the_caller() -> None:
    assert lease.convert_value(5) == 5
    with pytest.raises(Internal, match=r"org\.calc\.lease: the value expected int, got str 'x'") as caught:
        lease.convert_value("x")
    assert caught.value.processed is Processed.DO_NOT_RETRY


class Caller:
    """A client as type checkers see it."""

    @overload
    async def call(
        self, target: Answering[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, target: Answering[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def call(self, target: str, /, *args: Any, **kwargs: Any) -> Any: ...
    async def call(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        return None

    @overload
    def stream(
        self, target: Streamable[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[AsyncIterator[T]]: ...
    @overload
    def stream(
        self, target: Streamable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[AsyncIterator[T]]: ...
    @overload
    def stream(self, target: str, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[AsyncIterator[Any]]: ...
    def stream(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]:
        return contextlib.nullcontext()

    @overload
    def enter(
        self, target: Enterable[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[T]: ...
    @overload
    def enter(
        self, target: Enterable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[T]: ...
    @overload
    def enter(self, target: str, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]: ...
    def enter(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]:
        return contextlib.nullcontext()

    @overload
    def notify(
        self,
        target: Notifiable[Concatenate[Context[Any], P]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None: ...
    @overload
    def notify(self, target: Notifiable[P], /, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    def notify(self, target: str, /, *args: Any, **kwargs: Any) -> None: ...
    def notify(self, target: Any, /, *args: Any, **kwargs: Any) -> None:
        return None


async def test_calls_by_handle_are_inferred(caller: Caller = Caller()) -> None:  # noqa: B008, PT028
    """What is wrong here is an error of the type checkers, which run over this file."""
    assert_type(add(1, b=2), int)
    assert_type(await add_slowly(1), int)
    assert_type(add.function(1), int)

    assert_type(await caller.call(add, 2, b=3), int)
    assert_type(await caller.call(add, b=3, a=2), int)
    assert_type(await caller.call(add_slowly, 2), int)
    assert_type(await caller.call(with_state, 2, b="x"), str)
    assert_type(await caller.call(with_any, {}), dict[str, Any])
    assert_type(await caller.call(with_context_only), float)
    assert_type(await caller.call(nothing), None)
    assert_type(await caller.call(anything, 1, 2, k="v"), Any)
    assert_type(await caller.call(any_first, "x", 2), list[int])
    assert_type(await caller.call("calc.add", 1, k=2), Any)
    assert_type(await caller.call(anything_slowly, 1), Any)
    assert_type(await caller.call(total, each([1]), start=2), int)
    assert_type(await caller.call(total, numbers=countdown(3)), int)
    caller.notify(observe, "fps", 59.9)
    caller.notify(observe_slowly, "fps", value=59.9)
    caller.notify("calc.observe", "fps", 59.9)
    handles: list[Handle] = [add, add_slowly, with_state, observe, countdown, read_lines, lease, lease_with_context]
    assert handles[0].name == "org.calc.add"


async def test_streams_by_handle_are_inferred(caller: Caller = Caller()) -> None:  # noqa: B008, PT028
    assert_type(countdown(1), AsyncIterator[int])
    assert_type(read_lines("x"), Iterator[str])
    assert_type(lease("x"), AbstractAsyncContextManager[int])
    assert_type(lease_with_context(CONTEXT, "x"), AbstractAsyncContextManager[str])

    async with caller.stream(countdown, 3) as numbers:
        assert_type(numbers, AsyncIterator[int])
    async with caller.stream(tail, path="x") as lines:
        assert_type(lines, AsyncIterator[str])
    async with caller.stream(read_lines, "x") as lines:
        assert_type(lines, AsyncIterator[str])
    async with caller.stream(read_pairs, "x") as pairs:
        assert_type(pairs, AsyncIterator[tuple[str, int]])
    async with caller.stream(echo, each(["x"])) as lines:
        assert_type(lines, AsyncIterator[str])
    async with caller.stream(echo, lines=tail(CONTEXT, "x")) as lines:
        assert_type(lines, AsyncIterator[str])
    async with caller.stream(anything_streamed, 3) as items:
        assert_type(items, AsyncIterator[Any])
    async with caller.stream("calc.countdown", 3) as items:
        assert_type(items, AsyncIterator[Any])

    async with caller.enter(lease, "x") as length:
        assert_type(length, int)
    async with caller.enter(lease_with_context, name="x") as name:
        assert_type(name, str)
    async with caller.enter("calc.lease", "x") as anything_at_all:
        assert_type(anything_at_all, Any)


async def test_wrong_calls_by_handle_are_refused(caller: Caller = Caller()) -> None:  # noqa: B008, PT028
    """Each line is an error to mypy: an ignore that is not needed is one, too."""
    await caller.call(add, "2")  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(add, 2, c=3)  # type: ignore[call-arg, arg-type]  # pyright: ignore
    await caller.call(add)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(add, 1, 2, 3)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(add_slowly, "2")  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(with_state, 2, 3)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(with_any, values={})  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(with_any, [])  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(with_context_only, 1)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(nothing, 1)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(any_first, "x", "y")  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(observe, "fps", 1.0)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(add.function, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.notify(add, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.notify(observe, "fps")  # type: ignore[call-overload]  # pyright: ignore
    caller.notify(observe, value=1.0)  # type: ignore[call-overload]  # pyright: ignore
    caller.notify(observe_slowly, value=1.0)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(anything, "x")  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(anything_slowly, "x")  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(total, [1])  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(total, each(["x"]))  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(total)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(countdown, 3)  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(read_lines, "x")  # type: ignore[call-overload]  # pyright: ignore
    await caller.call(lease, "x")  # type: ignore[call-overload]  # pyright: ignore
    number: str = await caller.call(add, 1)  # type: ignore[call-overload]  # pyright: ignore
    assert number is None


async def test_wrong_streams_by_handle_are_refused(caller: Caller = Caller()) -> None:  # noqa: B008, PT028
    """As above."""
    caller.stream(countdown, "x")  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(countdown)  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(echo, each([1]))  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(add, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(anything, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(total, each([1]))  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(lease, "x")  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(observe, "fps", 1.0)  # type: ignore[call-overload]  # pyright: ignore
    caller.stream(countdown.function, 3)  # type: ignore[call-overload]  # pyright: ignore
    caller.enter(lease, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.enter(lease_with_context, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.enter(add, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.enter(countdown, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.enter(lease.function, "x")  # type: ignore[call-overload]  # pyright: ignore
    caller.notify(countdown, 1)  # type: ignore[call-overload]  # pyright: ignore
    caller.notify(lease, "x")  # type: ignore[call-overload]  # pyright: ignore
