"""JSON Schema as a person reads types."""

from __future__ import annotations

import enum
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import attrs
import msgspec
import pytest

from rpc.cli.schemas import bounds_of, spell_definition, spell_fields, spell_schema, spell_value
from rpc.service.json_schema import Schemas

T = TypeVar("T")


class Color(enum.Enum):
    """A colour."""

    RED = "r"
    BLUE = "b"


@attrs.define
class Tea:
    """Tea.

    In cups.
    """

    kind: str
    cups: Annotated[int, msgspec.Meta(ge=1)] = 1
    colors: dict[str, Color] = attrs.field(factory=dict)


@attrs.define
class Box(Generic[T]):
    value: T


class Pair(NamedTuple):
    left: int
    right: bytes = b""


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (float, "float"),
        (bool, "bool"),
        (None, "None"),
        (Any, "Any"),
        (str | None, "str | None"),
        (bytes, "bytes"),
        (datetime, "datetime"),
        (Decimal, "Decimal"),
        (Path, "Path"),
        (list[int], "list[int]"),
        (list, "list[Any]"),
        (Sequence[Tea], "list[Tea]"),
        (set[str], "set[str]"),
        (frozenset[int], "frozenset[int]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (tuple[int, str], "tuple[int, str]"),
        (dict[str, int], "dict[str, int]"),
        (Mapping[int, list[bytes]], "dict[int, list[bytes]]"),
        (Literal["a", "b"], "Literal['a', 'b']"),
        (Color, "Color"),
        (Box[int], "Box_int"),
    ],
)
def test_a_schema_reads_as_a_type(annotation: Any, text: str) -> None:
    assert spell_schema(Schemas().of(annotation)) == text


def test_a_class_is_named_with_its_fields() -> None:
    schemas = Schemas()
    for annotation in (Tea, Box[int], Pair):
        schemas.of(annotation)
    told = {name: spell_definition(name, definition) for name, definition in schemas.definitions.items()}
    assert told == {
        "Tea": [
            "Tea (attrs)",
            "    Tea.",
            "",
            "    In cups.",
            "  kind: str",
            "  cups: int = 1, at least 1",
            "  colors: dict[str, Color] = {}",
        ],
        "Color": ["Color (enum)", "    A colour.", "  RED = 'r'", "  BLUE = 'b'"],
        "Box_int": ["Box_int (attrs Box[int])", "  value: int"],
        "Pair": ["Pair (namedtuple)", "  left: int", '  right: bytes = ""'],
    }


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        (msgspec.Meta(ge=1, lt=9), ["at least 1", "less than 9"]),
        (msgspec.Meta(gt=1, le=9, multiple_of=2), ["more than 1", "at most 9", "a multiple of 2"]),
        (msgspec.Meta(ge=1, description="how many"), ["at least 1", "how many"]),
    ],
)
def test_what_is_asked_beside_the_type(meta: msgspec.Meta, told: list[str]) -> None:
    assert list(bounds_of(Schemas().of(Annotated[int, meta]))) == told


def test_lengths_and_patterns() -> None:
    meta = msgspec.Meta(min_length=1, max_length=9, pattern="^a")
    schemas = Schemas()
    assert spell_value("x", schemas.of(Annotated[str, meta])) == (
        "x: str, at least 1 characters, at most 9 characters, matching ^a"
    )
    lengths = msgspec.Meta(min_length=1, max_length=9)
    assert (
        spell_value("x", schemas.of(Annotated[list[int], lengths])) == "x: list[int], at least 1 items, at most 9 items"
    )
    told = "x: dict[str, int], at least 1 keys, at most 9 keys"
    assert spell_value("x", schemas.of(Annotated[dict[str, int], lengths])) == told
    assert spell_value("x", schemas.of(tuple[int, int])) == "x: tuple[int, int]"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (None, "Any"),
        ([], "Any"),
        ({}, "Any"),
        ({"type": 3}, "3"),
        ({"type": "array", "items": 5}, "list[Any]"),
        ({"anyOf": 5}, "Any"),
        ({"enum": [1.5, b"x", None]}, 'Literal[1.5, "eA==", None]'),
        ({"$ref": 3}, "3"),
        ({"type": "string", "x-python": "Money"}, "Money"),
        ({"title": "Money", "x-python": "object"}, "Money"),
    ],
)
def test_a_server_may_say_anything(schema: Any, text: str) -> None:
    assert spell_schema(schema) == text
    assert spell_fields(schema) == []
    assert typing.cast("Any", spell_definition)("X", schema)[0].startswith("X")
