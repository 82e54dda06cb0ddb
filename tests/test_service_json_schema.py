"""JSON Schema of annotations."""

from __future__ import annotations

import array
import dataclasses
import enum
import ipaddress
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from rpc.service.json_schema import MISSING, Schemas, own_doc, wire_form
from rpc.service.register import register_type

T = TypeVar("T")
ROOT = Path(__file__).parent.parent


class Color(enum.Enum):
    """A colour."""

    RED = "r"
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@attrs.define
class Account:
    """An account.

    With more to say.
    """

    name: str
    color: Color = Color.RED
    tags: set[str] = attrs.field(factory=set)
    numbers: list[int] = attrs.field(factory=list)
    made: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    id: uuid.UUID = attrs.field(factory=uuid.uuid4)
    parent: Account | None = None
    _count: int = attrs.field(default=0, init=False)


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5


class Struct(msgspec.Struct, tag="s", rename="camel", forbid_unknown_fields=True):
    """A struct."""

    the_name: str
    the_count: int = 3


class Row(msgspec.Struct, array_like=True):
    left: int
    right: int = 0


class Options(TypedDict):
    """Options."""

    deep: bool
    wide: NotRequired[bool]


class Pair(NamedTuple):
    left: int
    right: str = "r"


@attrs.define
class Box(Generic[T]):
    value: T


class Unknown:
    pass


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (None, {"type": "null"}),
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (float, {"type": "number", "x-python": "float"}),
        (str, {"type": "string"}),
        (Any, {"x-python": "object"}),
        (object, {"x-python": "object"}),
        (list[object], {"type": "array", "items": {"x-python": "object"}}),
        (bytes, {"type": "string", "contentEncoding": "base64", "x-python": "bytes"}),
        (bytearray, {"type": "string", "contentEncoding": "base64", "x-python": "bytearray"}),
        (memoryview, {"type": "string", "contentEncoding": "base64", "x-python": "memoryview"}),
        (datetime, {"type": "string", "format": "date-time", "x-python": "datetime"}),
        (date, {"type": "string", "format": "date", "x-python": "date"}),
        (time, {"type": "string", "format": "time", "x-python": "time"}),
        (timedelta, {"type": "string", "format": "duration", "x-python": "timedelta"}),
        (Decimal, {"type": "string", "format": "decimal", "x-python": "Decimal"}),
        (uuid.UUID, {"type": "string", "format": "uuid", "x-python": "UUID"}),
        (Path, {"type": "string", "x-python": "Path"}),
        (PurePosixPath, {"type": "string", "x-python": "PurePosixPath"}),
        (ipaddress.IPv4Address, {"type": "string", "format": "ipv4", "x-python": "IPv4Address"}),
        (ipaddress.IPv6Address, {"type": "string", "format": "ipv6", "x-python": "IPv6Address"}),
        (ipaddress.IPv6Network, {"type": "string", "x-python": "IPv6Network"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[int], {"type": "array", "items": {"type": "integer"}}),
        (set[int], {"type": "array", "uniqueItems": True, "x-python": "set", "items": {"type": "integer"}}),
        (frozenset[int], {"type": "array", "uniqueItems": True, "x-python": "frozenset", "items": {"type": "integer"}}),
        (tuple[int, ...], {"type": "array", "x-python": "tuple", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {
                "type": "array",
                "x-python": "tuple",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "items": False,
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (
            Mapping[int, bool],
            {"type": "object", "propertyNames": {"type": "integer"}, "additionalProperties": {"type": "boolean"}},
        ),
        (Color, {"$ref": "#/$defs/Color"}),
        (list[Account | None], {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/Account"}, {"type": "null"}]}}),
        (Annotated[int, msgspec.Meta(ge=1, lt=9)], {"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
        (
            Annotated[float, msgspec.Meta(gt=1, le=9, multiple_of=0.5)],
            {
                "type": "number",
                "x-python": "float",
                "exclusiveMinimum": 1,
                "maximum": 9,
                "multipleOf": 0.5,
            },
        ),
        (
            Annotated[str, msgspec.Meta(min_length=1, max_length=9, pattern="^a", description="hi", examples=["a"])],
            {
                "type": "string",
                "minLength": 1,
                "maxLength": 9,
                "pattern": "^a",
                "description": "hi",
                "examples": ["a"],
            },
        ),
        (
            Annotated[list[int], msgspec.Meta(min_length=1)],
            {"type": "array", "minItems": 1, "items": {"type": "integer"}},
        ),
        (
            Annotated[dict[str, int], msgspec.Meta(max_length=9)],
            {"type": "object", "maxProperties": 9, "additionalProperties": {"type": "integer"}},
        ),
        (array.array, {"title": "array", "type": "array", "x-python": "array.array"}),
        (np.ndarray, {"title": "ndarray", "type": "array", "x-python": "numpy.ndarray"}),
        (npt.NDArray[np.float64], {"title": "NDArray[float64]", "type": "array", "x-python": "numpy.ndarray"}),
        (Unknown, {"title": "Unknown", "x-python": "object"}),
        (
            Box[int] | Account,
            {"anyOf": [{"$ref": "#/$defs/Box_int"}, {"$ref": "#/$defs/Account"}]},
        ),
        (Callable[[int], str], {"title": "Callable", "x-python": "object"}),
    ],
)
def test_each_annotation_has_its_schema(annotation: Any, schema: dict[str, Any]) -> None:
    assert Schemas().of(annotation) == schema


def defined(annotation: Any) -> dict[str, Any]:
    schemas = Schemas()
    assert schemas.of(annotation) == {"$ref": f"#/$defs/{next(iter(schemas.definitions))}"}
    definition: dict[str, Any] = next(iter(schemas.definitions.values()))
    return definition


def test_an_attrs_class() -> None:
    assert defined(Account) == {
        "title": "Account",
        "description": "An account.\n\nWith more to say.",
        "x-kind": "attrs",
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "color": {"$ref": "#/$defs/Color", "default": "r"},
            "tags": {
                "type": "array",
                "uniqueItems": True,
                "x-python": "set",
                "items": {"type": "string"},
                "default": [],
            },
            "numbers": {"type": "array", "items": {"type": "integer"}, "default": []},
            "made": {
                "type": "string",
                "format": "date-time",
                "x-python": "datetime",
                "default": datetime(2026, 1, 2, tzinfo=UTC),
            },
            "id": {"type": "string", "format": "uuid", "x-python": "UUID"},
            "parent": {"anyOf": [{"$ref": "#/$defs/Account"}, {"type": "null"}], "default": None},
        },
        "required": ["name"],
    }


def test_a_dataclass_has_no_doc_but_its_own() -> None:
    assert defined(Point) == {
        "title": "Point",
        "x-kind": "dataclass",
        "type": "object",
        "properties": {"x": {"type": "integer"}, "y": {"type": "number", "x-python": "float", "default": 0.5}},
        "required": ["x"],
    }


def test_a_struct_with_a_tag_and_other_names() -> None:
    assert defined(Struct) == {
        "title": "Struct",
        "description": "A struct.",
        "x-kind": "struct",
        "type": "object",
        "properties": {
            "type": {"const": "s"},
            "theName": {"type": "string"},
            "theCount": {"type": "integer", "default": 3},
        },
        "required": ["type", "theName"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("cls", "kind", "last"),
    [
        (Row, "struct", {"type": "integer", "default": 0}),
        (Pair, "namedtuple", {"type": "string", "default": "r"}),
    ],
)
def test_what_travels_as_an_array_says_so(cls: Any, kind: str, last: dict[str, Any]) -> None:
    assert defined(cls) == {
        "title": cls.__name__,
        "x-kind": kind,
        "type": "array",
        "properties": {"left": {"type": "integer"}, "right": last},
        "required": ["left"],
        "prefixItems": [{"type": "integer"}, last],
        "items": False,
        "minItems": 1,
        "maxItems": 2,
    }


def test_a_typed_dict() -> None:
    assert defined(Options) == {
        "title": "Options",
        "description": "Options.",
        "x-kind": "typeddict",
        "type": "object",
        "properties": {"deep": {"type": "boolean"}, "wide": {"type": "boolean"}},
        "required": ["deep"],
    }


def test_enums_tell_their_values_and_names() -> None:
    assert defined(Color) == {
        "title": "Color",
        "description": "A colour.",
        "x-kind": "enum",
        "enum": ["r", "b"],
        "x-names": ["RED", "BLUE"],
    }
    assert defined(Level) == {"title": "Level", "x-kind": "enum", "enum": [1, 2], "x-names": ["LOW", "HIGH"]}


def test_generic_classes_are_told_apart_by_their_arguments() -> None:
    schemas = Schemas()
    assert schemas.of(Box[int]) == {"$ref": "#/$defs/Box_int"}
    assert schemas.of(Box[list[Color]]) == {"$ref": "#/$defs/Box_list_Color"}
    assert schemas.of(list[Box[int]])["items"] == {"$ref": "#/$defs/Box_int"}
    assert [definition["title"] for definition in schemas.definitions.values()] == [
        "Box[int]",
        "Box[list[Color]]",
        "Color",
    ]


def test_classes_of_one_name_are_told_apart_by_a_number() -> None:
    def make(field: str) -> type:
        return attrs.make_class("Item", {field: attrs.field(type=int)})

    first, second, third = make("a"), make("b"), make("c")
    schemas = Schemas()
    names = [schemas.of(cls)["$ref"] for cls in (first, second, third, second)]
    assert names == ["#/$defs/Item", "#/$defs/Item2", "#/$defs/Item3", "#/$defs/Item2"]
    assert list(schemas.definitions["Item2"]["properties"]) == ["b"]
    assert {definition["title"] for definition in schemas.definitions.values()} == {"Item"}


Either = Box[int] | Account
EITHER = {"anyOf": [{"$ref": "#/$defs/Box_int"}, {"$ref": "#/$defs/Account"}]}


@attrs.define
class Holder:
    """What only another converter reads."""

    either: Box[int] | Account
    numbers: list[int] = attrs.field(factory=list)
    count: int = 3
    made: Any = attrs.field(factory=object)
    _own: int = attrs.field(init=False, default=1)


@dataclasses.dataclass
class PlainHolder:
    either: Box[int] | Account
    numbers: list[int] = dataclasses.field(default_factory=list)
    count: int = 3
    own: int = dataclasses.field(init=False, default=1)


class Undecided(msgspec.Struct):
    either: Box[int] | Account


@attrs.define
class Lost:
    either: bytes | str
    lost: "Nowhere"  # type: ignore[name-defined]  # noqa: F821, UP037


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (list[Either], {"type": "array", "items": EITHER}),
        (set[Either], {"type": "array", "uniqueItems": True, "x-python": "set", "items": EITHER}),
        (tuple[Either, ...], {"type": "array", "x-python": "tuple", "items": EITHER}),
        (
            tuple[Either, int],
            {
                "type": "array",
                "x-python": "tuple",
                "prefixItems": [EITHER, {"type": "integer"}],
                "items": False,
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (
            Mapping[str, Either],
            {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": EITHER},
        ),
        (Annotated[Either, "more"], EITHER),
        (Either | None, {"anyOf": [*EITHER["anyOf"], {"type": "null"}]}),
        (Undecided, {"title": "Undecided", "x-python": "object"}),
    ],
)
def test_what_only_another_converter_knows_is_told_as_far_as_it_goes(annotation: Any, schema: dict[str, Any]) -> None:
    assert Schemas().of(annotation) == schema


def test_classes_that_only_another_converter_knows() -> None:
    properties = {
        "either": EITHER,
        "numbers": {"type": "array", "items": {"type": "integer"}, "default": []},
        "count": {"type": "integer", "default": 3},
    }
    assert defined(PlainHolder) == {
        "title": "PlainHolder",
        "x-kind": "dataclass",
        "type": "object",
        "properties": properties,
        "required": ["either"],
    }
    assert defined(Holder) == {
        "title": "Holder",
        "description": "What only another converter reads.",
        "x-kind": "attrs",
        "type": "object",
        "properties": {**properties, "made": {"x-python": "object"}},
        "required": ["either"],
    }
    assert defined(Lost)["properties"] == {"either": {"x-python": "object"}, "lost": {"x-python": "object"}}


class Money:
    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def test_a_registered_class_is_told_as_what_it_travels_as() -> None:
    register_type(Money, to=str, from_=Money)
    assert Schemas().of(list[Money]) == {"type": "array", "items": {"title": "Money", "type": "string"}}


def test_the_fields_of_a_class_in_place() -> None:
    schemas = Schemas()
    fields = schemas.of_fields(Point)
    assert fields is not None
    assert fields["required"] == ["x"]
    assert schemas.definitions == {}
    assert schemas.of_fields(Unknown) is None

    strange = schemas.of_fields(Lost)
    assert strange is not None
    assert strange["required"] == ["either", "lost"]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (1, 1),
        (Color.RED, "r"),
        (Point(1), {"x": 1, "y": 0.5}),
        (frozenset(["b", "a", "c"]), ["a", "b", "c"]),
        ({"a": {3, 1, 2}}, {"a": [1, 2, 3]}),
        ([{1, "a", b"b"}], [[b"b", 1, "a"]]),
        ((1, 2), [1, 2]),
        (Path("/x"), "/x"),
        (object(), MISSING),
        ([print], MISSING),
    ],
)
def test_defaults_are_told_as_they_travel(value: Any, form: Any) -> None:
    assert wire_form(value) == form


def test_the_doc_of_a_class_is_its_own() -> None:
    class Child(Account):
        pass

    assert own_doc(Account) == "An account.\n\nWith more to say."
    assert own_doc(Child) == own_doc(Point) == own_doc(Pair) == own_doc(Row) == ""
    assert own_doc(Box[int]) == ""


PROGRAM = """
import enum, typing
import attrs
from rpc.service.json_schema import Schemas
from rpc.wire.payload import encode

Color = enum.Enum("Color", "RED GREEN BLUE")

@attrs.define
class Account:
    name: str | None
    either: Color | str | None | list[int] = None
    tags: frozenset[str] = frozenset(["a", "b", "c", "d"])

schemas = Schemas()
of = [schemas.of(a) for a in (Account, int | str | None | list[int], typing.Literal["x", 1, "y"], dict[str, Color])]
print(bytes(encode([of, schemas.definitions])).hex())
"""


def test_every_process_writes_the_same_bytes() -> None:
    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    first, second = run("1"), run("2")
    assert first == second
    assert len(first) > 1000
