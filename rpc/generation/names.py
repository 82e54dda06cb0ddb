"""Names that a description gives, as names of a Python module: those that are none are refused or made into some."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

__all__ = ["GenerationError", "class_name", "is_name", "unique"]

_DOCUMENTED_LENGTH = 255


class GenerationError(ValueError):
    """A description from which no module can be written; the message says which part of it, and why."""


def is_name(text: str) -> bool:
    """Whether a text may name a parameter or an attribute in the body of a class.

    Names that begin with two underscores are mangled there. Python takes names that look different for the same one,
    and only one of them, the normal form, is what it says.
    """
    return (
        text.isidentifier()
        and not keyword.iskeyword(text)
        and not text.startswith("__")
        and len(text) <= _DOCUMENTED_LENGTH
        and unicodedata.normalize("NFKC", text) == text
    )


def class_name(text: str) -> str:
    """A name for a class that is called so, or nearly so."""
    name = text if is_name(text) else re.sub(r"\W+", "_", text[:_DOCUMENTED_LENGTH], flags=re.ASCII)
    name = name.strip("_")
    return name if is_name(name) else f"Class{name}"


def unique(wanted: str, taken: Iterable[str]) -> str:
    """A name that is not taken, and no builtin."""
    while wanted in taken or hasattr(builtins, wanted):
        wanted += "_"
    return wanted
