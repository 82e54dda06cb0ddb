from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import attrs
import msgspec
import pytest
from msgspec import inspect

from rpc.service.schema import alternatives, nodes, part_at, parts, title, unset_fields


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class Digit(enum.IntEnum):
    A, B, C, D, E, F, G, H, I = range(9)  # noqa: E741


@attrs.define
class Tree:
    name: str
    inner: list[Tree] = attrs.field(factory=list)
    _size: int = attrs.field(init=False, default=0)


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    length: float = dataclasses.field(init=False, default=0.0)


class Row(NamedTuple):
    a: int
    b: str


class Options(TypedDict):
    a: int
    b: NotRequired[Tree]


class Renamed(msgspec.Struct, rename="camel"):
    long_name: int


class Packed(msgspec.Struct, array_like=True):
    a: int
    b: str


class Tagged(msgspec.Struct, array_like=True, tag="t"):
    a: int


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (int | str | None, "int | str | None"),
        (list[int], "list"),
        (tuple[int, ...], "tuple"),
        (tuple[int, str], "tuple"),
        (frozenset[int], "frozenset"),
        (dict[str, int], "dict"),
        (memoryview, "memoryview"),
        (Tree, "Tree"),
        (Point | None, "Point | None"),
        (Row, "Row"),
        (Options, "Options"),
        (Color, "one of 'red', 'green'"),
        (Digit, "one of 0, 1, 2, 3, 4, 5, 6, 7, ..."),
        (Literal["a", 1], "one of 1, 'a'"),
        (Annotated[int, msgspec.Meta(ge=1)], "int"),
        (Annotated[int, msgspec.Meta(description="how many")], "int"),
        (complex, "complex"),
        (Any, "any"),
    ],
)
def test_a_node_has_a_title(annotation: Any, text: str) -> None:
    assert title(inspect.type_info(annotation)) == text


def test_the_members_of_a_union_are_its_alternatives() -> None:
    limited: Any = Annotated[int, msgspec.Meta(description="how many")]
    kinds = [type(node) for node in alternatives(inspect.type_info(limited | str | None))]
    assert kinds == [inspect.IntType, inspect.StrType, inspect.NoneType]


@pytest.mark.parametrize(
    ("annotation", "value", "found"),
    [
        (list[int], [7, 8], {"[0]": "int", "[1]": "int"}),
        (set[int], {7}, {"[0]": "int"}),
        (tuple[int, str], [7, "x", 9], {"[0]": "int", "[1]": "str"}),
        (tuple[bool, ...], [True], {"[0]": "bool"}),
        (dict[str, int], {"a b": 7, "c": 8}, {"['a b']": "int", "['c']": "int"}),
        (Point, {"x": 1, "unknown": 2}, {".x": "int"}),
        (Row, [1, "x"], {"[0]": "int", "[1]": "str"}),
        (Options, {"a": 1, "b": {}}, {".a": "int", ".b": "Tree"}),
        (Renamed, {"longName": 1, "long_name": 1}, {".longName": "int"}),
        (list[Point] | int | None, [{}], {"[0]": "Point"}),
        (Annotated[list[int], msgspec.Meta(max_length=3)], [7], {"[0]": "int"}),
        (Packed, [7, "x"], {"[0]": "int", "[1]": "str"}),
        (Tagged, ["t", 7], {"[0]": "any", "[1]": "int"}),
        (Packed, {"a": 7}, {}),
        (Row, {"a": 7}, {}),
        (int, [7], {}),
        (Point, [7], {}),
        (list[int], {"a": 7}, {}),
        (str, "text", {}),
    ],
)
def test_what_is_inside_a_value_is_paired_with_what_is_expected(
    annotation: Any, value: Any, found: dict[str, str]
) -> None:
    inside = list(parts(inspect.type_info(annotation), value))
    assert {part.place: title(part.node) for part in inside} == found
    assert all(part.value in (value.values() if isinstance(value, dict) else value) for part in inside)


def test_what_is_at_an_index() -> None:
    node = inspect.type_info(list[int] | None)
    part = part_at(node, [7, 8], 1)
    assert part is not None
    assert (part.place, title(part.node), part.value) == ("[1]", "int", 8)
    assert part_at(node, [7, 8], 2) is None
    assert part_at(node, {"a": 1}, 0) is None
    assert part_at(inspect.type_info(tuple[int]), [7, 8], 1) is None
    assert part_at(inspect.type_info(int), [7], 0) is None


def test_every_node_of_a_tree_is_walked_once() -> None:
    found = nodes(inspect.type_info(dict[str, tuple[Tree | None, Row]]))
    assert sorted(type(node).__name__ for node in found) == [
        "DataclassType",
        "DictType",
        *["IntType"] * 2,
        "ListType",
        "NamedTupleType",
        "NoneType",
        *["StrType"] * 3,
        "TupleType",
        "UnionType",
    ]


def test_metadata_is_walked_through() -> None:
    annotation = Annotated[int, msgspec.Meta(description="how many")]
    assert [type(node) for node in nodes(inspect.type_info(annotation))] == [inspect.Metadata, inspect.IntType]


@pytest.mark.parametrize(
    ("annotation", "names"), [(Tree, {"_size"}), (Point, {"length"}), (Row, set()), (Renamed, set()), (int, set())]
)
def test_fields_that_no_constructor_takes(annotation: Any, names: set[str]) -> None:
    assert unset_fields(inspect.type_info(annotation)) == names
