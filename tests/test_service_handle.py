from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar, assert_type, overload

import pytest

from rpc.errors import Internal, Processed
from rpc.service.context import Context
from rpc.service.handle import Answering, Handle, Kind, Method, Notifiable, Notification
from rpc.service.service import Service

P = ParamSpec("P")
T = TypeVar("T")

calc = Service("org.calc")


class State:
    pass


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


def test_the_kinds_of_handlers() -> None:
    assert [kind.value for kind in Kind] == ["method", "streaming", "notification", "context"]


async def test_a_handle_is_called_as_its_function() -> None:
    assert add(2, b=3) == add.function(2, 3) == 5
    assert await add_slowly(2) == 2
    assert anything(1, 2, k="v") == ((1, 2), {"k": "v"})
    observe("fps", 59.9)


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


def generate() -> Iterator[int]:
    yield 1


async def countdown(start: int) -> AsyncIterator[int]:
    yield start


def make_stream() -> AsyncIterator[int]:
    return countdown(3)


def total(numbers: AsyncIterable[int]) -> int:
    return 0


def awaitable() -> Awaitable[int]:
    return add_slowly.function(1)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (5, {}, "calc.f: 5 is no function: write a def that calls it"),
        (Counter, {}, "is no function"),
        (functools.partial(add.function, 1), {}, "is no function"),
        (add, {}, "<Method org.calc.add> is registered already: register its .function"),
        (generate, {}, "generate .* gives a generator, which is not a method"),
        (countdown, {}, "countdown .* gives an async generator, which is not a method"),
        (make_stream, {}, "calc.f: the result is a stream"),
        (total, {}, "calc.f: it takes a stream, which only an async def can read: make it one"),
        (awaitable, {}, "calc.f: the result is to be awaited: make the handler an async def"),
        (add_slowly.function, {"thread": True}, "calc.f: an async def runs on the event loop: drop thread=True"),
        (add.function, {"raises": [int]}, "calc.f: raises=<class 'int'> is no exception class"),
    ],
)
def test_what_cannot_be_a_method(function: Any, options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Method(function, name="calc.f", **options)


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
    caller.notify(observe, "fps", 59.9)
    caller.notify(observe_slowly, "fps", value=59.9)
    caller.notify("calc.observe", "fps", 59.9)
    handles: list[Handle] = [add, add_slowly, with_state, observe]
    assert handles[0].name == "org.calc.add"


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
    number: str = await caller.call(add, 1)  # type: ignore[call-overload]  # pyright: ignore
    assert number is None
