"""Definitions as classes: their fields and the members of enums, under names that they can have in a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

import attrs

from rpc.generation.names import GenerationError, is_name
from rpc.wire.shapes import is_list, is_map

__all__ = ["ClassKind", "Field", "fields_of", "kind_of", "member_names", "tag_of"]

ClassKind: TypeAlias = Literal["attrs", "dataclass", "struct", "typeddict", "namedtuple", "enum"]
_KINDS = get_args(ClassKind)

_NO_MEMBERS = frozenset(("mro", "name", "value"))
"""What no member of an enum may be called."""


@attrs.frozen
class Field:
    """A field of a class.

    Attributes:
        name: its name in Python.
        wire: its name on the wire; of no account in an array.
        schema: of its values.
        required: whether a value must be given.
        default: in its form on the wire, where `has_default`.
        has_default: whether the default can be told.
    """

    name: str
    wire: str
    schema: Mapping[str, Any]
    required: bool
    default: Any
    has_default: bool

    @property
    def argument(self) -> str:
        """What the constructor of an attrs class calls it."""
        return self.name.lstrip("_")

    @property
    def is_usable(self) -> bool:
        """Whether a class with a constructor can have it."""
        return is_name(self.wire) and is_name(self.argument) and self.argument != "self"


def kind_of(definition: Mapping[str, Any]) -> ClassKind:
    """What kind of class a definition is of.

    Fields that no constructor can have an argument for can only be the keys of a TypedDict.

    Raises:
        GenerationError: of none that is known here.
    """
    kind: Any = definition.get("x-kind")
    if kind not in _KINDS:
        raise GenerationError(f"it is a class of a kind that is not known here: {kind!r}")
    found: ClassKind = kind
    if found in ("enum", "namedtuple") or is_row(definition):
        return found
    return found if all(field.is_usable for field in fields_of(definition)) else "typeddict"


def is_row(definition: Mapping[str, Any]) -> bool:
    """Whether objects of a class travel as arrays."""
    return definition.get("type") == "array"


def tag_of(definition: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The field that tells a Struct from others, and its value; None where there is none."""
    if definition.get("x-kind") == "struct":
        for name, schema in _properties(definition).items():
            if is_map(schema) and "const" in schema:
                return name, schema["const"]
    return None


def fields_of(definition: Mapping[str, Any]) -> list[Field]:
    """The fields of a class, in their order, without the tag of a Struct.

    Raises:
        GenerationError: they are damaged.
    """
    required = definition.get("required", [])
    tag = tag_of(definition)
    rows = is_row(definition)
    fields: list[Field] = []
    for wire, schema in _properties(definition).items():
        if tag is not None and wire == tag[0]:
            continue
        if not is_map(schema):
            raise GenerationError(f"its field {wire!r} has no schema")
        name = f"field_{len(fields) + 1}" if rows and not (is_name(wire) and wire[0] != "_") else wire
        has_default = "default" in schema
        is_required = is_list(required) and wire in required
        fields.append(Field(name, wire, schema, is_required, schema.get("default"), has_default and not is_required))
    if len({field.name for field in fields}) < len(fields):
        raise GenerationError("two of its fields have one name")
    return fields


def _properties(definition: Mapping[str, Any]) -> dict[str, Any]:
    properties: Any = definition.get("properties", {})
    if not (is_map(properties) and all(isinstance(name, str) for name in properties)):
        raise GenerationError("its 'properties' are no map from names to schemas")
    return properties


def member_names(definition: Mapping[str, Any]) -> list[str]:
    """The names of the members of an enum, in the order of their values; a number for those that cannot stand there.

    Raises:
        GenerationError: it is damaged.
    """
    values, names = definition.get("enum"), definition.get("x-names")
    if not (is_list(values) and is_list(names) and len(values) == len(names)):
        raise GenerationError("it is an enum that has not one name for each value")
    found: list[str] = []
    for number, name in enumerate(names, 1):
        usable = isinstance(name, str) and is_name(name) and name[0] != "_" and name not in _NO_MEMBERS
        found.append(name if usable and name not in found else f"MEMBER_{number}")
    if len(set(found)) < len(found):
        raise GenerationError("two of its members have one name")
    return found
