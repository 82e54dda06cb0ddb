"""JSON Schema (2020-12) of annotations, with what JSON Schema cannot tell beside it.

A schema is of the value as JSON would show it: a datetime is a string in ISO 8601, bytes are base64. What the value is
in Python, and so in CBOR, stands in ``x-python``. Classes with fields and enums stand in `Schemas.definitions`; a
schema names one with ``{"$ref": "#/$defs/Name"}``. The same annotations give the same schemas in every process.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from enum import Enum
from inspect import cleandoc
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias, cast, get_args, get_origin

import attrs
import msgspec
from msgspec import inspect

from rpc.service.arrays import is_array_class
from rpc.service.forms import FROM_TEXT
from rpc.service.registry import registration
from rpc.service.schema import Node, unset_fields
from rpc.service.spelling import spell_annotation
from rpc.wire.payload import EncodeError, decode, encode
from rpc.wire.shapes import is_list, is_map

__all__ = ["MISSING", "REFERENCE", "Json", "Schemas", "own_doc", "wire_form"]

Json: TypeAlias = dict[str, Any]

MISSING = object()
"""What stands for a default that is none, or that cannot be told."""

REFERENCE = "#/$defs/"
"""What stands before the name of a definition, where a schema refers to it."""

_ANYTHING: Json = {"x-python": "object"}

_PLAIN: dict[type[Node], Json] = {
    inspect.AnyType: _ANYTHING,
    inspect.NoneType: {"type": "null"},
    inspect.BoolType: {"type": "boolean"},
    inspect.IntType: {"type": "integer"},
    inspect.FloatType: {"type": "number", "x-python": "float"},
    inspect.StrType: {"type": "string"},
    inspect.BytesType: {"type": "string", "contentEncoding": "base64", "x-python": "bytes"},
    inspect.ByteArrayType: {"type": "string", "contentEncoding": "base64", "x-python": "bytearray"},
    inspect.MemoryViewType: {"type": "string", "contentEncoding": "base64", "x-python": "memoryview"},
    inspect.DateTimeType: {"type": "string", "format": "date-time", "x-python": "datetime"},
    inspect.DateType: {"type": "string", "format": "date", "x-python": "date"},
    inspect.TimeType: {"type": "string", "format": "time", "x-python": "time"},
    inspect.TimeDeltaType: {"type": "string", "format": "duration", "x-python": "timedelta"},
    inspect.DecimalType: {"type": "string", "format": "decimal", "x-python": "Decimal"},
    inspect.UUIDType: {"type": "string", "format": "uuid", "x-python": "UUID"},
    inspect.ListType: {"type": "array"},
    inspect.VarTupleType: {"type": "array", "x-python": "tuple"},
    inspect.SetType: {"type": "array", "uniqueItems": True, "x-python": "set"},
    inspect.FrozenSetType: {"type": "array", "uniqueItems": True, "x-python": "frozenset"},
    inspect.DictType: {"type": "object"},
}
"""What is said of each kind of node, whatever is inside it."""

_FORMATS: dict[type, Json] = {IPv4Address: {"format": "ipv4"}, IPv6Address: {"format": "ipv6"}}
"""Of classes that msgspec does not know; JSON Schema knows these two."""

_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}
_LENGTHS: dict[str, tuple[str, str]] = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_PURE_FACTORIES: dict[Any, Any] = {list: [], set: [], frozenset: [], tuple: [], dict: {}}
"""Factories of defaults that may be told without running them: any other might do anything."""

_CONTAINERS: dict[Any, tuple[str, ...]] = {
    **dict.fromkeys((list, set, frozenset, tuple, Sequence, Collection, Set), ("items",)),
    **dict.fromkeys((dict, Mapping), ("propertyNames", "additionalProperties")),
}
"""What containers say of what is inside them, in the order of their arguments."""

_Factory = cast("type[Any]", attrs.Factory)
"""Told to type checkers as a function, for the sake of what they infer."""

WithFields: TypeAlias = inspect.DataclassType | inspect.StructType | inspect.TypedDictType | inspect.NamedTupleType


class Schemas:
    """The schemas of any number of annotations, and the classes that they name.

    Attributes:
        definitions: the schemas of these classes by name, in the order in which they were first named. A second class
            of one name is told apart by a number behind it.
    """

    def __init__(self) -> None:
        self.definitions: dict[str, Json] = {}
        self._names: dict[Any, str] = {}

    def of(self, annotation: Any) -> Json:
        """The schema of an annotation that `Converter.reader` accepts; a vague one of what msgspec does not know."""
        if annotation is object:
            return dict(_ANYTHING)
        if is_array_class(get_origin(annotation)):  # msgspec would forget what it says of the elements
            return _of_array(annotation)
        try:
            root = inspect.type_info(annotation)
        except (TypeError, NameError):
            return self._of_unknown(annotation)
        return self._of_node(root)

    def of_fields(self, cls: Any) -> Json | None:
        """The schema of the fields of an attrs class or dataclass, not by its name; None for any other class."""
        if not (attrs.has(cls) or dataclasses.is_dataclass(cls)):
            return None
        try:
            node = inspect.type_info(cls)
        except (TypeError, NameError):
            return self._of_fields(cls)
        return self._of_class(node) if isinstance(node, WithFields) else self._of_fields(cls)

    def _of_unknown(self, annotation: Any) -> Json:
        """What only another converter knows, a union of attrs classes for one; what is around it is told as ever."""
        origin, inner = get_origin(annotation), [argument for argument in get_args(annotation) if argument is not ...]
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.of(member) for member in inner]}
        if origin is typing.Annotated:
            return self.of(inner[0])
        if origin is tuple and ... not in get_args(annotation):
            return {"type": "array", **_row([self.of(item) for item in inner]), "x-python": "tuple"}
        if origin in _CONTAINERS:
            names = _CONTAINERS[origin]
            return {**self.of(origin), **{name: self.of(item) for name, item in zip(names, inner, strict=False)}}
        if attrs.has(annotation) or dataclasses.is_dataclass(annotation):
            return self._reference(annotation, lambda: self._of_fields(annotation))
        return {"title": spell_annotation(annotation), **_ANYTHING}

    def _of_fields(self, cls: Any) -> Json:
        """A class that msgspec does not read, for what one of its fields is."""
        try:
            hints = typing.get_type_hints(cls, include_extras=True)
        except Exception:  # evaluating an annotation may raise anything
            hints = {}
        properties: Json = {}
        required: list[str] = []
        for name, default, factory in _own_fields(cls):
            properties[name] = {**self.of(hints.get(name, Any)), **_default(default, factory)}
            if default is factory is msgspec.NODEFAULT:
                required.append(name)
        kind = "attrs" if attrs.has(cls) else "dataclass"
        return {**_about(cls), "x-kind": kind, "type": "object", "properties": properties, "required": required}

    def _of_node(self, node: Node) -> Json:
        if isinstance(node, inspect.Metadata):
            extra: Json | None = cast("Any", node).extra_json_schema
            return {**self._of_node(node.type), **(extra or {})}
        if isinstance(node, inspect.UnionType):
            return {"anyOf": [self._of_node(member) for member in node.types]}
        if isinstance(node, inspect.LiteralType):
            return {"enum": list(node.values)}
        if isinstance(node, inspect.EnumType):
            return self._reference(node.cls, lambda: _of_enum(node.cls))
        if isinstance(node, WithFields):
            return self._reference(node.cls, lambda: self._of_class(node))
        if isinstance(node, inspect.CustomType):
            return self._of_custom(node.cls)
        schema = {**_PLAIN.get(type(node), _ANYTHING), **_bounds(node)}
        return schema | self._of_contents(node)

    def _of_contents(self, node: Node) -> Json:
        """What a container says of what is inside it."""
        if isinstance(node, inspect.ListType | inspect.SetType | inspect.FrozenSetType | inspect.VarTupleType):
            return {"items": self._of_node(node.item_type)}
        if isinstance(node, inspect.TupleType):
            return {"type": "array", **_row([self._of_node(item) for item in node.item_types]), "x-python": "tuple"}
        if isinstance(node, inspect.DictType):
            keys = {} if _is_any_text(node.key_type) else {"propertyNames": self._of_node(node.key_type)}
            return {**keys, "additionalProperties": self._of_node(node.value_type)}
        return {}

    def _of_custom(self, cls: Any) -> Json:
        if cls is object:
            return dict(_ANYTHING)
        entry, name = registration(cls), spell_annotation(cls)
        if entry is not None:
            return {"title": name, **self.of(entry.wire)}
        plain: Any = get_origin(cls) or cls
        if is_array_class(plain):
            return _of_array(cls)
        if plain in FROM_TEXT:
            return {"type": "string", **_FORMATS.get(plain, {}), "x-python": name}
        return {"title": name, **_ANYTHING}

    # --- Classes -------------------------------------------------------------------------------------------------

    def _reference(self, cls: Any, define: Callable[[], Json]) -> Json:
        name = self._names.get(cls)
        if name is None:
            name = self._names[cls] = self._free_name(spell_annotation(cls))
            self.definitions[name] = {}  # its place, and an end for a class that holds itself
            self.definitions[name] = define()
        return {"$ref": f"{REFERENCE}{name}"}

    def _free_name(self, title: str) -> str:
        """A name of letters, digits and ``_``: ``Box[int]`` is ``Box_int``."""
        wanted = name = re.sub(r"\W+", "_", title).strip("_")
        number = 1
        while name in self.definitions:
            number += 1
            name = f"{wanted}{number}"
        return name

    def _of_class(self, node: WithFields) -> Json:
        fields = [field for field in node.fields if field.name not in unset_fields(node)]
        tag: Json = {}
        if isinstance(node, inspect.StructType) and node.tag_field is not None:
            tag = {node.tag_field: {"const": node.tag}}
        properties = {**tag, **{field.encode_name: self._of_field(field) for field in fields}}
        schema: Json = {**_about(node.cls), "x-kind": _kind_of(node), "type": "object", "properties": properties}
        schema["required"] = [*tag, *(field.encode_name for field in fields if field.required)]
        if isinstance(node, inspect.NamedTupleType) or (isinstance(node, inspect.StructType) and node.array_like):
            return {**schema, "type": "array", **_row(list(properties.values()), least=len(schema["required"]))}
        if isinstance(node, inspect.StructType) and node.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema

    def _of_field(self, field: inspect.Field) -> Json:
        return {**self._of_node(field.type), **_default(field.default, field.default_factory)}


def _default(default: Any, factory: Any) -> Json:
    """What is said of the default of a field, where it has one that can be told."""
    told = MISSING
    if default is not msgspec.NODEFAULT:
        told = wire_form(default)
    else:
        told = _PURE_FACTORIES.get(get_origin(factory) or factory, MISSING)  # list[int] makes a list
    return {} if told is MISSING else {"default": told}


def _own_fields(cls: Any) -> Iterator[tuple[str, Any, Any]]:
    """The fields that the constructor of an attrs class or dataclass takes: name, default, factory, as of msgspec."""
    none: Any = msgspec.NODEFAULT
    if attrs.has(cls):
        for attribute in attrs.fields(cls):
            default: Any = none if attribute.default is attrs.NOTHING else attribute.default
            factory = getattr(default, "factory", none) if isinstance(default, _Factory) else none
            if attribute.init:
                yield attribute.name, none if factory is not none else default, factory
        return
    for field in dataclasses.fields(cls):
        if field.init:
            default = none if field.default is dataclasses.MISSING else field.default
            yield field.name, default, none if field.default_factory is dataclasses.MISSING else field.default_factory


def _bounds(node: Node) -> Json:
    schema = {word: getattr(node, name) for name, word in _BOUNDS.items() if getattr(node, name, None) is not None}
    lengths = _LENGTHS.get(_PLAIN.get(type(node), {}).get("type", ""), ())
    for name, word in zip(("min_length", "max_length"), lengths, strict=False):
        if getattr(node, name, None) is not None:
            schema[word] = getattr(node, name)
    return schema


def _row(items: list[Json], least: int | None = None) -> Json:
    """An array of which each place has a schema of its own."""
    least = len(items) if least is None else least
    return {"prefixItems": items, "items": False, "minItems": least, "maxItems": len(items)}


def _is_any_text(node: Node) -> bool:
    return isinstance(node, inspect.StrType) and not _bounds(node)


def _of_array(annotation: Any) -> Json:
    cls: Any = get_origin(annotation) or annotation
    return {"title": spell_annotation(annotation), "type": "array", "x-python": f"{cls.__module__}.{cls.__name__}"}


def _of_enum(cls: type[Enum]) -> Json:
    members = list(cls)
    values = [wire_form(member.value) for member in members]
    return {**_about(cls), "x-kind": "enum", "enum": values, "x-names": [member.name for member in members]}


def own_doc(cls: Any) -> str:
    """What the author of a class wrote about it; nothing that is inherited, or written by a decorator."""
    plain: Any = get_origin(cls) or cls
    doc: str = plain.__dict__.get("__doc__") or ""
    return "" if doc.startswith(f"{plain.__name__}(") else cleandoc(doc)


def _about(cls: Any) -> Json:
    about, doc = {"title": spell_annotation(cls)}, own_doc(cls)
    return {**about, "description": doc} if doc else about


def _kind_of(node: WithFields) -> str:
    if isinstance(node, inspect.DataclassType):
        return "attrs" if attrs.has(get_origin(node.cls) or node.cls) else "dataclass"
    return type(node).__name__.removesuffix("Type").lower()


def wire_form(value: Any) -> Any:
    """What arrives where a value is sent, sets as arrays in order; `MISSING` for one that cannot travel."""
    try:
        return _settled(decode(bytes(encode(value))))
    except EncodeError:
        return MISSING


def _settled(value: Any) -> Any:
    """The order of sets differs from process to process."""
    if is_list(value):
        return [_settled(item) for item in value]
    if is_map(value):
        return {key: _settled(item) for key, item in value.items()}
    if isinstance(value, set):
        return sorted(cast("Collection[Any]", value), key=lambda member: (type(member).__name__, member))
    return value
