"""Exceptions that a handler declares with ``raises=``: they travel by class name and fields, and are made anew."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from rpc.errors import ERROR_CLASSES
from rpc.service.convert import Reader
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.wire.shapes import is_list, is_map

__all__ = ["STATUSES", "check_declared", "declared", "pack", "rebuild"]

STATUSES = frozenset(ERROR_CLASSES.values())
"""The classes of the statuses travel by their codes: declaring them is documentation only."""


def declared(raises: Any, what: str) -> tuple[Any, ...]:
    """The classes that were given as ``raises=``.

    Raises:
        TypeError: they are no list or tuple: most often one class without the list around it.
    """
    if not isinstance(raises, list | tuple):
        shown = raises.__name__ if isinstance(raises, type) else repr(raises)
        raise TypeError(f"{what}: raises= takes a list of exception classes, not {shown}: write raises=[...]")
    return tuple(typing.cast("Sequence[Any]", raises))


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
            _readers(cls, _arguments(cls) or {})
        except (TypeError, NameError) as error:
            raise TypeError(f"{name}: raises={cls.__name__}: {error}") from error


def pack(exception: BaseException, cls: type[Exception]) -> dict[str, Any] | list[Any]:
    """What travels of a declared exception: the map of its fields, or else the list of its arguments."""
    arguments = _arguments(cls)
    if arguments is None:
        return list(exception.args)
    return {name: getattr(exception, name) for name in arguments}


def rebuild(cls: type[Exception], details: Any) -> Exception | None:
    """Make a declared exception from what travelled; None where it does not fit. Unknown fields are left out."""
    arguments = _arguments(cls)
    try:
        if arguments is None and is_list(details):
            return cls(*details)
        if arguments is not None and is_map(details):
            readers = _readers(cls, [name for name in arguments if name in details])
            return cls(**{arguments[name]: read(details[name]) for name, read in readers.items()})
    except Exception:  # the details are the peer's, and the class is the application's: both may be wrong
        return None
    return None


def _arguments(cls: Any) -> dict[str, str] | None:
    """The fields that a constructor takes, and what it calls them: attrs drops the underscores of private fields.

    None for a class that is neither of attrs nor a dataclass.
    """
    if attrs.has(cls):
        return {field.name: field.alias or field.name for field in attrs.fields(cls) if field.init}
    if dataclasses.is_dataclass(cls):
        return {field.name: field.name for field in dataclasses.fields(cls) if field.init}
    return None


def _readers(cls: type[Exception], names: Collection[str]) -> dict[str, Reader]:
    hints = typing.get_type_hints(cls, include_extras=True) if names else {}
    converter = MsgspecConverter()
    return {name: converter.reader(hints.get(name, Any)) for name in names}
