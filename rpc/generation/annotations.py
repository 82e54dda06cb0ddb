"""Schemas as annotations: ``{"type": "array", "items": {"$ref": "#/$defs/Item"}}`` is ``list[Item]``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import attrs

from rpc.generation.imports import NUMBERS, Imports
from rpc.generation.names import GenerationError
from rpc.generation.text import literal
from rpc.wire.shapes import is_list, is_map

__all__ = [
    "HOMES",
    "Annotations",
    "closure",
    "definition_of",
    "items_of",
    "members_of",
    "plain_literal",
    "references",
    "unions",
]

HOMES = {
    **dict.fromkeys(("bytes", "bytearray", "memoryview", "float"), "builtins"),
    **dict.fromkeys(("date", "datetime", "time", "timedelta"), "datetime"),
    **dict.fromkeys(("IPv4Address", "IPv4Interface", "IPv4Network"), "ipaddress"),
    **dict.fromkeys(("IPv6Address", "IPv6Interface", "IPv6Network"), "ipaddress"),
    **dict.fromkeys(("Path", "PosixPath", "PurePath", "PurePosixPath"), "pathlib"),
    "Decimal": "decimal",
    "UUID": "uuid",
}
"""Where the classes of single values are, that JSON Schema cannot tell."""

_SIMPLE = {"boolean": "bool", "integer": "int", "number": "float", "string": "str"}
_REFERENCE = "#/$defs/"
_ELEMENT = re.compile(r"NDArray\[(\w+)\]")


def definition_of(schema: Any) -> str | None:
    """The name of the definition that a schema refers to; None where it says itself what it is."""
    reference = schema.get("$ref") if is_map(schema) else None
    return reference.removeprefix(_REFERENCE) if isinstance(reference, str) else None


def members_of(schema: Any) -> list[Any]:
    """The members of a union, or the schema itself."""
    members = schema.get("anyOf") if is_map(schema) else None
    return members if is_list(members) else [schema]


def items_of(schema: Mapping[str, Any]) -> list[Any] | None:
    """The schemas of an array of which each place has its own; None for one whose items are all alike."""
    items = schema.get("prefixItems")
    return items if is_list(items) else None


def plain_literal(value: Any) -> str | None:
    """A value of those that may stand in a ``Literal``, as it is written; None for any other, or a monstrous number."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if value.bit_length() <= 4096 else None
    return literal(value) if isinstance(value, str | bytes) else None


def references(value: Any) -> Iterator[str]:
    """The names of the definitions that a schema refers to, at any depth."""
    definition = definition_of(value)
    if definition is not None:
        yield definition
    if is_map(value):
        for inner in value.values():
            yield from references(inner)
    elif is_list(value):
        for inner in value:
            yield from references(inner)


def closure(schemas: Any, definitions: Mapping[str, Any]) -> list[str]:
    """The names of the definitions that schemas refer to, and those that these refer to; in the order of all."""
    needed: set[str] = set()
    waiting = list(references(schemas))
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in needed:
            needed.add(name)
            waiting += references(definitions[name])
    return [name for name in definitions if name in needed]


def unions(value: Any) -> Iterator[list[Any]]:
    """The members of each union inside of schemas, at any depth."""
    if is_map(value):
        members = value.get("anyOf")
        if is_list(members):
            yield members
    for inner in value.values() if is_map(value) else value if is_list(value) else ():
        yield from unions(inner)


@attrs.frozen
class Annotations:
    """Writes annotations into one scope.

    Attributes:
        imports: of the module.
        classes: the classes of the module, by the names of their definitions.
        hidden: the names that mean something else in that scope: the members of a class hide what they are called.
    """

    imports: Imports
    classes: Mapping[str, str]
    hidden: Collection[str] = ()

    def use(self, module: str, name: str) -> str:
        """A name of another module, see `Imports.use`."""
        return self.imports.use(module, name, self.hidden)

    def builtin(self, name: str) -> str:
        """A builtin, see `Imports.use`."""
        return self.use("builtins", name)

    def own(self, definition: str) -> str:
        """A class of the module.

        Raises:
            GenerationError: there is none.
        """
        if definition not in self.classes:
            raise GenerationError(f"a schema names the class {definition!r}, which is not described")
        return self.classes[definition]

    def of(self, schema: Any) -> str:
        """The annotation for values of a schema; ``Any`` where it says nothing that is known here.

        Raises:
            GenerationError: it is damaged.
        """
        if not is_map(schema):
            return self.use("typing", "Any")
        definition = definition_of(schema)
        if definition is not None:
            return self.own(definition)
        if is_list(schema.get("anyOf")):
            return self._union(members_of(schema))
        values = schema.get("enum", [schema["const"]] if "const" in schema else None)
        if values is not None:
            return self._literal(values)
        return self._of_class(schema) or self._of_type(schema)

    def _union(self, members: list[Any]) -> str:
        found = dict.fromkeys(self.of(member) for member in members)
        anything = [text for text in found if text.rpartition(".")[2] == "Any"]
        if anything or not found:
            return anything[0] if anything else self.use("typing", "Any")
        return " | ".join(sorted(found, key=lambda text: text == "None"))

    def _literal(self, values: Any) -> str:
        texts = [plain_literal(value) for value in values] if is_list(values) else []
        if not texts or None in texts:
            raise GenerationError("a schema has an 'enum' of no values, or of values that no Literal has")
        return f"{self.use('typing', 'Literal')}[{', '.join(map(str, texts))}]"

    def _of_class(self, schema: Mapping[str, Any]) -> str | None:
        word = schema.get("x-python")
        if not isinstance(word, str):
            return None
        if word in HOMES:
            return self.use(HOMES[word], word)
        write = _CONTAINERS.get(word)
        return write(self, schema) if write else None

    def _of_type(self, schema: Mapping[str, Any]) -> str:
        kind = schema.get("type")
        if kind == "null":
            return "None"
        if kind == "array":
            return f"{self.builtin('list')}[{self.of(schema.get('items'))}]"
        if kind == "object":
            key = self.of(schema["propertyNames"]) if "propertyNames" in schema else self.builtin("str")
            return f"{self.builtin('dict')}[{key}, {self.of(schema.get('additionalProperties'))}]"
        return self.builtin(_SIMPLE[kind]) if isinstance(kind, str) and kind in _SIMPLE else self.use("typing", "Any")


def _tuple(scope: Annotations, schema: Mapping[str, Any]) -> str:
    row = items_of(schema)
    if row is None:
        inner = f"{scope.of(schema.get('items'))}, ..."
    else:
        inner = ", ".join(map(scope.of, row)) or "()"
    return f"{scope.builtin('tuple')}[{inner}]"


def _ndarray(scope: Annotations, schema: Mapping[str, Any]) -> str:
    found = _ELEMENT.fullmatch(str(schema.get("title", "")))
    known = found is not None and found[1] in NUMBERS
    element = scope.use("numpy", found[1]) if found and known else scope.use("typing", "Any")
    return f"{scope.use('numpy.typing', 'NDArray')}[{element}]"


_CONTAINERS: dict[str, Callable[[Annotations, Mapping[str, Any]], str]] = {
    "object": lambda scope, _: scope.use("typing", "Any"),
    "set": lambda scope, schema: f"{scope.builtin('set')}[{scope.of(schema.get('items'))}]",
    "frozenset": lambda scope, schema: f"{scope.builtin('frozenset')}[{scope.of(schema.get('items'))}]",
    "tuple": _tuple,
    "array.array": lambda scope, _: scope.imports.array(),
    "numpy.ndarray": _ndarray,
}
