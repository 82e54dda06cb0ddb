from __future__ import annotations

import enum
from collections import OrderedDict, namedtuple
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.limits import MAX_DEPTH
from rpc.wire.plain import LARGE, is_plain

Pair = namedtuple("Pair", "one two")


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    pass


@attrs.define
class Record:
    name: str


PLAIN: list[Any] = [
    None,
    True,
    5,
    1.5,
    "text",
    b"bytes",
    [],
    (),
    {},
    [1, 2, "three"],
    {"a": 1, b"b": 2, -3: 4},
    [{"id": 1, "values": [1.5, (2.5, [b"x"])]}, {"id": 2, "values": []}],
    {"a": {"b": {1: {}}}},
    2**64 - 1,
    -(2**63),
    "\u00fc\U0001f600",
]

NOT_PLAIN: list[Any] = [
    Decimal(1),
    date(2013, 3, 21),
    UUID(int=1),
    Record("x"),
    Colour.RED,
    Text("x"),
    Pair(1, 2),
    OrderedDict(a=1),
    {1, 2},
    frozenset({1}),
    bytearray(b"x"),
    memoryview(b"x"),
    1j,
    range(2),
    object(),
    cbor2.undefined,
    2**64,
    -(2**64) - 1,
    "\ud800",
    bytes(LARGE),
    {1.5: 1},
    {None: 1},
    {True: 1},
    {(1, 2): 1},
    {Colour.RED: 1},
    {"a": 1, 2.0: 1},
]


def wrapped(value: Any) -> list[Any]:
    """The value in each place where it could be overlooked."""
    return [
        value,
        [value],
        (1, value),
        {"key": value},
        {"key": 1, 2: value},
        [{"key": [value]}, 1.5],
        [1, [2, (3, {"key": {"key": value}})]],
        {"a": {"b": {"c": value, "d": [1, 2, 3]}}},
    ]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_builtin_values_are_plain(value: Any) -> None:
    for outer in wrapped(value):
        assert is_plain(outer)


@pytest.mark.parametrize("value", NOT_PLAIN, ids=lambda value: repr(value)[:20])
def test_all_others_are_not(value: Any) -> None:
    for outer in wrapped(value):
        assert not is_plain(outer)


def test_the_depth_is_limited() -> None:
    for innermost, own in (("x", 0), ([], 1), ({}, 1), ((), 1), ({"a": 1}, 1)):
        value: Any = innermost
        for _ in range(MAX_DEPTH - own):
            value = [value]
        assert is_plain(value)
        assert not is_plain([value])
        assert not is_plain({"key": value})


def test_very_deep_values_do_no_harm() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert not is_plain(value)


def test_values_inside_themselves_do_no_harm() -> None:
    items: list[Any] = []
    items += [items] * 10
    assert not is_plain(items)
    pairs: dict[str, Any] = {}
    pairs.update(one=pairs, two=[pairs, pairs])
    assert not is_plain(pairs)


def test_wide_values_are_looked_at_whole() -> None:
    wide: list[Any] = [[number, {"key": str(number)}] for number in range(70_000)]
    assert is_plain(wide)
    wide[-1][1]["key"] = Decimal(1)
    assert not is_plain(wide)


@given(
    st.recursive(
        st.sampled_from([1, "a", b"b", None, 1.5, Decimal(1), {1}]),
        lambda some: st.lists(some) | st.dictionaries(st.sampled_from(["a", 1, b"c"]), some),
        max_leaves=20,
    )
)
def test_a_plain_walk_agrees(value: Any) -> None:
    def walk(item: Any) -> bool:
        if type(item) is list:
            return all(map(walk, item))
        if type(item) is dict:
            return all(map(walk, item.values()))
        return type(item) in (int, str, bytes, float, type(None))

    assert is_plain(value) is walk(value)
