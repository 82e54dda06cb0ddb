"""The seam between decoded values and annotated ones.

A value that came over the wire is made of plain things: None, bool, int, float, str, bytes, list, dict, set, and the
few classes that have a CBOR tag of their own. A `Converter` makes of it what a handler's annotation asks for, or says
why it cannot; it never guesses. On the way out a value travels as its class does (`rpc.wire.values`), and a converter
comes before that only where the annotation matters too.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

__all__ = ["Converter", "Misfit", "Reader", "Writer", "brief", "cut", "show"]

Reader: TypeAlias = Callable[[Any], Any]
"""Makes the value of one annotation from a decoded one, which is the reader's to keep; raises `Misfit`."""

Writer: TypeAlias = Callable[[Any], Any]
"""Makes of the value of one annotation another one that can travel; raises `EncodeError`."""


class Misfit(ValueError):
    """A decoded value does not fit an annotation.

    Attributes:
        path: where inside the value, as ``.items[3].x``; empty for the value itself.
        text: what is wrong there: ``expected int, got str 'x'``.
    """

    def __init__(self, path: str, text: str) -> None:
        super().__init__(path, text)
        self.path = path
        self.text = text

    def __str__(self) -> str:
        return f"at {self.path} {self.text}" if self.path else self.text


class Converter(Protocol):
    """Knows how values of annotated types come and go; one for each service, ``rpc.Service("calc", converter=...)``."""

    def reader(self, annotation: Any) -> Reader:
        """Compile the reader of one annotation.

        Raises:
            TypeError: no value of this annotation can travel; the message says which part of it, and the way out.
        """
        ...

    def writer(self, annotation: Any) -> Writer | None:
        """Compile the writer of one annotation of which a reader was made; None where values travel as they are."""
        ...


_MOST_SHOWN = 64
"""Characters of a value in an error message."""


class _Short(reprlib.Repr):
    """A repr that costs little, however large the value is."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = _MOST_SHOWN

    def repr_bytes(self, value: bytes, level: int) -> str:
        return repr(value[:_MOST_SHOWN])


_short = _Short()


def cut(text: str, most: int) -> str:
    """At most so many characters of a text, with an ellipsis where some were left out."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def brief(value: Any) -> str:
    """The repr of a value for an error message: escaped, and cut to 64 characters."""
    return cut(_short.repr(value), _MOST_SHOWN)


def show(value: Any) -> str:
    """A value for an error message, with its class: ``str 'x'``."""
    return "None" if value is None else f"{type(value).__name__} {brief(value)}"
