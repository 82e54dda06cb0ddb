from __future__ import annotations

import dataclasses
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.service.convert import Misfit, Writer
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.register import register_type
from rpc.wire.payload import decode, encode

T = TypeVar("T")
NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@attrs.frozen
class Item:
    name: str
    price: Decimal
    tags: frozenset[str] = frozenset()
    color: Color | None = None


@attrs.define
class Order:
    id: uuid.UUID
    items: list[Item]
    placed: datetime
    notes: dict[str, tuple[int, str]] = attrs.field(factory=dict)


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Row(NamedTuple):
    a: int
    b: str = "b"


class Options(TypedDict):
    verbose: bool
    depth: NotRequired[int]


class Packet(msgspec.Struct):
    data: bytes
    hops: int = 0


class Circle(msgspec.Struct, tag=True):
    radius: float


class Square(msgspec.Struct, tag=True):
    side: float


@attrs.define
class Box(Generic[T]):
    content: T


def check_balance(_account: object, _attribute: object, value: int) -> None:
    if value < 0:
        raise ValueError("balance must not be negative")
    if value > 10**6:
        raise RuntimeError("secret: the vault is full")


@attrs.define
class Account:
    owner: str
    balance: int = attrs.field(default=0, validator=check_balance)
    _audit: list[str] = attrs.field(init=False, factory=list)


@dataclasses.dataclass
class Area:
    side: int
    size: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        self.size = self.side**2


@attrs.define
class Late:
    ready: bool = attrs.field(init=False)


def read(annotation: Any, value: Any) -> Any:
    return MsgspecConverter().reader(annotation)(decode(encode(value)))


ROUND_TRIPS: list[tuple[Any, Any]] = [
    (int, 5),
    (int, -(2**70)),
    (float, 1.5),
    (bool, True),
    (str, "größer"),
    (bytes, b"\x00\xff"),
    (bytearray, bytearray(b"ab")),
    (memoryview, memoryview(b"ab")),
    (None, None),
    (int | None, None),
    (int | str | None, "x"),
    (float | list[int] | None, [1]),
    (Any, {"a": [1, None]}),
    (object, [1]),
    (list[object], [1, "x"]),
    (list[int], [1, 2]),
    (Sequence[str], ["a"]),
    (Mapping[str, int], {"a": 1}),
    (dict[int, str], {1: "a"}),
    (dict[Color, int], {Color.RED: 1}),
    (dict[bytes, int], {b"k": 1}),
    (tuple[int, str], (1, "x")),
    (tuple[int, ...], (1, 2, 3)),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (set[Literal["a", "b"]], {"a"}),
    (Color, Color.GREEN),
    (Level, Level.HIGH),
    (Literal["a", 1], "a"),
    (datetime, NOON),
    (datetime | None, NOON),
    (date, date(2026, 1, 2)),
    (time, time(12, 0, 0, 5)),
    (timedelta, timedelta(days=1, seconds=2, microseconds=3)),
    (Decimal, Decimal("1.50")),
    (uuid.UUID, uuid.UUID(int=5)),
    (Path, Path("/run/calc.sock")),
    (PurePosixPath, PurePosixPath("a/b")),
    (Path | None, Path("a")),
    (list[Path], [Path("a"), Path("b")]),
    (IPv4Address, IPv4Address("10.0.0.1")),
    (IPv6Address, IPv6Address("::1")),
    (IPv4Network, IPv4Network("10.0.0.0/8")),
    (IPv6Interface, IPv6Interface("::1/64")),
    (Item, Item("pen", Decimal("1.50"), frozenset({"blue"}), Color.RED)),
    (Order, Order(uuid.UUID(int=1), [Item("pen", Decimal(2))], NOON, {"a": (1, "x")})),
    (Point, Point(1.0, 2.5)),
    (dict[str, Point], {"a b": Point(1.0)}),
    (Row, Row(1, "x")),
    (Options, {"verbose": True, "depth": 3}),
    (Packet, Packet(b"x", 3)),
    (Circle | Square, Square(2.0)),
    (Box[int], Box(5)),
    (list[Box[Path]], [Box(Path("a"))]),
    (Account, Account("ann", 5)),
    (Area, Area(3)),
    (Annotated[int, msgspec.Meta(ge=1)], 1),
]


@pytest.mark.parametrize(("annotation", "value"), ROUND_TRIPS, ids=lambda value: str(value)[:40])
def test_a_value_arrives_as_what_the_annotation_says(annotation: Any, value: Any) -> None:
    arrived = read(annotation, value)
    assert arrived == value
    assert type(arrived) is type(value)


@given(
    st.builds(
        Order,
        st.uuids(),
        st.lists(
            st.builds(
                Item,
                st.text(max_size=5),
                st.decimals(allow_nan=False, allow_infinity=False, places=2).filter(lambda value: bool(value)),
                st.frozensets(st.text(max_size=3), max_size=3),
                st.sampled_from([*Color, None]),
            ),
            max_size=3,
        ),
        st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(minutes=-90))])),
        st.dictionaries(st.text(max_size=5), st.tuples(st.integers(-(2**70), 2**70), st.text(max_size=5)), max_size=3),
    )
)
def test_nested_objects_arrive_whole(order: Order) -> None:
    assert read(Order, order) == order


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        (float, 1, 1.0),
        (tuple[int, ...], [1], (1,)),
        (set[int], [1, 1], {1}),
        (list[int], {1}, [1]),
        (Row, [1], Row(1)),
        (Item, {"name": "pen", "price": "1.5", "new_field": 1}, Item("pen", Decimal("1.5"))),
        (datetime, "2026-01-02T12:00:00Z", datetime(2026, 1, 2, 12, tzinfo=UTC)),
        (date, "2026-01-02", date(2026, 1, 2)),
        (uuid.UUID, str(uuid.UUID(int=5)), uuid.UUID(int=5)),
        (Decimal, "1.5", Decimal("1.5")),
        (list[Decimal], [1, "2", 3.5], [Decimal(1), Decimal(2), Decimal("3.5")]),
    ],
)
def test_forms_that_leave_no_doubt_are_taken(annotation: Any, value: Any, result: Any) -> None:
    arrived = read(annotation, value)
    assert arrived == result
    assert type(arrived) is type(result)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, True),
        (int, 1.0),
        (int, "1"),
        (int, None),
        (float, True),
        (float, "1"),
        (bool, 1),
        (str, 1),
        (str, b"a"),
        (bytes, "aaaa"),
        (bytearray, "aaaa"),
        (memoryview, "aaaa"),
        (datetime, "2026-01-02T12:00:00"),
        (datetime, date(2026, 1, 2)),
        (date, NOON),
        (timedelta, 5),
        (Decimal, "NaN"),
        (Decimal, True),
        (Decimal, "1e999999999"),
        (Path, 5),
        (IPv4Address, "10.0.0.256"),
        (Color, "blue"),
        (Level, True),
        (Literal[1], True),
        (list[int], "ab"),
        (tuple[int, str], [1]),
        (tuple[int, str], [1, "a", 2]),
        (dict[str, int], {1: 1}),
        (dict[int, int], {"1": 1}),
        (Item, ["pen", Decimal(1)]),
        (Item, {"name": "pen"}),
        (Options, {}),
    ],
)
def test_what_does_not_fit_is_refused(annotation: Any, value: Any) -> None:
    with pytest.raises(Misfit):
        read(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Account, {"owner": "ann", "_audit": []}, "sets the field '_audit', which is init=False"),
        (list[Account | None], [None, {"owner": "ann", "_audit": 5}], "at [1] sets the field '_audit', which is"),
        (dict[str, Area], {"a": {"side": 1, "size": 9}}, "at ['a'] sets the field 'size', which is init=False"),
    ],
)
def test_fields_of_its_own_are_not_set_from_the_wire(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        read(annotation, value)
    assert str(caught.value).startswith(message)


def test_a_post_init_is_run() -> None:
    assert read(Area, {"side": 3}).size == 9


@pytest.mark.parametrize(
    ("balance", "message"),
    [
        (-1, "at [0] was refused by Account: balance must not be negative"),
        (10**7, "was refused by list with RuntimeError"),
    ],
)
def test_what_a_validator_raises_is_a_misfit(balance: int, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        read(list[Account], [{"owner": "ann", "balance": balance}])
    assert str(caught.value) == message


@pytest.mark.parametrize("late", [True, False])
def test_text_that_is_read_late_is_validated_too(late: bool) -> None:
    @attrs.define
    class Booking:
        at: datetime
        seats: int = attrs.field(validator=attrs.validators.gt(0))

    at = "2026-01-02T12:00:00Z" if late else NOON
    with pytest.raises(Misfit, match="was refused by Booking"):
        MsgspecConverter().reader(Booking)({"at": at, "seats": 0})


class Plain:
    pass


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Plain, "objects of class Plain cannot travel; use an attrs class, a dataclass or plain containers, or"),
        (list[Plain | None], "objects of class Plain cannot travel"),
        (Box[complex], "objects of class complex cannot travel"),
        (Callable[[], int], "objects of class Callable cannot travel"),
        (bytes | str, "more than one str-like type.*; use one class with optional fields, msgspec Structs with tags"),
        (set[int] | list[int], "more than one array-like"),
        (Item | Order, "more than one dataclass or attrs type"),
        (Path | str, "containing a custom type"),
        ("Item", "'Item'' is not supported"),
        (Late, "Late.ready is init=False, so it needs a default"),
        (set[uuid.UUID], "UUID cannot be a key of a map or a member of a set; use text, or a list"),
        (frozenset[tuple[int, int]], "tuple cannot be a key of a map or a member of a set"),
        (dict[date, int], "date cannot be a key of a map or a member of a set"),
        (dict[str | None, int], "str | None cannot be a key"),
    ],
)
def test_what_cannot_travel_is_refused_beforehand(annotation: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        MsgspecConverter().reader(annotation)


Unannotated = attrs.make_class("Unannotated", {"x": attrs.field(default=0)})


@attrs.define
class Derived:
    x: int
    y: int = attrs.field(default=attrs.Factory(lambda self: self.x, takes_self=True))


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Unannotated, "the field 'x' of a class has no annotation: give it one"),
        (list[Derived], r"a default that takes_self cannot be made here; use rpc\.CattrsConverter\(\)"),
    ],
)
def test_classes_that_msgspec_cannot_make_are_refused_beforehand(annotation: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        MsgspecConverter().reader(annotation)


class Seal:
    def __init__(self, number: int) -> None:
        self.number = number


register_type(Seal, to=lambda seal: seal.number, from_=Seal, wire=int)


def test_a_registered_class_is_made_of_what_it_travels_as() -> None:
    assert read(dict[str, Seal], {"a": Seal(5)})["a"].number == 5
    with pytest.raises(Misfit, match=r"at \['a'\] expected int, got str 'x'"):
        read(dict[str, Seal], {"a": "x"})


def test_every_class_travels_in_one_way() -> None:
    writer: Writer | None = MsgspecConverter().writer(Item)  # type: ignore[func-returns-value]
    assert writer is None


def test_converters_of_attrs_fields_are_not_run_again() -> None:
    @attrs.define
    class Secret:
        digest: str = attrs.field(converter=hash_of)

    assert read(Secret, Secret("x")) == Secret("x")
    assert MsgspecConverter().reader(Secret)({"digest": " x "}).digest == " x "


def hash_of(text: str) -> str:
    return f"<{text}>"


def test_names_that_cannot_be_resolved_are_refused_beforehand() -> None:
    @attrs.define
    class Broken:
        part: Missing  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]

    with pytest.raises(TypeError, match="name 'Missing' is not defined, in an annotation of a class"):
        MsgspecConverter().reader(Broken)
