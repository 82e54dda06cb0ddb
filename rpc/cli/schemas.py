"""JSON Schema of another process's making, as a person reads types: ``list[Account] | None``, ``int, at least 3``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rpc.cli.output import render
from rpc.service.json_schema import REFERENCE
from rpc.wire.shapes import is_list, is_map

__all__ = ["bounds_of", "spell_definition", "spell_fields", "spell_schema", "spell_value"]

_NAMES = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None", "object": "dict"}

_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
    "description": "{}",
}


def spell_schema(schema: Any) -> str:
    """The type that a schema tells of; what is no schema of ours is ``Any``."""
    if not is_map(schema):
        return "Any"
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REFERENCE)
    if is_list(schema.get("anyOf")):
        return " | ".join(map(spell_schema, schema["anyOf"]))
    if is_list(schema.get("enum")):
        return f"Literal[{', '.join(map(_literal, schema['enum']))}]"
    name = schema.get("x-python")
    if name == "object":
        return str(schema.get("title", "Any"))
    if schema.get("type") == "array" and name in (None, "tuple", "set", "frozenset"):
        return _array(str(name or "list"), schema)
    if schema.get("type") == "object":
        keys = spell_schema(schema.get("propertyNames", _TEXT))
        return f"dict[{keys}, {spell_schema(schema.get('additionalProperties'))}]"
    kind = str(schema.get("type", "Any"))
    return str(name or _NAMES.get(kind, kind))


_TEXT = {"type": "string"}


def _array(name: str, schema: dict[Any, Any]) -> str:
    if is_list(schema.get("prefixItems")):
        return f"{name}[{', '.join(map(spell_schema, schema['prefixItems']))}]"
    return f"{name}[{spell_schema(schema.get('items'))}{', ...' * (name == 'tuple')}]"


def _literal(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | bool | None) else render(value)


def spell_value(name: str, schema: Any) -> str:
    """A parameter or a field: its type, its default, and what is asked of it beside its type."""
    default = f" = {render(schema['default'])}" if is_map(schema) and "default" in schema else ""
    return ", ".join([f"{name}: {spell_schema(schema)}{default}", *bounds_of(schema)])


def bounds_of(schema: Any) -> Iterator[str]:
    """What a schema asks for beside the type."""
    if is_map(schema) and "prefixItems" not in schema:
        for word, form in _BOUNDS.items():
            if word in schema:
                yield form.format(schema[word])


def spell_definition(name: str, definition: Any) -> list[str]:
    """A class: a line that says what it is, and one for each field or member."""
    if not is_map(definition):
        return [name]
    title = str(definition.get("title", name))
    lines = [f"{name} ({definition.get('x-kind', 'class')}{f' {title}' * (title != name)})"]
    lines += [f"    {line}".rstrip() for line in str(definition.get("description", "")).splitlines()]
    if is_list(definition.get("enum")) and is_list(definition.get("x-names")):
        members = zip(definition["x-names"], definition["enum"], strict=False)
        return lines + [f"  {member} = {_literal(value)}" for member, value in members]
    return lines + [f"  {field}" for field in spell_fields(definition)]


def spell_fields(definition: Any) -> list[str]:
    """The fields of a class, see `spell_value`; none where there are none."""
    properties = definition.get("properties") if is_map(definition) else None
    return [spell_value(str(field), schema) for field, schema in properties.items()] if is_map(properties) else []
