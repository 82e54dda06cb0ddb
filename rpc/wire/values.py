"""How each Python class travels: tables from class to function.

`lower` turns an application value into one that cbor2 writes by the profile without a further thought: None, bool,
int, float, str, bytes, bytearray, list, dict, and `CBORTag` of those. A new class is a row in `_ROWS` (exact
classes) or `_BASES` (whole families); an application adds its own with `register`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

import attrs
import msgspec

from rpc.limits import MAX_DEPTH
from rpc.wire import arrays
from rpc.wire.heads import Buffer
from rpc.wire.plain import LARGE
from rpc.wire.tags import check_integer, class_of, write_date, write_datetime, write_decimal, write_set, write_uuid
from rpc.wire.unfit import EncodeError, describe, is_narrow, way_out

__all__ = ["PLACE", "EncodeError", "lower", "register"]

T = TypeVar("T")

PLACE: Final = os.urandom(16)  # as `secrets` has it, which loads all of OpenSSL
"""What stands for a byte string that was set aside; nobody else can know it."""


Row: TypeAlias = Callable[[Any, int, list[Buffer]], Any]
"""Lowers a value of its class that is inside so many levels of arrays, maps and tags; sets large buffers aside."""


def lower(value: Any, depth: int, aside: list[Buffer]) -> Any:
    """Turn `value`, which is inside `depth` levels of arrays, maps and tags, into what cbor2 can write.

    Large byte strings are appended to `aside`, in the order of writing, and `PLACE` stands for each.

    Raises:
        EncodeError: something in it cannot travel.
    """
    kind = class_of(value)
    row = _ROWS.get(kind) or _find_row(kind)
    return row(value, depth, aside)


def _deeper(depth: int, levels: int = 1) -> int:
    if depth + levels > MAX_DEPTH:
        raise EncodeError(f"nested deeper than {MAX_DEPTH} levels, or inside itself")
    return depth + levels


# Scalars

_KEPT: Final = frozenset({type(None), bool, float})
"""Classes whose values need no row: a look here is quicker than the call of `_keep`."""


def _keep(value: Any, _depth: int, _aside: list[Buffer]) -> Any:
    return value


def _integer(value: int, depth: int, _aside: list[Buffer]) -> int:
    if not is_narrow(value):
        _deeper(depth)  # it travels in a tag
        _checked(check_integer, value)
    return value


def _text(value: str, _depth: int, _aside: list[Buffer]) -> str:
    try:
        if not value.isascii():
            value.encode()
    except UnicodeEncodeError:
        raise EncodeError("text with lone surrogates cannot travel; send bytes, as of os.fsencode()") from None
    return value


def _bytes(value: bytes | bytearray, _depth: int, aside: list[Buffer]) -> bytes | bytearray:
    if len(value) < LARGE:
        return value
    aside.append(value)
    return PLACE


def _view(value: memoryview, depth: int, aside: list[Buffer]) -> bytes | bytearray:
    if value.format not in ("B", "b", "c") or not value.c_contiguous:
        raise EncodeError("a memoryview that is no run of bytes cannot travel; send view.tobytes()")
    if value.nbytes < LARGE:
        return value.tobytes()
    aside.append(value.cast("B"))
    return PLACE


def _as_text(value: object, depth: int, aside: list[Buffer]) -> str:
    return _text(str(value), depth, aside)


def _as_iso(value: time, _depth: int, _aside: list[Buffer]) -> str:
    return value.isoformat()


def _as_duration(value: timedelta, _depth: int, _aside: list[Buffer]) -> Any:
    # ISO 8601; a subclass would not be known to msgspec.
    return msgspec.to_builtins(timedelta(value.days, value.seconds, value.microseconds))


def _as_value(value: Enum, depth: int, aside: list[Buffer]) -> Any:
    return lower(value.value, depth, aside)


def _tagged(write: Callable[[Any], Any], levels: int) -> Row:
    def row(value: Any, depth: int, _aside: list[Buffer]) -> Any:
        _deeper(depth, levels)
        return _checked(write, value)

    return row


def _checked(write: Callable[[Any], T], value: Any) -> T:
    try:
        return write(value)
    except ValueError as error:
        raise EncodeError(str(error)) from None


def _numbers(look: Callable[[Any], arrays.Numbers]) -> Row:
    """The row of arrays of numbers; large ones are set aside as byte strings are."""

    def row(value: Any, depth: int, aside: list[Buffer]) -> Any:
        numbers = _checked(look, value)
        _deeper(depth, numbers.levels)
        return arrays.write_numbers(numbers, _view(numbers.memory, depth, aside))

    return row


def _scalar(value: Any, _depth: int, _aside: list[Buffer]) -> Any:
    return value.item()


def _numpy_row(kind: type) -> Row | None:
    if arrays.is_ndarray(kind):
        return _numbers(arrays.numbers_of_ndarray)
    return _scalar if arrays.is_scalar(kind) else None


# Containers


def _array(value: Iterable[Any], depth: int, aside: list[Buffer]) -> list[Any]:
    depth = _deeper(depth)
    items: list[Any] = []
    try:
        for item in value:
            items.append(item if type(item) in _KEPT else lower(item, depth, aside))
    except EncodeError as error:
        error.path = f"[{len(items)}]{error.path}"
        raise
    return items


def _map(value: Mapping[Any, Any], depth: int, aside: list[Buffer]) -> dict[Any, Any]:
    depth = _deeper(depth)
    items: dict[Any, Any] = {}
    for key, item in value.items():
        try:
            lowered = key if type(key) is str and key.isascii() else _hashable(key, "a map key")
            if lowered in items:
                raise EncodeError("another key of the map is the same when it travels")
            items[lowered] = item if type(item) in _KEPT else lower(item, depth, aside)
        except EncodeError as error:
            error.path = _step(key) + error.path
            raise
    return items


def _set(value: Iterable[Any], depth: int, _aside: list[Buffer]) -> Any:
    _deeper(depth, 2)  # a tag and the array in it
    members = [_hashable(member, "a member of a set") for member in value]
    if len(set(members)) < len(members):
        raise EncodeError("two members of the set are the same when they travel")
    return write_set(members)


def _hashable(value: Any, role: str) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return _text(value, 0, [])
    if isinstance(value, bytes) or (isinstance(value, int) and not isinstance(value, bool) and is_narrow(value)):
        return value
    raise EncodeError(f"{describe(value)} cannot be {role}; only text, bytes and integers of 64 bits can")


def _step(key: Any) -> str:
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{describe(key)}]"


_MISSING: Final = object()


def _record(names: Mapping[str, str]) -> Row:
    """The row of a class with fields; `names` has the key of each attribute."""

    def row(value: Any, depth: int, aside: list[Buffer]) -> dict[str, Any]:
        depth = _deeper(depth)
        items: dict[str, Any] = {}
        for name, key in names.items():
            item = getattr(value, name, _MISSING)
            if item is _MISSING:
                raise EncodeError("this attribute was never set", f".{name}")
            if item is msgspec.UNSET:
                continue
            try:
                items[key] = item if type(item) in _KEPT else lower(item, depth, aside)
            except EncodeError as error:
                error.path = f".{name}{error.path}"
                raise
        return items

    return row


def _struct(kind: type[msgspec.Struct]) -> Row:
    config = kind.__struct_config__
    names = kind.__struct_fields__
    tag: dict[str, Any] = {} if config.tag_field is None else {config.tag_field: config.tag}
    if config.array_like:
        return lambda value, depth, aside: _array(
            [*tag.values(), *(getattr(value, name) for name in names)], depth, aside
        )
    record = _record(dict(zip(names, kind.__struct_encode_fields__, strict=True)))
    return lambda value, depth, aside: {**tag, **record(value, depth, aside)}


# Classes of the application


_registered: Final[dict[type, Row]] = {}
_OWN_FIELDS: Final = frozenset({"__attrs_attrs__", "__dataclass_fields__"})


def register(kind: type, to: Callable[[Any], Any]) -> None:
    """Have the values of a class, and of its subclasses, travel as what `to` makes of them.

    Nearer is stronger: a subclass that is registered itself, or has fields of its own as an attrs class has, goes its
    own way.
    """

    def row(value: Any, depth: int, aside: list[Buffer]) -> Any:
        try:
            form = to(value)
        except Exception as error:
            raise EncodeError(f"{describe(value)}: what it is registered with raised {error!r}") from error
        if class_of(form) is class_of(value):
            raise EncodeError(f"{describe(value)} is registered to travel as another of its class")
        return lower(form, depth, aside)

    _registered[kind] = row
    _find_row.cache_clear()


def _registered_row(kind: type) -> Row | None:
    for base in kind.__mro__:
        if base in _registered:
            return _registered[base]
        if not _OWN_FIELDS.isdisjoint(vars(base)) or issubclass(base, msgspec.Struct):
            return None
    return None


# What cannot travel


def _refuse(value: Any, _depth: int, _aside: list[Buffer]) -> Any:
    raise EncodeError(f"{describe(value)} cannot travel; {way_out(value)}")


# --- The tables ------------------------------------------------------------------------------------------------

_ROWS: Final[dict[type, Row]] = {
    type(None): _keep,
    bool: _keep,
    int: _integer,
    float: _keep,
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _view,
    list: _array,
    tuple: _array,
    dict: _map,
}

_BASES: Final[tuple[tuple[type, Row], ...]] = (
    (Enum, _as_value),  # first: an IntEnum is an int too
    (int, _integer),
    (float, _keep),
    (str, _text),
    (bytes, _bytes),
    (bytearray, _bytes),
    (datetime, _tagged(write_datetime, levels=1)),  # before date: a datetime is one
    (date, _tagged(write_date, levels=1)),
    (time, _as_iso),
    (timedelta, _as_duration),
    (Decimal, _tagged(write_decimal, levels=3)),  # a tag, its pair, and the tag of a wide mantissa
    (UUID, _tagged(write_uuid, levels=1)),
    (PurePath, _as_text),
    (ipaddress.IPv4Address, _as_text),
    (ipaddress.IPv6Address, _as_text),
    (ipaddress.IPv4Network, _as_text),
    (ipaddress.IPv6Network, _as_text),
    (list, _array),
    (tuple, _array),  # named tuples
    (range, _array),
    (deque, _array),
    (array, _numbers(arrays.numbers_of_array)),
    (set, _set),
    (frozenset, _set),
    (Mapping, _map),
)


@lru_cache(maxsize=1024)
def _find_row(kind: Any) -> Row:
    registered = _registered_row(kind)
    if registered is not None:
        return registered
    if issubclass(kind, msgspec.Struct):
        return _struct(kind)
    if attrs.has(kind):
        return _record({field.name: field.name for field in attrs.fields(kind) if field.init})
    if dataclasses.is_dataclass(kind):
        return _record({field.name: field.name for field in dataclasses.fields(kind) if field.init})
    numpy_row = _numpy_row(kind)  # for what has none of the other ways: a numpy.float64 is a float
    return next((row for base, row in _BASES if issubclass(kind, base)), numpy_row or _refuse)
