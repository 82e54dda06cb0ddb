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

_Arguments: TypeAlias = dict[Any, Any]
"""Arguments by their places: an index or a name each."""

_VALUES = frozenset((bool, int, float, str, bytes, list, dict, tuple, set, type(None)))
"""The classes of most arguments: asking for them is quicker than looking for an attribute."""

_RESUME = opcode.opmap["RESUME"]


def split_items(args: tuple[Any, ...], kwargs: Mapping[str, Any], handle: Handle | None = None) -> Split:
    """Take the stream, what ``async for`` can iterate, out of the arguments of a call.

    Args:
        args: the arguments by position, without the context.
        kwargs: the arguments by name.
        handle: what is called, where that is known. One that takes a stream must get it, and in its place; with one
            that takes none nothing is looked for, and a stream is refused as what cannot travel.

    Raises:
        TypeError: there are two streams; or the handle takes one, and it is missing or stands elsewhere.
        ValueError: it is a generator that has begun.
    """
    if handle is not None:
        stream = handle.signature.stream
        return (args, kwargs, None) if stream is None else _split(args, kwargs, stream, handle.name)
    if not _VALUES.issuperset(map(type, args)) and any(map(_is_stream, args)):
        return _split(args, kwargs)
    if kwargs:
        for value in kwargs.values():
            if type(value) not in _VALUES and _is_stream(value):
                return _split(args, kwargs)
    return args, kwargs, None


async def each(values: Iterable[T]) -> AsyncGenerator[T, None]:
    """Make a stream of a list, or of anything that ``for`` can iterate, to call a method with."""
    for value in values:
        yield value


def _split(args: tuple[Any, ...], kwargs: Mapping[str, Any], stream: Given | None = None, method: str = "") -> Split:
    arguments: _Arguments = {**dict(enumerate(args)), **kwargs}
    places = [place for place, value in arguments.items() if _is_stream(value)]
    if len(places) > 1:
        raise TypeError(f"a call takes one stream, and there are several: {' and '.join(map(_named, places))}")
    if stream is not None:
        _check_place(stream, places, arguments, method)
    items = arguments.pop(places[0])
    if inspect.isasyncgen(items) and _has_begun(items):
        raise ValueError(f"{items!r} has begun, or ended: give a new one, which this call alone iterates")
    left = tuple(value for place, value in arguments.items() if isinstance(place, int))
    return left, {place: value for place, value in arguments.items() if isinstance(place, str)}, items


def _check_place(stream: Given, places: list[int | str], arguments: _Arguments, method: str) -> None:
    place = stream.name if stream.index is None or stream.index not in arguments else stream.index
    if places == [place] and (stream.by_name or isinstance(place, int)):
        return
    needs = f"{method}: argument '{stream.name}' takes a stream, what async for can iterate"
    if places:
        raise TypeError(f"{needs}, and it came as {_named(places[0])}")
    if place in arguments:
        raise TypeError(f"{needs}, got {show(arguments[place])}")
    raise TypeError(f"{needs}: it is missing")


def _named(place: int | str) -> str:
    return f"'{place}'" if isinstance(place, str) else f"number {place + 1} by position"


def _is_stream(value: object) -> TypeGuard[AsyncIterable[Any]]:
    return hasattr(type(value), "__aiter__")


def _has_begun(generator: Any) -> bool:
    """Whether an async generator has run at all: `inspect.getasyncgenstate` is there from Python 3.12 on only.

    What comes before the first RESUME of its code makes the generator, and what comes after it is the function's own.
    """
    frame = generator.ag_frame
    return frame is None or frame.f_lasti >= 2 * frame.f_code.co_code[::2].index(_RESUME)
