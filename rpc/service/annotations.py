"""What the annotations of a handler mean: values, streams of items, the context of the call."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from typing import Any

from rpc.service.context import Context
from rpc.service.convert import Converter, Reader, Writer
from rpc.service.function import Shape
from rpc.service.msgspec_converter import MsgspecConverter

__all__ = ["inspected", "is_context", "plain_class", "reader", "streamed", "writer", "yielded"]

_PLAIN = (bool, int, float, str, bytes, list, dict, set, type(None))

_STREAMED = (AsyncIterable, AsyncIterator)
_STREAMS = (*_STREAMED, AsyncGenerator)
_YIELDED = {
    Shape.ASYNC_GENERATOR: ("AsyncIterator[...]", _STREAMS),
    Shape.ASYNC_CONTEXT_MANAGER: ("AsyncIterator[...]", _STREAMS),
    Shape.GENERATOR: ("Iterator[...]", (Iterator, Generator)),
}
_AWAITABLES = (Awaitable, Coroutine)


def inspected(function: Callable[..., Any], name: str) -> tuple[Iterable[inspect.Parameter], dict[str, Any]]:
    """The parameters of a function, and its resolved annotations by their names.

    Raises:
        TypeError: they cannot be had.
    """
    try:
        return inspect.signature(function).parameters.values(), typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # evaluating an annotation may raise anything
        raise TypeError(
            f"{name}: its signature cannot be read: {error}; define, or import, what annotations name at the top of "
            "the module, and not for type checkers only"
        ) from error


def is_context(annotation: Any) -> bool:
    """Whether a parameter asks for the `rpc.Context` of the call."""
    return any(member is Context or typing.get_origin(member) is Context for member in _members(annotation))


def streamed(annotation: Any, what: str) -> Any:
    """What the items of the caller's stream are, where a parameter asks for it; None where it asks for a value.

    Raises:
        TypeError: it asks for a stream in a way that cannot be served.
    """
    origin = _origin(annotation)
    if origin in _STREAMED:
        return _first_argument(annotation)
    if any(_origin(member) in _STREAMS for member in _members(annotation)):
        raise TypeError(f"{what} is a stream: annotate it with AsyncIterable[...], and with nothing beside it")
    return None


def yielded(annotation: Any, what: str, shape: Shape) -> Any:
    """What a generator yields, by the annotation of its result.

    Raises:
        TypeError: it is annotated as something else.
    """
    if annotation is Any:
        return Any
    usual, origins = _YIELDED[shape]
    if _origin(annotation) not in origins:
        raise TypeError(f"{what} is {shape.value}: annotate it with {usual}")
    return _first_argument(annotation)


def reader(annotation: Any, what: str, converter: Converter) -> Reader:
    """Compile the reader of a value; quick where it fits as it is.

    Raises:
        TypeError: values of this annotation cannot travel; the message says which, and the way out.
    """
    if annotation is Any or annotation is object:
        return _as_it_is
    origin = _origin(annotation)
    if origin in _STREAMS:
        raise TypeError(f"{what} is a stream: write an async def with yield in it")
    if origin in _AWAITABLES:
        raise TypeError(f"{what} is to be awaited: make the handler an async def, annotated with what it returns")
    try:
        read = converter.reader(annotation)
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from error
    if plain_class(annotation, converter) is None:
        return read
    return lambda value: value if type(value) is annotation else read(value)


def writer(annotation: Any, converter: Converter) -> Writer | None:
    """Compile the writer of a value; None where it travels as it is."""
    return None if annotation is Any or annotation is object else converter.writer(annotation)


def plain_class(annotation: Any, converter: Converter) -> type | None:
    """The class of which a decoded value fits as it is; None where it must be converted.

    Another converter than ours may have other ideas of what fits.
    """
    return annotation if annotation in _PLAIN and isinstance(converter, MsgspecConverter) else None


def _origin(annotation: Any) -> Any:
    return typing.get_origin(annotation) or annotation


def _members(annotation: Any) -> Iterable[Any]:
    """The members of a union, or the annotation itself."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _first_argument(annotation: Any) -> Any:
    arguments = typing.get_args(annotation) or (Any,)
    return type(None) if arguments[0] is None else arguments[0]


def _as_it_is(value: Any) -> Any:
    return value
