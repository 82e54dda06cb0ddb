"""The caller's stream: found among the arguments of a call, which are sent without it."""

from __future__ import annotations

import inspect
import opcode
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import Any, TypeAlias, TypeGuard, TypeVar

from rpc.service.convert import show
from rpc.service.handle import Handle
from rpc.service.parameters import Given

__all__ = ["Split", "each", "split_items"]

T = TypeVar("T")

Split: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any], AsyncIterable[Any] | None]
"""What is left of the arguments by position and by name, and the stream that was among them."""

_VALUES = frozenset((bool, int, float, str, bytes, list, dict, tuple, set, type(None)))
"""The classes of most arguments: asking for them is quicker than looking for an attribute."""

_RESUME = opcode.opmap["RESUME"]


def split_items(args: tuple[Any, ...], kwargs: Mapping[str, Any], handle: Handle | None = None) -> Split:
    """Take the stream out of the arguments of a call, where there is one.

    Args:
        args: the arguments by position, without the context.
        kwargs: the arguments by name.
        handle: what is called, where that is known: the stream is then what stands where the handle takes one, and
            without it any argument that ``async for`` can iterate.

    Raises:
        TypeError: there are two streams; or the handle takes one, and it is missing or cannot be iterated.
        ValueError: it is a generator that has begun.
    """
    if handle is not None:
        given = handle.signature.given_items
        return (args, kwargs, None) if given is None else _taken(args, kwargs, given, handle.name)
    for value in args:
        if type(value) not in _VALUES and _is_stream(value):
            return _found(args, kwargs)
    if kwargs:
        for value in kwargs.values():
            if type(value) not in _VALUES and _is_stream(value):
                return _found(args, kwargs)
    return args, kwargs, None


async def each(values: Iterable[T]) -> AsyncGenerator[T, None]:
    """Make a stream of a list, or of anything that ``for`` can iterate, to call a method with."""
    for value in values:
        yield value


def _found(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Split:
    keys: list[int | str] = [index for index, value in enumerate(args) if _is_stream(value)]
    keys += [name for name, value in kwargs.items() if _is_stream(value)]
    if len(keys) > 1:
        shown = " and ".join(repr(key) if isinstance(key, str) else str(key + 1) for key in keys)
        raise TypeError(f"a call takes one stream, got {len(keys)}: arguments {shown}")
    return _without(args, kwargs, keys[0])


def _taken(args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Given, method: str) -> Split:
    key: int | str = given.name
    if given.index is not None and given.index < len(args):
        key = given.index
    elif not given.by_name or given.name not in kwargs:
        raise TypeError(f"{method}: argument '{given.name}' is missing: it takes what async for can iterate")
    value = args[key] if isinstance(key, int) else kwargs[key]
    if not _is_stream(value):
        raise TypeError(f"{method}: argument '{given.name}' takes what async for can iterate, got {show(value)}")
    return _without(args, kwargs, key)


def _without(args: tuple[Any, ...], kwargs: Mapping[str, Any], key: int | str) -> Split:
    if isinstance(key, int):
        items, args = args[key], (*args[:key], *args[key + 1 :])
    else:
        items, kwargs = kwargs[key], {name: value for name, value in kwargs.items() if name != key}
    if inspect.isasyncgen(items) and _has_begun(items):
        raise ValueError(f"{items!r} has begun, or ended: give a new one, which only this call iterates")
    return args, kwargs, items


def _is_stream(value: object) -> TypeGuard[AsyncIterable[Any]]:
    return hasattr(type(value), "__aiter__")


def _has_begun(generator: Any) -> bool:
    """Whether an async generator has run at all: `inspect.getasyncgenstate` is there from Python 3.12 on only.

    What comes before the first RESUME of its code makes the generator, and what comes after it is the function's own.
    """
    frame = generator.ag_frame
    return frame is None or frame.f_lasti >= 2 * frame.f_code.co_code[::2].index(_RESUME)
