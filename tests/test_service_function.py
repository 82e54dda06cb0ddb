from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

from rpc.service.function import Kind, Shape, shape_of


def result() -> int:
    return 1


async def awaitable() -> int:
    return 1


def generator() -> Generator[int, None, None]:
    yield 1


async def async_generator() -> AsyncGenerator[int, None]:
    yield 1


@contextlib.contextmanager
def manager() -> Generator[int, None, None]:
    yield 1


@contextlib.asynccontextmanager
async def async_manager() -> AsyncGenerator[int, None]:
    yield 1


class Counter:
    def result(self) -> int:
        return 1

    async def async_generator(self) -> AsyncGenerator[int, None]:
        yield 1

    @contextlib.asynccontextmanager
    async def async_manager(self) -> AsyncGenerator[int, None]:
        yield 1


SHAPES = [
    (result, Shape.RESULT),
    (awaitable, Shape.AWAITABLE),
    (generator, Shape.GENERATOR),
    (async_generator, Shape.ASYNC_GENERATOR),
    (manager, Shape.CONTEXT_MANAGER),
    (async_manager, Shape.ASYNC_CONTEXT_MANAGER),
    (Counter().result, Shape.RESULT),
    (Counter().async_generator, Shape.ASYNC_GENERATOR),
    (Counter().async_manager, Shape.ASYNC_CONTEXT_MANAGER),
    (len, Shape.RESULT),
    (Counter, Shape.RESULT),
    (5, Shape.RESULT),
]


@pytest.mark.parametrize(("function", "shape"), SHAPES)
def test_the_shape_is_what_a_call_gives(function: Any, shape: Shape) -> None:
    assert shape_of(function) is shape


@pytest.mark.parametrize(("function", "shape"), SHAPES[:6])
def test_a_wrapper_has_the_shape_of_what_it_wraps(function: Callable[..., Any], shape: Shape) -> None:
    @functools.wraps(function)
    def once(*args: Any) -> Any:
        return function(*args)

    @functools.wraps(once)
    def twice(*args: Any) -> Any:
        return once(*args)

    assert shape_of(twice) is shape


def test_the_kinds_of_handlers() -> None:
    assert [kind.value for kind in Kind] == ["method", "streaming", "notification", "context"]
