"""Reading the golden vectors: the notation of ``tests/vectors/README.md``."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pytest

__all__ = ["Vector", "each", "load", "needs", "octets", "same", "value"]

VECTORS = Path(__file__).parent / "vectors"

Vector: TypeAlias = dict[str, Any]


def load(file: str, *groups: str) -> list[Vector]:
    """The vectors of some groups of a file."""
    content = json.loads((VECTORS / file).read_text())
    return [vector for group in groups for vector in content[group]]


def each(vectors: Iterable[Vector]) -> pytest.MarkDecorator:
    """One test for each vector, under its name."""
    return pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in vectors])


def needs(need: str, vector: Vector) -> bool:
    """Whether a vector needs more under test than the rules of a connection."""
    return need in vector.get("needs", ())


def octets(text: str) -> bytes:
    """The bytes of a hex text."""
    tokens = (token.partition("*") for token in text.split())
    return b"".join(bytes.fromhex(token) * int(times or 1) for token, _, times in tokens)


def value(notation: Any) -> Any:
    """The value that a JSON notation stands for."""
    if isinstance(notation, list):
        return [value(item) for item in notation]
    if not isinstance(notation, dict):
        return notation
    ((kind, content),) = notation.items()
    return _KINDS[kind](content)


_KINDS: dict[str, Callable[[Any], Any]] = {
    "bytes": octets,
    "text": lambda text: octets(text).decode(),
    "int": int,
    "float": float,
    "map": lambda pairs: {value(key): value(content) for key, content in pairs},
    "set": lambda members: {value(member) for member in members},
    "time": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "decimal": Decimal,
    "uuid": uuid.UUID,
    "repeat": lambda pair: [value(pair[0]) for _ in range(pair[1])],
}


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of the same types all through; NaN is the same as NaN, -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    match left:
        case list() | tuple():
            return len(left) == len(right) and all(map(same, left, right))
        case dict():
            return same(list(left.items()), list(right.items()))
        case set():
            return bool(left == right)
        case datetime.datetime():
            return bool(left == right) and left.utcoffset() == right.utcoffset()
        case _:
            return repr(left) == repr(right)
