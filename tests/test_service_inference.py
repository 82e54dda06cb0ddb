"""Calls by handle as type checkers infer them: what is wrong here is an error of theirs, who run over this file."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar, assert_type, overload

from rpc.service.context import Context
from rpc.service.handle import Answering, Enterable, Handle, Notifiable, Streamable
from rpc.service.items import each
from tests.calculator import (
    CONTEXT,
    add,
    add_slowly,
    any_first,
    anything,
    anything_slowly,
    anything_streamed,
    countdown,
    echo,
    lease,
    lease_with_context,
    nothing,
    observe,
    observe_slowly,
    read_lines,
    read_pairs,
    tail,
    total,
    with_any,
    with_context_only,
    with_state,
)

P = ParamSpec("P")
T = TypeVar("T")


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
    await caller.call(add, 2, c=3)  # type: ignore[arg-type]  # pyright: ignore
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
