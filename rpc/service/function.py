"""Functions as they can be registered: what calling one gives, and how a peer calls it."""

from __future__ import annotations

import contextlib
import enum
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["WAYS", "Kind", "Shape", "shape_of"]


class Kind(enum.Enum):
    """How a handler is called and answers."""

    METHOD = "method"
    STREAMING = "streaming"
    NOTIFICATION = "notification"
    CONTEXT = "context"


WAYS = {
    Kind.METHOD: "answers once: call it with call",
    Kind.STREAMING: "streams its items: call it with stream",
    Kind.CONTEXT: "is a context: enter it with enter",
    Kind.NOTIFICATION: "is a notification: send it with notify",
}
"""How a handler of each kind is called, said to who calls it in another way."""


class Shape(enum.Enum):
    """What calling a function gives."""

    RESULT = "a result"
    AWAITABLE = "an awaitable"
    GENERATOR = "a generator"
    ASYNC_GENERATOR = "an async generator"
    CONTEXT_MANAGER = "a context manager"
    ASYNC_CONTEXT_MANAGER = "an async context manager"


def shape_of(function: Callable[..., Any]) -> Shape:
    """What calling a function gives; a wrapper that `functools.wraps` has marked gives what its function does."""
    innermost = inspect.unwrap(function, stop=lambda function: _code(function) in _MANAGERS)
    manager = _MANAGERS.get(_code(innermost))
    if manager is not None:
        return manager
    if inspect.isasyncgenfunction(innermost):
        return Shape.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(innermost):
        return Shape.GENERATOR
    return Shape.AWAITABLE if inspect.iscoroutinefunction(innermost) else Shape.RESULT


def _code(function: Callable[..., Any]) -> Any:
    return getattr(function, "__code__", None)


# The functions that a decorator of contextlib makes have one code object in common, and no other mark.
_any_function: Any = shape_of
_MANAGERS = {
    _code(contextlib.contextmanager(_any_function)): Shape.CONTEXT_MANAGER,
    _code(contextlib.asynccontextmanager(_any_function)): Shape.ASYNC_CONTEXT_MANAGER,
}
