"""Decoded values -> what the annotations say, strictly: the seam, and msgspec behind it.

A value that came over the wire is made of plain things: None, bool, int, float, str, bytes, list, dict, and the few
classes that have a CBOR tag of their own. A `Converter` turns them into what a handler's annotation asks for, or says
why it cannot; it never guesses.
"""

from __future__ import annotations

import ipaddress
import pathlib
import reprlib
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import attrs
import msgspec

__all__ = ["Converter", "Misfit", "MsgspecConverter", "Reader", "show"]

Reader: TypeAlias = Callable[[Any], Any]
"""Makes a value of one annotation from a decoded one; raises `Misfit`."""


@attrs.frozen
class Misfit(ValueError):
    """A decoded value does not fit an annotation.

    Attributes:
        path: where inside the value, as ``.items[3].x``; empty for the value itself.
        text: what is wrong there: ``expected int, got str 'x'``.
    """

    path: str
    text: str


class Converter(Protocol):
    """Knows how to make values of annotated types."""

    def reader(self, annotation: Any) -> Reader:
        """Compile the reader of one annotation.

        Raises:
            TypeError: no value of this annotation can travel; the message says which part, and the way out.
        """
        ...


class MsgspecConverter:
    """Conversion by msgspec: strict, fast, and without running what it converts to, but for its validators."""

    def reader(self, annotation: Any) -> Reader:
        """Compile the reader of one annotation, see `Converter.reader`."""
        _probe(annotation)

        def read(value: Any) -> Any:
            try:
                return msgspec.convert(value, annotation, builtin_types=_BYTES, dec_hook=_from_text)
            except msgspec.ValidationError as error:
                text, _, path = str(error).partition(" - at `$")
                raise Misfit(path.rstrip("`"), f"{_lower(text)} {show(value)}") from None
            except Exception as error:  # a validator of the application's may raise anything
                raise Misfit("", f"refused by its class: {type(error).__name__}") from None

        return read


_BYTES = (bytes, bytearray, memoryview)
"""Told to msgspec as travelling by themselves, because it would take text as base64 for them."""

_FROM_TEXT = (
    pathlib.PurePath,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)


def _from_text(cls: Any, value: Any) -> Any:
    if isinstance(cls, type) and issubclass(cls, _FROM_TEXT) and isinstance(value, str):
        return cls(value)
    raise ValueError(f"Expected `{getattr(cls, '__name__', cls)}`, got `{type(value).__name__}`")


def _probe(annotation: Any) -> None:
    try:
        msgspec.convert(object(), annotation, builtin_types=_BYTES, dec_hook=_from_text)
    except msgspec.ValidationError:
        pass


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].replace("`", "")


class _Short(reprlib.Repr):
    def repr_bytes(self, value: bytes, level: int) -> str:
        return repr(value[: self.maxstring])


_short = _Short()
_short.maxstring = _short.maxother = 64


def show(value: Any) -> str:
    """A value for an error message: its repr, escaped and cut to 64 characters."""
    text = _short.repr(value)
    return text if len(text) <= 64 else text[:61] + "..."
