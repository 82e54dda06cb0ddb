from __future__ import annotations

import dataclasses
import enum
import ipaddress
from collections import Counter, OrderedDict, UserDict, UserString, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

import attrs
import cbor2
import msgspec
import pytest

from rpc.limits import MAX_DEPTH
from rpc.wire.plain import LARGE
from rpc.wire.values import PLACE, EncodeError, lower, register


class Colour(enum.Enum):
    RED = "red"
    DEEP = (1, "x")


class Level(enum.IntEnum):
    LOW = 1


class Mode(enum.StrEnum):
    FAST = "fast"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


@attrs.define
class Owner:
    name: Any
    _secret: int = 7
    size: int = attrs.field(init=False, default=0)


@dataclasses.dataclass
class Point:
    x: Any
    y: int = 0
    sum: int = dataclasses.field(init=False, default=0)


@dataclasses.dataclass(slots=True)
class Slotted:
    x: Any


@attrs.define
class Partial:
    given: int
    late: int = attrs.field(init=True)


class Item(msgspec.Struct, rename="camel"):
    item_name: Any
    unset: int | msgspec.UnsetType = msgspec.UNSET


class Shape(msgspec.Struct, tag=True):
    side: int


class Row(msgspec.Struct, array_like=True):
    one: int
    two: Any


class TaggedRow(msgspec.Struct, array_like=True, tag="row"):
    one: int


class Pair(NamedTuple):
    one: int
    two: Any


class Options(TypedDict):
    verbose: bool


class Moment(datetime):
    pass


class Wait(timedelta):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Text(str):
    pass


class Blob(bytes):
    pass


class Numbers:
    def tolist(self) -> list[int]:
        return [1]


def tag(number: int, value: object) -> cbor2.CBORTag:
    return cbor2.CBORTag(number, value)


LOWERED: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (5, 5),
    (2**512 - 1, 2**512 - 1),
    (-(2**512), -(2**512)),
    (1.5, 1.5),
    ("\u00fc", "\u00fc"),
    (b"x", b"x"),
    (bytearray(b"x"), bytearray(b"x")),
    (memoryview(b"abcd")[1:3], b"bc"),
    (memoryview(b"abcd").cast("c"), b"abcd"),
    (Number(5), 5),
    (Real(1.5), 1.5),
    (Text("x"), "x"),
    (Blob(b"x"), b"x"),
    ([1, (2, [])], [1, [2, []]]),
    ({"a": {1: b"x"}, b"b": ()}, {"a": {1: b"x"}, b"b": []}),
    (deque([1]), [1]),
    (range(3), [0, 1, 2]),
    (OrderedDict(a=1), {"a": 1}),
    (defaultdict(int, a=1), {"a": 1}),
    (Counter("aab"), {"a": 2, "b": 1}),
    (UserDict(a=1), {"a": 1}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    ({1}, tag(258, [1])),
    (frozenset({"a"}), tag(258, ["a"])),
    ({Mode.FAST}, tag(258, ["fast"])),
    (datetime(2013, 3, 21, 20, 4, tzinfo=UTC), tag(0, "2013-03-21T20:04:00Z")),
    (Moment(2013, 3, 21, 20, 4, tzinfo=UTC), tag(0, "2013-03-21T20:04:00+00:00")),
    (datetime(2013, 3, 21, 20, 4, 0, 5, timezone(timedelta(hours=-3))), tag(0, "2013-03-21T20:04:00.000005-03:00")),
    (date(2013, 3, 21), tag(1004, "2013-03-21")),
    (time(20, 4), "20:04:00"),
    (time(20, 4, 0, 5, UTC), "20:04:00.000005+00:00"),
    (timedelta(days=1, seconds=2.5), "P1DT2.5S"),
    (Wait(seconds=-1), "-PT1S"),
    (Decimal("1.50"), tag(4, [-2, 150])),
    (UUID(int=5), tag(37, bytes(15) + b"\x05")),
    (Path("/tmp/x"), "/tmp/x"),
    (PurePosixPath("x"), "x"),
    (ipaddress.ip_address("127.0.0.1"), "127.0.0.1"),
    (ipaddress.ip_address("::1"), "::1"),
    (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
    (ipaddress.ip_network("fe80::/10"), "fe80::/10"),
    (ipaddress.ip_interface("10.0.0.1/8"), "10.0.0.1/8"),
    (Colour.RED, "red"),
    (Colour.DEEP, [1, "x"]),
    (Level.LOW, 1),
    (Mode.FAST, "fast"),
    (Rights.READ | Rights.WRITE, 3),
    ({Level.LOW: 1, Mode.FAST: 2, Colour.RED: 3}, {1: 1, "fast": 2, "red": 3}),
    (Owner("x"), {"name": "x", "_secret": 7}),
    (Point(Point(1)), {"x": {"x": 1, "y": 0}, "y": 0}),
    (Slotted(None), {"x": None}),
    (Item("x"), {"itemName": "x"}),
    (Item(1, 2), {"itemName": 1, "unset": 2}),
    (Shape(2), {"type": "Shape", "side": 2}),
    (Row(1, {2}), [1, tag(258, [2])]),
    (TaggedRow(1), ["row", 1]),
    (Pair(1, Colour.RED), [1, "red"]),
    (Options(verbose=True), {"verbose": True}),
]

REFUSED: list[tuple[Any, str]] = [
    (2**512, "more than 64 bytes"),
    ("\ud800", "lone surrogates"),
    (Path("\udcff"), "lone surrogates"),
    (memoryview(b"abcdef")[::2], "no run of bytes"),
    (memoryview(bytes(16)).cast("d"), "no run of bytes"),
    (datetime(2013, 3, 21), "without a time zone"),
    (Decimal("NaN"), "NaN"),
    (Decimal("-0"), "-0"),
    (Decimal("1E+9999"), "exponent"),
    ({1.5: 1}, "1.5 cannot be a map key; only text, bytes and integers of 64 bits can"),
    ({None: 1}, "None cannot be a map key"),
    ({True: 1}, "True cannot be a map key"),
    ({(1, 2): 1}, "object of class tuple cannot be a map key"),
    ({2**64: 1}, "object of class int cannot be a map key"),
    ({Colour.DEEP: 1}, "object of class tuple cannot be a map key"),
    ({"\ud800": 1}, "lone surrogates"),
    ({"red": 1, Colour.RED: 2}, "the same when it travels"),
    ({1.5}, "1.5 cannot be a member of a set"),
    ({UUID(int=1)}, "object of class UUID cannot be a member of a set"),
    ({"red", Colour.RED}, "the same when they travel"),
    (Fraction(1, 2), "object of class Fraction cannot travel; send plain data"),
    (1j, "object of class complex cannot travel"),
    (object(), "make its class an attrs class, a dataclass or a Struct, or use rpc.register_type"),
    (Owner, "object of class type cannot travel"),
    (ValueError("x"), "object of class ValueError cannot travel"),
    (len, "cannot travel"),
    ((number for number in range(1)), "object of class generator cannot travel; send list\\(value\\)"),
    ({}.keys(), "send list\\(value\\)"),
    (UserString("x"), "cannot travel"),
    (Numbers(), "send value.tolist\\(\\)"),
    (cbor2.undefined, "cannot travel"),
    (cbor2.CBORTag(30, [1, 2]), "cannot travel"),
    (cbor2.CBORSimpleValue(5), "cannot travel"),
    (msgspec.UNSET, "cannot travel"),
]


def plain(value: Any) -> Any:
    return lower(value, 0, [])


@pytest.mark.parametrize(("value", "lowered"), LOWERED, ids=lambda value: repr(value)[:20])
def test_classes_that_travel(value: Any, lowered: Any) -> None:
    assert plain(value) == lowered
    assert plain([{"key": value}]) == [{"key": lowered}]
    assert cbor2.dumps(plain(value)) == cbor2.dumps(lowered)


@pytest.mark.parametrize(("value", "reason"), REFUSED, ids=lambda value: repr(value)[:20])
def test_what_cannot_travel(value: Any, reason: str) -> None:
    with pytest.raises(EncodeError, match=reason) as caught:
        plain([0, {"items": (value,)}])
    assert str(caught.value).startswith("[1].items[0]")
    with pytest.raises(EncodeError, match=reason):
        plain(value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "the value: "),
        ([1, object()], "[1]: "),
        ({"key": object()}, "key: "),
        ({"two words": object()}, "['two words']: "),
        ({5: object()}, "[5]: "),
        ({b"x": object()}, "[b'x']: "),
        ({1.5: 1}, "[1.5]: "),
        ({"k" * 99 + " ": object()}, f"['{'k' * 60}...]: "),
        (Owner([Point(object())]), "name[0].x: "),
        (Slotted(Item(Row(1, Pair(2, object())))), "x.item_name[1][1]: "),
        ([Owner({"a": {1.5}})], "[0].name.a: "),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_path_leads_to_it(value: Any, path: str) -> None:
    with pytest.raises(EncodeError) as caught:
        plain(value)
    assert str(caught.value) == f"{path}{caught.value.reason}"


def test_an_attribute_that_was_never_set() -> None:
    value = Partial.__new__(Partial)
    value.given = 1
    with pytest.raises(EncodeError, match=r"^\[0\]\.late: this attribute was never set$"):
        plain([value])


def test_errors_of_the_values_themselves_pass() -> None:
    class Broken(UserDict[str, int]):
        def items(self) -> Any:
            raise AttributeError("mine")

    with pytest.raises(AttributeError, match="mine"):
        plain([Owner(Broken())])


@pytest.mark.parametrize(
    ("value", "levels"),
    [
        (1, 0),
        (2**64, 1),
        ([], 1),
        ({}, 1),
        ({1}, 2),
        (datetime(2013, 3, 21, tzinfo=UTC), 1),
        (Decimal("1.5"), 3),
        (Slotted(1), 1),
        (Shape(1), 1),
        (TaggedRow(1), 1),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_levels_are_counted(value: Any, levels: int) -> None:
    for _ in range(MAX_DEPTH - levels):
        value = [value]
    assert plain(value)
    with pytest.raises(EncodeError, match="nested deeper than 64 levels, or inside itself"):
        plain([value])


def test_a_value_inside_itself_is_refused() -> None:
    value = Owner(None)
    value.name = [value, value]
    with pytest.raises(EncodeError, match="inside itself"):
        plain(value)


def test_large_byte_strings_are_set_aside() -> None:
    large, view = bytes(LARGE), memoryview(bytearray(LARGE)).cast("c")
    aside: list[Any] = []
    lowered = lower([large, {"key": bytearray(large), "small": bytes(LARGE - 1)}, Slotted(view)], 0, aside)
    assert lowered == [PLACE, {"key": PLACE, "small": bytes(LARGE - 1)}, {"x": PLACE}]
    assert aside == [large, large, large]
    assert aside[0] is large
    assert [type(buffer) for buffer in aside] == [bytes, bytearray, memoryview]
    assert aside[2].obj is view.obj
    assert aside[2].format == "B"


class Seal:
    def __init__(self, number: int) -> None:
        self.number = number


class Stamp(Seal):
    pass


@attrs.define(slots=False)
class Label(Seal):
    text: str = ""


class Ticket(msgspec.Struct):
    number: int


class Word(str):
    __slots__ = ()


def number_of(seal: Seal) -> list[int]:
    if seal.number < 0:
        raise ValueError("broken")
    return [seal.number]


def test_a_registered_class_travels_as_what_is_made_of_it() -> None:
    with pytest.raises(EncodeError, match="object of class Seal cannot travel"):
        plain(Seal(1))
    register(Seal, number_of)
    register(Word, lambda word: word)
    assert plain({"a": [Seal(1), Stamp(2)]}) == {"a": [[1], [2]]}
    assert plain([Label("x"), Ticket(3)]) == [{"text": "x"}, {"number": 3}]  # these have their own way
    with pytest.raises(
        EncodeError, match=r"a\[0\]: object of class Seal: what it is registered with raised ValueError"
    ):
        plain({"a": [Seal(-1)]})
    with pytest.raises(EncodeError, match="'x' is registered to travel as another of its class"):
        plain(Word("x"))
