"""What goes out: lowered by its annotation, where a converter does that, and named where it cannot travel."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from typing import Any, TypeAlias

from rpc.service.handle import Handle
from rpc.service.items import split_items
from rpc.wire.frames import NAMED, SENDS
from rpc.wire.payload import EncodeError, Payload, encode_buffers, pack, pack_arguments

__all__ = ["pack_call", "pack_notification", "placed"]

_Arguments: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]
"""Arguments by position and by name."""


def pack_call(
    target: Handle | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Payload, int, AsyncIterable[Any] | None]:
    """Encode the arguments of a call; gives the flags that go with them too, and the stream that was among them.

    Raises:
        EncodeError: an argument cannot travel; it names the method, and the path from the argument.
        TypeError, ValueError: a stream that is not as it should be, see `split_items`.
    """
    items: AsyncIterable[Any] | None = None
    if isinstance(target, str):
        args, kwargs, items = split_items(args, kwargs)
    else:
        signature = target.signature
        if signature.takes_items:
            args, kwargs, items = split_items(args, kwargs, target)
        if signature.writes:
            args, kwargs = _lowered(target, args, kwargs)
    flags = SENDS if items is not None else 0
    try:
        if kwargs:
            return pack([args, kwargs]), flags | NAMED, items
        return pack(args), flags, items
    except EncodeError as error:
        raise _named(error, target, args, kwargs) from error.__cause__


def pack_notification(target: Handle | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
    """Encode the arguments of a notification.

    Raises:
        EncodeError: an argument cannot travel; it names the method, and the path from the argument.
    """
    if not isinstance(target, str) and target.signature.writes:
        args, kwargs = _lowered(target, args, kwargs)
    try:
        return pack_arguments(args, kwargs)
    except EncodeError as error:
        raise _named(error, target, args, kwargs) from error.__cause__


def placed(error: EncodeError, place: str, method: str = "") -> EncodeError:
    """The error for a value that cannot travel, with the path to it from `place`: ``result.items[3].owner``."""
    return EncodeError(error.reason, place + error.path, method)


def _lowered(handle: Handle, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Arguments:
    """Lower the arguments of a call by the annotations of its handler; those that it does not take stay as they are."""

    def lower(place: int | str, value: Any) -> Any:
        parameter = handle.signature.parameter_of(place)
        if parameter is None or parameter.write is None:
            return value
        try:
            return parameter.write(value)
        except EncodeError as error:
            raise placed(error, _step(place, handle), handle.name) from error.__cause__

    return tuple(map(lower, range(len(args)), args)), {name: lower(name, value) for name, value in kwargs.items()}


def _named(error: EncodeError, target: Handle | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> EncodeError:
    """What to raise for arguments that could not be encoded together: the one that cannot travel is named."""
    name = target if isinstance(target, str) else target.name
    arguments: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    for place, value in arguments.items():
        try:
            encode_buffers(value)
        except EncodeError as alone:
            return placed(alone, _step(place, target), name)
    return EncodeError(error.reason, error.path, name)  # they are too deep only where they are together


def _step(place: int | str, target: Handle | str) -> str:
    """How a path to what is inside an argument begins: with the argument's name, as far as it is known."""
    if isinstance(place, str):
        return place
    parameter = None if isinstance(target, str) else target.signature.parameter_of(place)
    if isinstance(target, str) or parameter is None:
        return f"args[{place}]"
    if parameter.index is not None:
        return parameter.name
    before = sum(other.index is not None for other in target.signature.parameters)
    return f"{parameter.name}[{place - before}]"
