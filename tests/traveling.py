"""Every kind of value that travels: an annotation, an example, and Hypothesis' values for it.

The rows are what `docs/types.md` shows, and what the round trips go through.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
from hypothesis import strategies as st

import rpc

T = TypeVar("T")
UserId = NewType("UserId", int)
Headers = dict[str, str]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
ABOUT_TWO = timezone(timedelta(hours=2))


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


def not_negative(_account: object, _field: object, value: int) -> None:
    if value < 0:
        raise ValueError("balance must not be negative")


@attrs.define
class Account:
    owner: str
    balance: int = attrs.field(default=0, validator=not_negative)
    _audit: list[str] = attrs.field(init=False, factory=list)


@attrs.frozen(kw_only=True)
class Order:
    id: UUID
    account: Account
    color: Color | None = None
    prices: dict[str, Decimal] = attrs.field(factory=dict)
    placed: datetime | None = None


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


@dataclasses.dataclass
class Node:
    name: str
    inner: list[Node] = dataclasses.field(default_factory=list["Node"])
    next: Optional[Node] = None  # noqa: UP045 - the old form too


class Packet(msgspec.Struct):
    data: bytes
    hops: int = 0


class Circle(msgspec.Struct, tag="circle"):
    radius: float


class Square(msgspec.Struct, tag="square"):
    side: float


class Row(NamedTuple):
    name: str
    size: int = 0


class Options(TypedDict):
    verbose: bool
    depth: NotRequired[int]


@attrs.define
class Box(Generic[T]):
    content: T


@dataclasses.dataclass
class Page(Generic[T]):
    items: list[T]
    total: int | None = None


class Celsius:
    """A class of the application's that is registered."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and other.degrees == self.degrees

    def __hash__(self) -> int:
        return hash(self.degrees)

    def __float__(self) -> float:
        return self.degrees

    def __repr__(self) -> str:
        return f"Celsius({self.degrees})"


rpc.register_type(Celsius, to=float, from_=Celsius)


@attrs.frozen
class Kind:
    """One row of the table.

    Attributes:
        group: the heading under which it stands.
        name: the annotation, as it is written.
        annotation: itself.
        example: a value of it.
        values: Hypothesis' values of it.
    """

    group: str
    name: str
    annotation: Any
    example: Any
    values: st.SearchStrategy[Any]


_integers = st.integers(-(2**512), 2**512 - 1)
_words = st.text(max_size=8)
_floats = st.floats()
_zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_datetimes = st.datetimes(timezones=st.just(UTC) | _zones)
_decimals = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda value: bool(value) or not value.is_signed()
)
_accounts = st.builds(Account, _words, st.integers(0, 2**70))
_points = st.builds(Point, _floats, _floats)
_nodes = st.recursive(
    st.builds(Node, _words),
    lambda inner: st.builds(Node, _words, st.lists(inner, max_size=2), st.none() | inner),
    max_leaves=5,
)
_anything = st.recursive(
    st.none() | st.booleans() | _integers | _floats | _words | st.binary(max_size=8) | _datetimes | st.uuids(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words | st.integers(-9, 9), inner, max_size=3),
    max_leaves=5,
)
_paths = st.lists(st.sampled_from(["a", "ö", ".x", "b c"]), max_size=3).map(lambda parts: Path(*parts))


def _networks(addresses: Any, make: Any) -> st.SearchStrategy[Any]:
    return st.tuples(st.ip_addresses(v=addresses), st.integers(0, 32)).map(
        lambda pair: make(f"{pair[0]}/{pair[1]}", strict=False)
    )


def _interfaces(version: Any, make: Any) -> st.SearchStrategy[Any]:
    return st.tuples(st.ip_addresses(v=version), st.integers(0, 32)).map(lambda pair: make(f"{pair[0]}/{pair[1]}"))


PLAIN, TIMES, OTHERS, CONTAINERS, FIELDS, SPECIAL = (
    "Plain values",
    "Dates and times",
    "Numbers, names and addresses",
    "Containers",
    "Classes",
    "Unions and other annotations",
)

NOON = datetime(2026, 1, 2, 12, 30, tzinfo=ABOUT_TWO)

KINDS: list[Kind] = [
    Kind(PLAIN, "None", None, None, st.none()),
    Kind(PLAIN, "bool", bool, True, st.booleans()),
    Kind(PLAIN, "int", int, 5, _integers),
    Kind(PLAIN, "int", int, -(2**64) - 1, _integers),
    Kind(PLAIN, "float", float, 1.5, _floats),
    Kind(PLAIN, "str", str, "größer", _words),
    Kind(PLAIN, "bytes", bytes, b"\x00\xff", st.binary(max_size=20)),
    Kind(PLAIN, "bytearray", bytearray, bytearray(b"ab"), st.binary(max_size=20).map(bytearray)),
    Kind(PLAIN, "memoryview", memoryview, memoryview(b"ab"), st.binary(max_size=20).map(memoryview)),
    Kind(TIMES, "datetime", datetime, NOON, _datetimes),
    Kind(TIMES, "date", date, date(2026, 1, 2), st.dates()),
    Kind(TIMES, "time", time, time(12, 30, 0, 5), st.times()),
    Kind(TIMES, "time", time, time(12, 30, tzinfo=ABOUT_TWO), st.times(timezones=_zones)),
    Kind(TIMES, "timedelta", timedelta, timedelta(days=1, seconds=2, microseconds=3), st.timedeltas()),
    Kind(OTHERS, "Decimal", Decimal, Decimal("1.50"), _decimals),
    Kind(OTHERS, "UUID", UUID, UUID(int=5), st.uuids()),
    Kind(OTHERS, "Path", Path, Path("/run/calc.sock"), _paths),
    Kind(OTHERS, "PurePosixPath", PurePosixPath, PurePosixPath("a/b"), _paths.map(PurePosixPath)),
    Kind(OTHERS, "IPv4Address", IPv4Address, IPv4Address("10.0.0.1"), st.ip_addresses(v=4)),
    Kind(OTHERS, "IPv6Address", IPv6Address, IPv6Address("::1"), st.ip_addresses(v=6)),
    Kind(OTHERS, "IPv4Network", IPv4Network, IPv4Network("10.0.0.0/8"), _networks(4, IPv4Network)),
    Kind(OTHERS, "IPv6Network", IPv6Network, IPv6Network("fe80::/10"), _networks(6, IPv6Network)),
    Kind(OTHERS, "IPv4Interface", IPv4Interface, IPv4Interface("10.0.0.1/8"), _interfaces(4, IPv4Interface)),
    Kind(OTHERS, "IPv6Interface", IPv6Interface, IPv6Interface("::1/128"), _interfaces(6, IPv6Interface)),
    Kind(CONTAINERS, "list[int]", list[int], [1, 2], st.lists(_integers, max_size=5)),
    Kind(CONTAINERS, "Sequence[str]", Sequence[str], ["a"], st.lists(_words, max_size=5)),
    Kind(CONTAINERS, "tuple[int, str]", tuple[int, str], (1, "x"), st.tuples(_integers, _words)),
    Kind(CONTAINERS, "tuple[int, ...]", tuple[int, ...], (1, 2, 3), st.lists(_integers, max_size=5).map(tuple)),
    Kind(CONTAINERS, "set[int]", set[int], {1}, st.sets(st.integers(-(2**64), 2**64 - 1), max_size=5)),
    Kind(CONTAINERS, "frozenset[str]", frozenset[str], frozenset({"a"}), st.frozensets(_words, max_size=5)),
    Kind(CONTAINERS, "dict[str, float]", dict[str, float], {"a": 1.5}, st.dictionaries(_words, _floats, max_size=5)),
    Kind(CONTAINERS, "dict[int, bytes]", dict[int, bytes], {1: b"x"},
         st.dictionaries(st.integers(-(2**64), 2**64 - 1), st.binary(max_size=4), max_size=5)),
    Kind(CONTAINERS, "Mapping[Color, date]", Mapping[Color, date], {Color.RED: date(2026, 1, 2)},
         st.dictionaries(st.sampled_from(Color), st.dates())),
    Kind(CONTAINERS, "dict[str, list[tuple[Point, Decimal | None]]]", dict[str, list[tuple[Point, Decimal | None]]],
         {"a": [(Point(1.0), Decimal(2)), (Point(0.5), None)]},
         st.dictionaries(_words, st.lists(st.tuples(_points, st.none() | _decimals), max_size=2), max_size=2)),
    Kind(FIELDS, "Account (attrs)", Account, Account("ann", 5), _accounts),
    Kind(FIELDS, "Order (attrs, frozen, nested)", Order,
         Order(id=UUID(int=5), account=Account("ann"), color=Color.RED, prices={"pen": Decimal("1.50")}, placed=NOON),
         st.builds(Order, id=st.uuids(), account=_accounts, color=st.sampled_from([*Color, None]),
                   prices=st.dictionaries(_words, _decimals, max_size=2), placed=st.none() | _datetimes)),
    Kind(FIELDS, "Box[Point] (attrs, generic)", Box[Point], Box(Point(1.0)), st.builds(Box, _points)),
    Kind(FIELDS, "Point (dataclass)", Point, Point(1.0, 2.5), _points),
    Kind(FIELDS, "Node (dataclass that holds itself)", Node, Node("a", [Node("b")], Node("c")), _nodes),
    Kind(FIELDS, "Page[Path] (dataclass, generic)", Page[Path], Page([Path("a")], 1),
         st.builds(Page, st.lists(_paths, max_size=3), st.none() | st.integers())),
    Kind(FIELDS, "Packet (msgspec.Struct)", Packet, Packet(b"x", 3),
         st.builds(Packet, st.binary(max_size=5), st.integers(0, 9))),
    Kind(FIELDS, "Row (NamedTuple)", Row, Row("a", 1), st.builds(Row, _words, st.integers())),
    Kind(FIELDS, "Options (TypedDict)", Options, {"verbose": True, "depth": 3},
         st.fixed_dictionaries({"verbose": st.booleans()}, optional={"depth": st.integers()})),
    Kind(FIELDS, "Color (Enum)", Color, Color.RED, st.sampled_from(Color)),
    Kind(FIELDS, "Level (IntEnum)", Level, Level.HIGH, st.sampled_from(Level)),
    Kind(FIELDS, "Celsius (registered, to=float)", Celsius, Celsius(20.5),
         st.floats(allow_nan=False).map(Celsius)),
    Kind(SPECIAL, "int | None", int | None, None, st.none() | _integers),
    Kind(SPECIAL, "int | str | list[float]", int | str | list[float], "x",
         _integers | _words | st.lists(_floats, max_size=3)),
    Kind(SPECIAL, "Account | None", Account | None, Account("ann"), st.none() | _accounts),
    Kind(SPECIAL, "Circle | Square (Structs with tags)", Circle | Square, Square(2.0),
         st.builds(Circle, _floats) | st.builds(Square, _floats)),
    Kind(SPECIAL, "Literal['on', 1]", Literal["on", 1], "on", st.sampled_from(["on", 1])),
    Kind(SPECIAL, "UserId (NewType of int)", UserId, UserId(5), _integers),
    Kind(SPECIAL, "Headers (alias of dict[str, str])", Headers, {"a": "b"},
         st.dictionaries(_words, _words, max_size=3)),
    Kind(SPECIAL, "Annotated[int, msgspec.Meta(ge=0, le=100)]", Percent, 5, st.integers(0, 100)),
    Kind(SPECIAL, "Any, object", Any, [1, {"a": None}, NOON], _anything),
]  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same classes all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)  # -0.0 is not 0.0, and NaN is NaN
    if isinstance(one, (datetime, time)):
        return bool(one == other and one.utcoffset() == other.utcoffset())
    if isinstance(one, Decimal):
        return bool(one.as_tuple() == other.as_tuple())
    if isinstance(one, (list, tuple)):
        items, others = list(one), list(other)
        return len(items) == len(others) and all(map(same, items, others))
    if isinstance(one, dict):
        return same_members(one, other) and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, (set, frozenset)):
        return same_members(one, other)
    names = _names(type(one))
    if names:
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    return bool(one == other)


def same_members(one: Any, other: Any) -> bool:
    return {(type(key), key) for key in one} == {(type(key), key) for key in other}


def _names(cls: Any) -> list[str]:
    if attrs.has(cls):
        return [field.name for field in attrs.fields(cls)]
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls)]
    return list(getattr(cls, "__struct_fields__", ()))
