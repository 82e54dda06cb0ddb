from __future__ import annotations

from typing import Any

import pytest

from rpc.generation.annotations import (
    HOMES,
    Annotations,
    definition_of,
    items_of,
    members_of,
    plain_literal,
    references,
)
from rpc.generation.imports import Imports
from rpc.generation.names import GenerationError

INT, TEXT, NONE = {"type": "integer"}, {"type": "string"}, {"type": "null"}
ITEM = {"$ref": "#/$defs/Item"}


def annotated(schema: Any, *hidden: str) -> str:
    return Annotations(Imports([]), {"Item": "Item_"}, hidden).of(schema)


@pytest.mark.parametrize(
    ("schema", "annotation"),
    [
        (INT, "int"),
        (TEXT, "str"),
        (NONE, "None"),
        ({"type": "boolean"}, "bool"),
        ({"type": "number", "x-python": "float"}, "float"),
        ({"type": "number"}, "float"),
        ({"type": "string", "x-python": "bytes", "contentEncoding": "base64"}, "bytes"),
        ({"type": "string", "x-python": "datetime"}, "datetime"),
        ({"type": "string", "x-python": "IPv4Network"}, "IPv4Network"),
        ({"x-python": "object"}, "Any"),
        ({"title": "Strange", "x-python": "object"}, "Any"),
        ({"title": "Money", **INT}, "int"),
        ({"type": "array", "items": INT}, "list[int]"),
        ({"type": "array"}, "list[Any]"),
        ({"type": "array", "items": INT, "x-python": "set"}, "set[int]"),
        ({"type": "array", "items": INT, "x-python": "frozenset"}, "frozenset[int]"),
        ({"type": "array", "items": INT, "x-python": "tuple"}, "tuple[int, ...]"),
        ({"type": "array", "prefixItems": [INT, TEXT], "items": False, "x-python": "tuple"}, "tuple[int, str]"),
        ({"type": "array", "prefixItems": [], "items": False, "x-python": "tuple"}, "tuple[()]"),
        ({"type": "object", "additionalProperties": ITEM}, "dict[str, Item_]"),
        ({"type": "object", "propertyNames": INT, "additionalProperties": TEXT}, "dict[int, str]"),
        ({"anyOf": [NONE, INT, TEXT, INT]}, "int | str | None"),
        ({"anyOf": [INT, {"x-python": "object"}]}, "Any"),
        ({"anyOf": []}, "Any"),
        ({"enum": ["a", 1, None, True]}, 'Literal["a", 1, None, True]'),
        ({"const": "a"}, 'Literal["a"]'),
        (ITEM, "Item_"),
        ({"x-python": "array.array", "type": "array", "title": "array"}, "Array"),
        ({"x-python": "numpy.ndarray", "type": "array", "title": "NDArray[float64]"}, "NDArray[float64]"),
        ({"x-python": "numpy.ndarray", "type": "array", "title": "NDArray[os]"}, "NDArray[Any]"),
        ({"x-python": "numpy.ndarray", "type": "array", "title": "ndarray"}, "NDArray[Any]"),
    ],
)
def test_schemas(schema: Any, annotation: str) -> None:
    assert annotated(schema) == annotation


@pytest.mark.parametrize(
    "schema", [None, 5, [], {}, {"anyOf": 5}, {"type": ["null"]}, {"type": "new"}, {"x-python": "new"}]
)
def test_what_is_not_known_is_anything(schema: Any) -> None:
    assert annotated(schema) == "Any"


def test_a_class_of_a_later_version_is_what_it_is_in_json() -> None:
    assert annotated({"type": "string", "x-python": "Fraction"}) == "str"


def test_members_of_a_class_hide_names() -> None:
    assert annotated({"type": "array", "items": INT}, "list", "int") == "builtins.list[builtins.int]"
    assert annotated({"anyOf": [INT, {}]}, "Any") == "typing.Any"
    assert annotated({"x-python": "date"}, "date") == "dt.date"


def test_a_class_that_is_not_there() -> None:
    with pytest.raises(GenerationError, match="a schema names the class 'Nobody', which is not described"):
        annotated({"$ref": "#/$defs/Nobody"})


@pytest.mark.parametrize("values", [[], "abc", [1.5], [[]], None])
def test_a_choice_of_nothing(values: Any) -> None:
    with pytest.raises(GenerationError, match="'enum' of no values"):
        annotated({"enum": values} if values is not None else {"const": 1.5})


def test_parts_of_schemas() -> None:
    assert definition_of(ITEM) == "Item"
    assert definition_of({"$ref": 5}) is None
    assert definition_of(5) is None
    assert members_of({"anyOf": [INT, TEXT]}) == [INT, TEXT]
    assert members_of({"anyOf": 5}) == [{"anyOf": 5}]
    assert items_of({"prefixItems": [INT]}) == [INT]
    assert items_of({"prefixItems": {}}) is None
    assert list(references({"a": [ITEM, {"b": {"$ref": "#/$defs/Other"}}], "c": 5})) == ["Item", "Other"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (-3, "-3"),
        ("a", '"a"'),
        (b"a", 'b"a"'),
        (1.5, None),
        ([], None),
        (2**5000, None),
    ],
)
def test_plain_literals(value: Any, text: str | None) -> None:
    assert plain_literal(value) == text


def test_every_home_is_importable() -> None:
    imports = Imports([])
    for name, home in HOMES.items():
        imports.use(home, name)
    exec("\n".join(imports.lines()), {})
