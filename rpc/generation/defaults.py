"""Defaults, as they came over the wire, as Python expressions."""

from __future__ import annotations

import contextlib
import datetime
import enum
import ipaddress
import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import msgspec

from rpc.generation.annotations import HOMES, Annotations, definition_of, items_of, members_of, plain_literal
from rpc.generation.fields import fields_of, kind_of, member_names
from rpc.generation.text import literal
from rpc.wire.shapes import is_list, is_map

__all__ = ["Defaults", "Expression", "Freshness"]


class Freshness(enum.IntEnum):
    """How often an expression must be evaluated for all who use its value."""

    CONSTANT = 0
    """It may stand in the head of a function: a literal, or the member of an enum."""
    ONCE = 1
    """Its value cannot be changed, so that it may be shared; making it takes a call."""
    ANEW = 2
    """Its value can be changed: everybody needs one of his own."""


@attrs.frozen
class Expression:
    """Python text that evaluates to a default, and how often it must be evaluated."""

    text: str
    freshness: Freshness = Freshness.CONSTANT


_Pairs = Iterable[tuple[Any, Any]]


@attrs.frozen
class Defaults:
    """Writes defaults into one scope.

    Attributes:
        annotations: of the scope.
        definitions: of the description.
    """

    annotations: Annotations
    definitions: Mapping[str, Any]

    def of(self, schema: Any, value: Any) -> Expression | None:
        """The expression that makes a value of a schema of what came over the wire; None where that cannot be told."""
        for member in members_of(schema):
            definition = definition_of(member)
            if definition is not None:
                found = self._of_definition(definition, value)
            else:
                found = self._of_schema(member, value) if is_map(member) else None
            if found is not None:
                return found
        return None

    # --- Classes of the module -----------------------------------------------------------------------------------

    def _of_definition(self, name: str, value: Any) -> Expression | None:
        definition = self.definitions.get(name)
        if not is_map(definition):
            return None
        kind, own = kind_of(definition), self.annotations.own(name)
        if kind == "enum":
            members = zip(member_names(definition), definition["enum"], strict=True)
            return next((Expression(f"{own}.{name}") for name, other in members if _is(other, value)), None)
        if not is_map(value) or kind in ("namedtuple", "typeddict"):
            return None
        fields = {field.wire: field for field in fields_of(definition)}
        if not fields.keys() >= value.keys():
            return None
        items = self._all((fields[wire].schema, inner) for wire, inner in value.items())
        if items is None:
            return None
        names = [fields[wire].argument if kind == "attrs" else wire for wire in value]
        arguments = (f"{name}={item.text}" for name, item in zip(names, items, strict=True))
        return Expression(f"{own}({', '.join(arguments)})", Freshness.ANEW)

    # --- All others ----------------------------------------------------------------------------------------------

    def _of_schema(self, schema: Mapping[str, Any], value: Any) -> Expression | None:
        word = schema.get("x-python")
        if word == "object":
            return self._plain(value)
        if word in ("set", "frozenset", "tuple"):
            return self._of_container(schema, word, value) if is_list(value) else None
        if isinstance(word, str) and (word in _CALLS or word in _MOMENTS):
            return self._call(word, value)
        if word not in (None, "bytes", "float"):
            return None
        if schema.get("type") == "array" and is_list(value):
            items = self._all((schema.get("items"), item) for item in value)
            return None if items is None else Expression(f"[{_joined(items)}]", Freshness.ANEW)
        if schema.get("type") == "object" and is_map(value):
            return self._dict(schema, value)
        return self._plain(value) if _fits(schema, value) else None

    def _plain(self, value: Any) -> Expression | None:
        if isinstance(value, float):
            if math.isfinite(value):
                return Expression(repr(value))
            return Expression(f'{self.annotations.builtin("float")}("{value!r}")', Freshness.ONCE)
        text = plain_literal(value)
        return None if text is None else Expression(text)

    def _call(self, word: str, value: Any) -> Expression | None:
        """A value that has no literal: a call of its class; None where it is none of that class."""
        with contextlib.suppress(ValueError, TypeError, ArithmeticError):
            arguments = self._moment(word, value) if word in _MOMENTS else _CALLS[word](value)
            freshness = Freshness.ANEW if word == "bytearray" else Freshness.ONCE
            return Expression(f"{self.annotations.use(HOMES[word], word)}{arguments}", freshness)
        return None

    def _moment(self, word: str, value: Any) -> str:
        """The arguments of a date or time, which came as one or as ISO 8601, up to the last that is not zero."""
        cls, names, least = _MOMENTS[word]
        moment = value if isinstance(value, cls) else cls.fromisoformat(value)
        numbers = [str(getattr(moment, name)) for name in names]
        while len(numbers) > least and numbers[-1] == "0":
            numbers.pop()
        offset = moment.utcoffset() if hasattr(moment, "utcoffset") else None
        return f"({', '.join(numbers)}{'' if offset is None else f', tzinfo={self._zone(offset)}'})"

    def _zone(self, offset: datetime.timedelta) -> str:
        if not offset:
            return self.annotations.use("datetime", "UTC")
        length = f"{self.annotations.use('datetime', 'timedelta')}{_of_duration(offset)}"
        return f"{self.annotations.use('datetime', 'timezone')}({length})"

    def _of_container(self, schema: Mapping[str, Any], word: Any, values: list[Any]) -> Expression | None:
        row = items_of(schema) if word == "tuple" else None
        schemas = [schema.get("items")] * len(values) if row is None else row
        items = self._all(zip(schemas, values, strict=False)) if len(schemas) == len(values) else None
        if items is None:
            return None
        inner = _joined(items)
        if word == "tuple":
            comma = "," if len(items) == 1 else ""
            return Expression(f"({inner}{comma})", max((item.freshness for item in items), default=Freshness.CONSTANT))
        if word == "frozenset":
            members = f"{{{inner}}}" if items else ""
            return Expression(f"{self.annotations.builtin('frozenset')}({members})", Freshness.ONCE)
        return Expression(f"{{{inner}}}" if items else f"{self.annotations.builtin('set')}()", Freshness.ANEW)

    def _dict(self, schema: Mapping[str, Any], values: dict[Any, Any]) -> Expression | None:
        keys = self._all((schema.get("propertyNames", {"type": "string"}), key) for key in values)
        items = self._all((schema.get("additionalProperties"), value) for value in values.values())
        if keys is None or items is None:
            return None
        pairs = (f"{key.text}: {item.text}" for key, item in zip(keys, items, strict=True))
        return Expression(f"{{{', '.join(pairs)}}}", Freshness.ANEW)

    def _all(self, pairs: _Pairs) -> list[Expression] | None:
        """The expressions of several values, if all of them can be told."""
        found: list[Expression] = []
        for schema, value in pairs:
            expression = self.of(schema, value)
            if expression is None:
                return None
            found.append(expression)
        return found


_TIME = ("hour", "minute", "second", "microsecond")
_DATE = ("year", "month", "day")
_MOMENTS: dict[str, tuple[Any, tuple[str, ...], int]] = {
    "date": (datetime.date, _DATE, 3),
    "datetime": (datetime.datetime, (*_DATE, *_TIME), 3),
    "time": (datetime.time, _TIME, 2),
}
"""Dates and times: the class, its arguments, and how many of these are always written."""


def _joined(items: Iterable[Expression]) -> str:
    return ", ".join(item.text for item in items)


def _is(one: Any, other: Any) -> bool:
    """Whether two plain values are the same; True is not 1."""
    return type(one) is type(other) and one == other


_CLASSES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "string": (str,),
}


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    values, kind = schema.get("enum"), schema.get("type")
    if is_list(values):
        return any(_is(other, value) for other in values)
    if schema.get("x-python") == "bytes":
        return isinstance(value, bytes)
    return isinstance(kind, str) and type(value) in _CLASSES.get(kind, ())


# Each of these checks the value by the class that is called, so that importing the module cannot fail.


def _of_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return f"({literal(value)})"


def _of_address(cls: Callable[[str], Any]) -> Callable[[str], str]:
    return lambda value: f'("{cls(str(value))}")'


def _of_duration(value: Any) -> str:
    length = value if isinstance(value, datetime.timedelta) else msgspec.convert(value, datetime.timedelta)
    parts = (f"{name}={getattr(length, name)}" for name in ("days", "seconds", "microseconds") if getattr(length, name))
    return f"({', '.join(parts)})"


def _of_bytes(value: Any) -> str:
    if not isinstance(value, bytes):
        raise TypeError("not bytes")
    return f"({literal(value)})"


_CALLS: dict[str, Callable[[Any], str]] = {
    "bytearray": _of_bytes,
    "timedelta": _of_duration,
    "Decimal": lambda value: f'("{Decimal(value)}")',
    "UUID": lambda value: f'("{UUID(str(value))}")',
    **{name: _of_text for name, home in HOMES.items() if home == "pathlib"},
    **{name: _of_address(getattr(ipaddress, name)) for name, home in HOMES.items() if home == "ipaddress"},
}
