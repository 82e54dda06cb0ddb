"""Exceptions that a handler declares with ``raises=``: they travel by class name and fields, and are made anew."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from typing import Any

import attrs

from rpc.errors import ERROR_CLASSES
from rpc.service.convert import Reader, is_list, is_map
from rpc.service.msgspec_converter import MsgspecConverter

__all__ = ["STATUSES", "check_declared", "pack", "rebuild"]

STATUSES = frozenset(ERROR_CLASSES.values())
"""The classes of the statuses travel by their codes: declaring them is documentation only."""


def check_declared(classes: Sequence[Any], name: str) -> None:
    """Refuse what a handler cannot declare, when it is registered.

    Raises:
        TypeError: one is no exception class, or is so general that anything would travel, or has fields that cannot.
        ValueError: two have the same name, by which callers know them.
    """
    names: set[str] = set()
    for cls in classes:
        if not (isinstance(cls, type) and issubclass(cls, Exception)):
            raise TypeError(f"{name}: raises={cls!r} is no exception class")
        if cls is Exception:
            raise TypeError(
                f"{name}: raises=Exception would let everything travel: name the classes that callers catch"
            )
        if cls.__name__ in names:
            raise ValueError(f"{name}: raises= has two classes named {cls.__name__}")
        names.add(cls.__name__)
        try:
            _fields(cls)
        except (TypeError, NameError) as error:
            raise TypeError(f"{name}: raises={cls.__name__}: {error}") from error


def pack(exception: BaseException, cls: type[Exception]) -> dict[str, Any] | list[Any]:
    """What travels of a declared exception: the map of its fields, or else the list of its arguments."""
    fields = _fields(cls)
    if fields is None:
        return list(exception.args)
    return {field.name: getattr(exception, field.name) for field in fields}


def rebuild(cls: type[Exception], details: Any) -> Exception | None:
    """Make a declared exception from what travelled; None where it does not fit. Unknown fields are left out."""
    try:
        fields = _fields(cls)
        if fields is not None and is_map(details):
            given = {field.argument: field.read(details[field.name]) for field in fields if field.name in details}
            return cls(**given)
        if fields is None and is_list(details):
            return cls(*details)
    except Exception:  # the details are the peer's, and the class is the application's: both may be wrong
        return None
    return None


@attrs.frozen
class _Field:
    name: str
    argument: str
    """What the constructor calls it: attrs drops the underscores of private fields."""
    read: Reader


def _fields(cls: Any) -> tuple[_Field, ...] | None:
    """The fields of an attrs class or dataclass that its constructor takes; None for other classes."""
    arguments: dict[str, str]
    if attrs.has(cls):
        arguments = {field.name: field.alias or field.name for field in attrs.fields(cls) if field.init}
    elif dataclasses.is_dataclass(cls):
        arguments = {field.name: field.name for field in dataclasses.fields(cls) if field.init}
    else:
        return None
    hints = typing.get_type_hints(cls, include_extras=True)
    reader = MsgspecConverter().reader
    return tuple(_Field(name, argument, reader(hints.get(name, Any))) for name, argument in arguments.items())
