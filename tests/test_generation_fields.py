from __future__ import annotations

from typing import Any

import pytest

from rpc.generation.fields import fields_of, is_row, kind_of, member_names, tag_of
from rpc.generation.names import GenerationError

INT = {"type": "integer"}


def definition(kind: str = "attrs", /, *, required: Any = (), **properties: Any) -> dict[str, Any]:
    return {"x-kind": kind, "type": "object", "properties": properties, "required": list(required)}


def test_fields_in_their_order() -> None:
    one, other, last = fields_of(definition(b=INT, a={**INT, "default": 5}, c=INT, required=["b"]))
    assert (one.name, one.wire, one.schema, one.required, one.has_default) == ("b", "b", INT, True, False)
    assert (other.name, other.required, other.default, other.has_default) == ("a", False, 5, True)
    assert (last.required, last.has_default) == (False, False), "there is a default, and it cannot be told"


def test_the_argument_of_a_private_field() -> None:
    [field] = fields_of(definition(_a=INT))
    assert (field.name, field.argument) == ("_a", "a")


def test_a_tag_is_no_field() -> None:
    tagged = definition("struct", kind={"const": "A"}, a=INT, required=["kind", "a"])
    assert tag_of(tagged) == ("kind", "A")
    assert [field.name for field in fields_of(tagged)] == ["a"]
    assert tag_of(definition("struct", a=INT)) is None
    assert tag_of(definition("attrs", a={"const": 1})) is None


def test_fields_of_a_row_need_no_names() -> None:
    row = {**definition("namedtuple", **{"a": INT, "b c": INT, "_d": INT}), "type": "array"}
    assert is_row(row)
    assert [field.name for field in fields_of(row)] == ["a", "field_2", "field_3"]


@pytest.mark.parametrize("kind", ["attrs", "dataclass", "struct"])
def test_fields_without_names_are_keys(kind: str) -> None:
    assert kind_of(definition(kind, a=INT)) == kind
    for name in ("a-b", "class", "_", "_1", "_class", "self", "_self"):
        assert kind_of(definition(kind, **{name: INT})) == "typeddict"


def test_members() -> None:
    names = ["A", "a b", "import", "_x", "name", "mro", 5, "A", "MEMBER_1"]
    enum = {"x-kind": "enum", "enum": list(range(9)), "x-names": names}
    assert member_names(enum)[0] == "A"
    assert member_names(enum)[1:8] == [f"MEMBER_{number}" for number in range(2, 9)]
    assert member_names(enum)[8] == "MEMBER_1"


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        ({}, "of a kind that is not known here: None"),
        ({"x-kind": ["attrs"]}, "of a kind that is not known here"),
        ({"x-kind": "attrs", "properties": []}, "no map from names to schemas"),
        ({"x-kind": "attrs", "properties": {1: INT}}, "no map from names to schemas"),
        ({"x-kind": "attrs", "properties": {"a": 5}}, "its field 'a' has no schema"),
    ],
)
def test_damaged_classes(damaged: dict[str, Any], told: str) -> None:
    with pytest.raises(GenerationError, match=told):
        kind_of(damaged)


@pytest.mark.parametrize(
    ("values", "names", "told"),
    [
        (None, None, "not one name for each value"),
        ([1], [], "not one name for each value"),
        ([1, 2], ["MEMBER_2", "a b"], "two of its members have one name"),
    ],
)
def test_damaged_enums(values: Any, names: Any, told: str) -> None:
    with pytest.raises(GenerationError, match=told):
        member_names({"x-kind": "enum", "enum": values, "x-names": names})


def test_two_fields_of_one_name() -> None:
    row = {**definition("namedtuple", **{"a b": INT, "field_1": INT}), "type": "array"}
    with pytest.raises(GenerationError, match="two of its fields have one name"):
        fields_of(row)
