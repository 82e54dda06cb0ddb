"""Annotations as trees of nodes, the way msgspec reads them.

They are walked when a handler is registered, to refuse what cannot travel, and beside a decoded value, to find the
place inside it where something is wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, cast, get_origin

import attrs
from msgspec import inspect

from rpc.service.convert import brief
from rpc.wire.shapes import is_map

__all__ = ["Node", "Part", "alternatives", "choice", "nodes", "part_at", "parts", "title", "unset_fields"]

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


class Part(NamedTuple):
    """One value directly inside another.

    Attributes:
        key: its index, its key, or the name of its field.
        is_field: whether the key is the name of a field.
        node: what is expected there.
        value: what is there.
    """

    key: Any
    is_field: bool
    node: Node
    value: Any

    @property
    def place(self) -> str:
        """How a message leads to it: ``.name``, ``[3]``, ``['key']``."""
        return f".{self.key}" if self.is_field else f"[{brief(self.key)}]"


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
            for index, item in enumerate(cast("Collection[Any]", value)):
                inner = _item_node(member, index)
                if inner is not None:
                    yield Part(index, False, inner, item)


def part_at(node: Node, value: Any, index: int) -> Part | None:
    """What is at an index of an array or set, as msgspec counts; None where nothing is expected."""
    for member in alternatives(node):
        inner = _item_node(member, index)
        if inner is not None and isinstance(value, (list, set)) and index < len(cast("Collection[Any]", value)):
            return Part(index, False, inner, list(cast("Collection[Any]", value))[index])
    return None


def _parts_of_map(node: Node, value: dict[Any, Any]) -> Iterator[Part]:
    if isinstance(node, inspect.DictType):
        for key, item in value.items():
            yield Part(key, False, node.value_type, item)
    elif isinstance(node, _WITH_FIELDS) and not _is_row(node):
        for field in node.fields:
            if field.encode_name in value:
                yield Part(field.encode_name, True, field.type, value[field.encode_name])


def _item_node(node: Node, index: int) -> Node | None:
    """What is expected at an index of an array; None where no array is, or a shorter one."""
    if isinstance(node, _OF_ITEMS):
        return node.item_type
    items: Sequence[Node] = ()
    if isinstance(node, inspect.TupleType):
        items = node.item_types
    elif isinstance(node, (inspect.NamedTupleType, inspect.StructType)) and _is_row(node):
        items = [field.type for field in node.fields]
        if isinstance(node, inspect.StructType) and node.tag is not None:
            items = [inspect.AnyType(), *items]
    return items[index] if index < len(items) else None


def _is_row(node: Node) -> bool:
    """Whether a class with fields travels as an array."""
    return isinstance(node, inspect.NamedTupleType) or (isinstance(node, inspect.StructType) and node.array_like)


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
        return choice([member.value for member in node.cls])
    if isinstance(node, inspect.LiteralType):
        return choice(list(node.values))
    if isinstance(node, (*_WITH_FIELDS, inspect.CustomType)):
        return getattr(node.cls, "__name__", str(node.cls))
    plain = type(node).__name__.removesuffix("Type").lower()
    return _TITLES.get(plain, plain)


def choice(values: list[Any]) -> str:
    """Values of which one is expected, the first few of them."""
    shown = [repr(value) for value in values[:8]]
    return f"one of {', '.join(shown + ['...'] * (len(values) > 8))}"


def unset_fields(node: Node) -> frozenset[str]:
    """The fields of a class that are ``init=False``: its own business, which no peer may set."""
    if not isinstance(node, inspect.DataclassType):
        return frozenset()
    cls: Any = get_origin(node.cls) or node.cls
    fields: Any = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    return frozenset(field.name for field in fields if not field.init)
