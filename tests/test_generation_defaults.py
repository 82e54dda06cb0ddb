from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from rpc.generation.annotations import Annotations
from rpc.generation.defaults import Defaults, Freshness
from rpc.generation.imports import Imports

INT, TEXT, FLOAT = {"type": "integer"}, {"type": "string"}, {"type": "number", "x-python": "float"}
CONSTANT, ONCE, ANEW = Freshness
DEFINITIONS: dict[str, Any] = {
    "Level": {"x-kind": "enum", "enum": [True, 1, "a"], "x-names": ["YES", "ONE", "A"]},
    "Item": {
        "x-kind": "attrs",
        "properties": {"name": TEXT, "_count": INT, "level": {"$ref": "#/$defs/Level"}},
        "required": ["name"],
    },
    "Record": {"x-kind": "dataclass", "properties": {"_a": INT}},
    "Options": {"x-kind": "typeddict", "properties": {"a": INT}},
    "Broken": 5,
}


def told(schema: Any, value: Any) -> tuple[str, Freshness] | None:
    scope = Annotations(Imports([]), {name: f"{name}_" for name in DEFINITIONS})
    found = Defaults(scope, DEFINITIONS).of(schema, value)
    return None if found is None else (found.text, found.freshness)


def of(word: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "x-python": word, **more}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


@pytest.mark.parametrize(
    ("schema", "value", "text", "freshness"),
    [
        (INT, 5, "5", CONSTANT),
        (TEXT, "a", '"a"', CONSTANT),
        (of("bytes"), b"a", 'b"a"', CONSTANT),
        (FLOAT, 1, "1", CONSTANT),
        (FLOAT, -0.0, "-0.0", CONSTANT),
        (FLOAT, math.inf, 'float("inf")', ONCE),
        (FLOAT, math.nan, 'float("nan")', ONCE),
        ({"type": "null"}, None, "None", CONSTANT),
        ({"type": "boolean"}, True, "True", CONSTANT),
        ({"anyOf": [INT, {"type": "null"}]}, None, "None", CONSTANT),
        ({"enum": ["a", 1]}, 1, "1", CONSTANT),
        ({"x-python": "object"}, "a", '"a"', CONSTANT),
        (of("bytearray"), b"a", 'bytearray(b"a")', ANEW),
        (of("Decimal"), Decimal("1.50"), 'Decimal("1.50")', ONCE),
        (of("UUID"), UUID(int=1), 'UUID("00000000-0000-0000-0000-000000000001")', ONCE),
        (of("Path"), "/a\n", 'Path("/a\\n")', ONCE),
        (of("IPv4Address"), "127.0.0.1", 'IPv4Address("127.0.0.1")', ONCE),
        (of("IPv6Network"), "fd00::/8", 'IPv6Network("fd00::/8")', ONCE),
        (of("date"), date(2026, 1, 2), "date(2026, 1, 2)", ONCE),
        (of("datetime"), datetime(2026, 1, 2, tzinfo=UTC), "datetime(2026, 1, 2, tzinfo=UTC)", ONCE),
        (of("datetime"), datetime(2026, 1, 2, 3, 0, 4, tzinfo=UTC), "datetime(2026, 1, 2, 3, 0, 4, tzinfo=UTC)", ONCE),
        (
            of("datetime"),
            datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
            "datetime(2026, 1, 2, tzinfo=timezone(timedelta(seconds=3600)))",
            ONCE,
        ),
        (of("time"), "08:30:00", "time(8, 30)", ONCE),
        (of("time"), time(0, 0, 0, 5), "time(0, 0, 0, 5)", ONCE),
        (of("timedelta"), "P1DT30S", "timedelta(days=1, seconds=30)", ONCE),
        (of("timedelta"), "PT0S", "timedelta()", ONCE),
        ({"type": "array", "items": INT}, [], "[]", ANEW),
        ({"type": "array", "items": INT}, [1, 2], "[1, 2]", ANEW),
        ({"type": "array", "items": INT, "x-python": "set"}, [], "set()", ANEW),
        ({"type": "array", "items": INT, "x-python": "set"}, [1], "{1}", ANEW),
        ({"type": "array", "items": INT, "x-python": "frozenset"}, [], "frozenset()", ONCE),
        ({"type": "array", "items": INT, "x-python": "frozenset"}, [1, 2], "frozenset({1, 2})", ONCE),
        ({"type": "array", "items": INT, "x-python": "tuple"}, [1], "(1,)", CONSTANT),
        ({"type": "array", "items": INT, "x-python": "tuple"}, [], "()", CONSTANT),
        ({"type": "array", "prefixItems": [INT, of("Path")], "x-python": "tuple"}, [1, "a"], '(1, Path("a"))', ONCE),
        ({"type": "object", "additionalProperties": INT}, {"a": 1}, '{"a": 1}', ANEW),
        ({"type": "object", "propertyNames": INT, "additionalProperties": INT}, {1: 2}, "{1: 2}", ANEW),
        (reference("Level"), 1, "Level_.ONE", CONSTANT),
        (reference("Level"), True, "Level_.YES", CONSTANT),
        (reference("Item"), {"name": "a", "_count": 2, "level": "a"}, 'Item_(name="a", count=2, level=Level_.A)', ANEW),
        (reference("Record"), {"_a": 2}, "Record_(_a=2)", ANEW),
        ({"anyOf": [reference("Level"), INT]}, 7, "7", CONSTANT),
    ],
)
def test_what_can_be_told(schema: Any, value: Any, text: str, freshness: Freshness) -> None:
    assert told(schema, value) == (text, freshness)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INT, "a"),
        (INT, True),
        (TEXT, 5),
        (TEXT, b"a"),
        (of("bytes"), "a"),
        ({"enum": ["a"]}, "b"),
        (FLOAT, "1"),
        (None, 1),
        ({}, 1),
        ({"type": ["integer"]}, 1),
        ({"x-python": "object"}, [1]),
        ({"x-python": "new"}, 1),
        ({"type": "integer", "x-python": ["new"]}, 1),
        (of("Decimal"), "x"),
        (of("UUID"), "x"),
        (of("Path"), 5),
        (of("IPv4Address"), "x"),
        (of("date"), "x"),
        (of("date"), 5),
        (of("time"), 5),
        (of("timedelta"), "x"),
        (of("bytearray"), "x"),
        (of("memoryview"), b"x"),
        ({"type": "array", "items": INT}, {"a": 1}),
        ({"type": "array", "items": INT}, ["a"]),
        ({"type": "array", "items": INT, "x-python": "set"}, 5),
        ({"type": "array", "items": INT, "x-python": "set"}, ["a"]),
        ({"type": "array", "prefixItems": [INT], "x-python": "tuple"}, [1, 2]),
        ({"type": "object", "additionalProperties": INT}, [1]),
        ({"type": "object", "additionalProperties": INT}, {1: 1}),
        ({"type": "object", "additionalProperties": INT}, {"a": "b"}),
        (reference("Level"), "b"),
        (reference("Item"), {"name": 5}),
        (reference("Item"), {"other": "a"}),
        (reference("Item"), 5),
        (reference("Options"), {"a": 1}),
        (reference("Broken"), 5),
        (reference("Nobody"), 5),
    ],
)
def test_what_cannot(schema: Any, value: Any) -> None:
    assert told(schema, value) is None
