from __future__ import annotations

from typing import Any

import pytest

from rpc.errors import Code
from rpc.generation.classes import Classes, body
from rpc.generation.imports import Imports
from rpc.generation.names import GenerationError
from rpc.service.description import ErrorDescription

INT, TEXT = {"type": "integer"}, {"type": "string"}
INTS: dict[str, Any] = {"type": "array", "items": INT, "default": [], "x-python": None}


_STRANGE: dict[str, Any] = {"a-b": INT, "class": TEXT}


def of(kind: str, /, *, required: Any = (), doc: str = "", **properties: Any) -> dict[str, Any]:
    about = {"description": doc} if doc else {}
    return {"x-kind": kind, **about, "type": "object", "properties": properties, "required": list(required)}


def written(definition: Any, **others: Any) -> list[str]:
    definitions = {"Item": definition, **others}
    return Classes(Imports([]), {name: name for name in definitions}, definitions).definition("Item")


@pytest.mark.parametrize(
    ("kind", "decorator"), [("attrs", "@attrs.define"), ("dataclass", "@dataclass"), ("struct", None)]
)
def test_classes_with_fields(kind: str, decorator: str | None) -> None:
    lines = written(of(kind, doc="An item.", a=INT, b={**TEXT, "default": "x"}, required=["a"]))
    head = "class Item(msgspec.Struct):" if decorator is None else "class Item:"
    assert lines == [
        *([decorator] if decorator else []),
        *(head, '    """An item."""', "", "    a: int", '    b: str = "x"'),
    ]


@pytest.mark.parametrize(
    ("kind", "factory"),
    [
        ("attrs", "attrs.field(factory=list[int])"),
        ("dataclass", "field(default_factory=list[int])"),
        ("struct", "msgspec.field(default_factory=list[int])"),
    ],
)
def test_values_that_can_change_are_made_anew(kind: str, factory: str) -> None:
    assert written(of(kind, a={**INTS}))[-1] == f"    a: list[int] = {factory}"
    factory = factory.replace("list[int]", "lambda: [1]")
    assert written(of(kind, a={**INTS, "default": [1]}))[-1] == f"    a: list[int] = {factory}"


def test_a_factory_that_is_not_defined_yet_is_put_off() -> None:
    own = {"type": "array", "items": {"$ref": "#/$defs/Item"}, "default": []}
    assert written(of("attrs", a=own))[-1] == "    a: list[Item] = attrs.field(factory=lambda: [])"


def test_an_optional_list_has_no_class_to_call() -> None:
    schema = {"anyOf": [INTS, {"type": "null"}], "default": []}
    assert written(of("attrs", a=schema))[-1] == "    a: list[int] | None = attrs.field(factory=lambda: [])"


def test_a_default_that_cannot_be_told_must_be_given() -> None:
    assert written(of("attrs", a=INT, b={**INT, "default": 1})) == [
        *("@attrs.define", "class Item:", "    a: int", "    b: int = 1")
    ]


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("attrs", ["@attrs.define(kw_only=True)", "class Item:"]),
        ("dataclass", ["@dataclass(kw_only=True)", "class Item:"]),
        ("struct", ["class Item(msgspec.Struct, kw_only=True):"]),
    ],
)
def test_where_a_default_stands_first_fields_are_given_by_name(kind: str, head: list[str]) -> None:
    assert written(of(kind, a={**INT, "default": 1}, b=INT)) == [*head, "    a: int = 1", "    b: int"]


def test_a_named_tuple_has_its_order() -> None:
    row = {**of("namedtuple", a={**INT, "default": 1}, b=INT, c={**INTS}), "type": "array"}
    assert written(row) == ["class Item(NamedTuple):", "    a: int", "    b: int", "    c: list[int] = []"]


def test_a_typed_dict() -> None:
    assert written(of("typeddict", doc="Keys.", a=INT, b=TEXT, required=["a"])) == [
        *("class Item(TypedDict):", '    """Keys."""', "", "    a: int", "    b: NotRequired[str]")
    ]
    assert written(of("attrs", **_STRANGE, required=["class"])) == [
        "Item = TypedDict(",
        '    "Item",',
        "    {",
        '        "a-b": "NotRequired[int]",',
        '        "class": "str",',
        "    },",
        ")",
    ]


def test_a_tagged_struct_without_names_keeps_its_tag() -> None:
    lines = written(of("struct", kind={"const": "x"}, **_STRANGE, required=["kind", "a-b"]))
    assert lines[3:5] == ['        "kind": \'Literal["x"]\',', '        "a-b": "int",']


@pytest.mark.parametrize(
    ("tag", "options"),
    [({"type": {"const": "A"}}, 'tag="A"'), ({"kind": {"const": 3}}, 'tag_field="kind", tag=3'), ({}, "")],
)
def test_structs(tag: dict[str, Any], options: str) -> None:
    comma = ", " if options else ""
    assert written(of("struct", **tag, required=list(tag))) == [f"class Item(msgspec.Struct{comma}{options}): ..."]
    row = {**of("struct", **tag, a=INT, required=list(tag)), "type": "array"}
    assert written(row)[0] == f"class Item(msgspec.Struct, array_like=True{comma}{options}):"


@pytest.mark.parametrize("tag", [True, None, 1.5, [], b"x"])
def test_a_tag_that_is_none(tag: Any) -> None:
    with pytest.raises(GenerationError, match="the class 'Item': its tag is neither text nor a number"):
        written(of("struct", type={"const": tag}))


def test_an_enum() -> None:
    enum = {"x-kind": "enum", "description": "Levels.", "enum": [1, "b"], "x-names": ["LOW", "HIGH"]}
    assert written(enum) == ["class Item(Enum):", '    """Levels."""', "", "    LOW = 1", '    HIGH = "b"']
    with pytest.raises(GenerationError, match="the value of its member 'LOW' is neither text nor a number"):
        written({**enum, "enum": [1.5, 2]})


@pytest.mark.parametrize(
    ("definition", "told"), [(5, "the class 'Item' is not described by a map"), ({}, "the class 'Item': it is a class")]
)
def test_damaged(definition: Any, told: str) -> None:
    with pytest.raises(GenerationError, match=told):
        written(definition)


def test_a_field_that_hides_a_name_of_the_others() -> None:
    lines = written(of("attrs", int=TEXT, attrs=INT, b={**INTS}, required=["int", "attrs"]))
    assert lines[2:] == [
        *("    int: str", "    attrs: builtins.int"),
        "    b: list[builtins.int] = attrs_.field(factory=list[builtins.int])",
    ]


# --- Exceptions ------------------------------------------------------------------------------------------------------


def exception(schema: Any, code: int = Code.UNKNOWN, doc: str = "") -> list[str]:
    error = ErrorDescription(type="calc.Poor", code=code, doc=doc, schema=schema)
    return Classes(Imports([]), {}, {}).exception("Poor", error)


def test_exceptions() -> None:
    assert exception(None) == ["class Poor(Exception): ..."]
    assert exception(None, doc="Poor.") == ["class Poor(Exception):", '    """Poor."""']
    assert exception(None, Code.NOT_FOUND) == ["class Poor(Exception):", "    code = rpc.Code.NOT_FOUND"]
    assert exception({"properties": {"missing": INT}, "required": ["missing"]}, Code.ABORTED, "Poor.") == [
        *("@attrs.define", "class Poor(Exception):", '    """Poor."""', ""),
        *("    code = rpc.Code.ABORTED", "    missing: int"),
    ]
    assert exception({"type": "object"}) == ["class Poor(Exception): ..."]


def test_damaged_exceptions() -> None:
    with pytest.raises(GenerationError, match=r"'calc\.Poor' has a field whose name is none in Python"):
        exception({"properties": {"a-b": INT}})
    with pytest.raises(GenerationError, match=r"'calc\.Poor' has a code that is none: 99"):
        exception(None, 99)


def test_bodies() -> None:
    assert body(["class A:"], "", []) == ["class A: ..."]
    assert body(["@x", "class A:"], "Doc.", ["a: int"]) == ["@x", "class A:", '    """Doc."""', "", "    a: int"]
