"""Annotations as trees of nodes, the way msgspec reads them.

They are walked when a handler is registered, to refuse what cannot travel, and beside a decoded value, to find the
place inside it where something is wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from typing import Any, TypeAlias, cast, get_origin

import attrs
from msgspec import inspect

from rpc.service.convert import brief, is_map

__all__ = ["Node", "Part", "alternatives", "nodes", "parts", "title", "unset_fields"]

Node: TypeAlias = inspect.Type

_WITH_FIELDS = (inspect.DataclassType, inspect.StructType, inspect.TypedDictType, inspect.NamedTupleType)
_OF_ITEMS = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)
_TITLES = {
    "datetime": "datetime with a time zone",
    "decimal": "Decimal",
    "none": "None",
    "uuid": "UUID",
    "vartuple": "tuple",
}


@attrs.frozen
class Part:
    """One value directly inside another.

    Attributes:
        step: how msgspec's paths lead to it: ``.name``, ``[3]``, or ``[...]`` for any value of a map.
        place: how our messages do: the same, with the key of the map.
        key: its index or key.
        node: what is expected there.
        value: what is there.
    """

    step: str
    place: str
    key: Any
    node: Node
    value: Any


def alternatives(node: Node) -> Iterator[Node]:
    """The members of a union, or the node itself; metadata is stripped."""
    if isinstance(node, inspect.UnionType):
        for member in node.types:
            yield from alternatives(member)
    elif isinstance(node, inspect.Metadata):
        yield from alternatives(node.type)
    else:
        yield node


def parts(node: Node, value: Any) -> Iterator[Part]:
    """What is directly inside a decoded value, with what is expected of it; nothing where the shapes do not match."""
    for member in alternatives(node):
        if is_map(value):
            yield from _parts_of_map(member, value)
        elif isinstance(value, (list, set)):
            yield from _parts_of_items(member, list(cast("Collection[Any]", value)))


def _parts_of_map(node: Node, value: dict[Any, Any]) -> Iterator[Part]:
    if isinstance(node, inspect.DictType):
        for key, item in value.items():
            yield Part("[...]", f"[{brief(key)}]", key, node.value_type, item)
    elif isinstance(node, _WITH_FIELDS):
        for field in node.fields:
            name = field.encode_name
            if name in value:
                yield Part(f".{name}", f".{name}", name, field.type, value[name])


def _parts_of_items(node: Node, items: list[Any]) -> Iterator[Part]:
    for index, (inner, item) in enumerate(zip(_item_nodes(node, len(items)), items, strict=False)):
        yield Part(f"[{index}]", f"[{index}]", index, inner, item)


def _item_nodes(node: Node, count: int) -> Iterator[Node]:
    if isinstance(node, _OF_ITEMS):
        yield from [node.item_type] * count
    elif isinstance(node, inspect.TupleType):
        yield from node.item_types
    elif isinstance(node, _WITH_FIELDS):
        yield from (field.type for field in node.fields)


def nodes(root: Node) -> Iterator[Node]:
    """Every node of a tree, once each: classes may hold themselves."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += _children(node)


def _children(node: Node) -> list[Node]:
    if isinstance(node, inspect.UnionType):
        return list(node.types)
    if isinstance(node, inspect.Metadata):
        return [node.type]
    if isinstance(node, inspect.DictType):
        return [node.key_type, node.value_type]
    if isinstance(node, _WITH_FIELDS):
        return [field.type for field in node.fields]
    if isinstance(node, inspect.TupleType):
        return list(node.item_types)
    return [node.item_type] if isinstance(node, _OF_ITEMS) else []


def title(node: Node) -> str:
    """A node for an error message: ``int | None``, ``Account``, ``one of 'red', 'green'``."""
    if isinstance(node, (inspect.UnionType, inspect.Metadata)):
        return " | ".join(title(member) for member in alternatives(node))
    if isinstance(node, inspect.EnumType):
        return _choice([member.value for member in node.cls])
    if isinstance(node, inspect.LiteralType):
        return _choice(list(node.values))
    if isinstance(node, (*_WITH_FIELDS, inspect.CustomType)):
        return getattr(node.cls, "__name__", str(node.cls))
    plain = type(node).__name__.removesuffix("Type").lower()
    return _TITLES.get(plain, plain)


def _choice(values: list[Any]) -> str:
    shown = [repr(value) for value in values[:8]]
    return f"one of {', '.join(shown + ['...'] * (len(values) > 8))}"


def unset_fields(node: Node) -> frozenset[str]:
    """The fields of a class that are ``init=False``: its own business, which no peer may set."""
    if not isinstance(node, inspect.DataclassType):
        return frozenset()
    cls: Any = get_origin(node.cls) or node.cls
    fields: Any = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    return frozenset(field.name for field in fields if not field.init)
