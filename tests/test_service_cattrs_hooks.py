from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict, TypeVar
from uuid import UUID

import attrs
import cattrs
import msgspec
import pytest

from rpc.service.cattrs_hooks import reader, strict_hooks, writer
from rpc.service.convert import Misfit
from rpc.wire.payload import EncodeError, decode, encode

T = TypeVar("T")
Amount = NewType("Amount", int)
Names = list[str]
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOOKS = strict_hooks()


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


def positive(_item: object, _field: object, value: int) -> None:
    if value > 10**6:
        raise RuntimeError("secret")
    if value < 0:
        raise ValueError("must not be negative")


def strip(text: str) -> str:
    return text.strip()


@attrs.define
class Item:
    name: str = attrs.field(converter=strip)
    price: int = attrs.field(default=0, validator=positive)
    _code: str = ""
    made: int = attrs.field(init=False, default=5)
    length: int = attrs.field(default=attrs.Factory(lambda self: len(self.name), takes_self=True))


@dataclasses.dataclass
class Tree:
    name: str
    inner: list[Tree] = dataclasses.field(default_factory=list["Tree"])
    next: Optional[Tree] = None  # noqa: UP045 - the old form is for a class, too


@attrs.define
class Box(Generic[T]):
    content: T


class Row(NamedTuple):
    a: int
    b: Item


class Options(TypedDict):
    verbose: bool
    color: NotRequired[Color]


class Packet(msgspec.Struct):
    data: bytes


ITEM = Item("pen", 5, "x")
ROUND_TRIPS: list[tuple[Any, Any]] = [
    (int, -(2**70)),
    (float, 1.5),
    (bool, True),
    (str, "ö"),
    (bytes, b"\x00"),
    (bytearray, bytearray(b"ab")),
    (None, None),
    (int | None, None),
    (Any, {"a": [1]}),
    (object, [1]),
    (list, [1, "a"]),
    (list[int], [1]),
    (Sequence[str], ["a"]),
    (Mapping[str, int], {"a": 1}),
    (dict, {"a": 1}),
    (dict[Color, Item], {Color.RED: ITEM}),
    (dict[Level, int], {Level.LOW: 1}),
    (tuple, (1, "a")),
    (tuple[()], ()),
    (tuple[int, str], (1, "a")),
    (tuple[Item, ...], (ITEM, ITEM)),
    (set[int], {1}),
    (frozenset[Color], frozenset({Color.RED})),
    (Color, Color.RED),
    (Level, Level.LOW),
    (Literal["a", 1], 1),
    (NOON.__class__, NOON),
    (date, date(2026, 1, 2)),
    (timedelta, timedelta(1, 2, 3)),
    (Decimal, Decimal("1.50")),
    (UUID, UUID(int=1)),
    (Path, Path("/run/x")),
    (IPv4Address, IPv4Address("10.0.0.1")),
    (Item, ITEM),
    (Tree, Tree("a", [Tree("b", [Tree("c")])], Tree("d"))),
    (Box[int], Box(5)),
    (Box[list[Item]], Box([ITEM])),
    (Row, Row(1, ITEM)),
    (Options, {"verbose": True, "color": Color.RED}),
    (Options, {"verbose": True}),
    (list[Packet], [Packet(b"x")]),
    (Amount, 5),
    (Names, ["a"]),
    (Annotated[int, msgspec.Meta(ge=1)], 1),
    (dict[str, Box[Path] | None], {"a": None, "b": Box(Path("c"))}),
]


def travel(annotation: Any, value: Any) -> Any:
    write = writer(HOOKS, annotation)
    return reader(HOOKS, annotation)(decode(encode(value if write is None else write(value))))


@pytest.mark.parametrize(("annotation", "value"), ROUND_TRIPS, ids=lambda value: str(value)[:40])
def test_a_value_arrives_as_what_the_annotation_says(annotation: Any, value: Any) -> None:
    arrived = travel(annotation, value)
    assert arrived == value
    assert type(arrived) is type(value)


@pytest.mark.parametrize("annotation", [int, str, bytes, datetime, Decimal, Color, Packet, object, Literal["a"]])
def test_what_travels_as_it_is_has_no_writer(annotation: Any) -> None:
    if annotation in (object,):
        assert travel(annotation, [1]) == [1]
    else:
        assert writer(HOOKS, annotation) is None


def test_constructors_are_run() -> None:
    item = reader(HOOKS, Item)({"name": " pen ", "made": 9, "unknown": 1})
    assert item == Item("pen")
    assert (item.made, item.length) == (5, 3)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, True, "expected int, got bool True"),
        (int, "1", "expected int, got str '1'"),
        (str, 1, "expected str, got int 1"),
        (bytes, "aaaa", "expected bytes, got str 'aaaa'"),
        (Level, True, "expected one of 1, got bool True"),
        (datetime, "2026-01-02T12:00:00", "expected datetime with a time zone, got"),
        (list[int], "ab", "expected list, got str 'ab'"),
        (list[str], {"a": 1}, "expected list, got dict {'a': 1}"),
        (set[int], [1, "x"], "at [1] expected int, got str 'x'"),
        (tuple[int, str], [1], "expected tuple of 2 items, got 1"),
        (tuple[int, str], {1}, "expected tuple, got set {1}"),
        (tuple[int, str], [1, 2], "at [1] expected str, got int 2"),
        (dict[str, int], [], "expected dict, got list []"),
        (dict[str, int], {"a b": "x"}, "at ['a b'] expected int, got str 'x'"),
        (dict[int, int], {"a": 1}, "has a key that does not fit: expected int, got str 'a'"),
        (Item, [], "expected Item, got list []"),
        (Item, {}, "lacks the field 'name' of Item"),
        (Item, {"name": "a", "price": -1}, "was refused by Item: must not be negative"),
        (list[Item], [{"name": "a", "price": 10**7}], "at [0] was refused by Item with RuntimeError"),
        (
            Tree,
            {"name": "a", "inner": [{"name": "b", "inner": [{"name": 1}]}]},
            "at .inner[0].inner[0].name expected str",
        ),
        (Tree, {"name": "a", "next": {"name": "b", "next": 5}}, "at .next.next expected Tree"),
        (Row, {"a": 1}, "expected Row, got dict"),
        (Row, [1, {"name": 5}], "at [1].name expected str, got int 5"),
        (Options, {}, "lacks the field 'verbose' of Options"),
        (Options, {"verbose": 1}, "at .verbose expected bool, got int 1"),
        (Annotated[int, msgspec.Meta(ge=1)], 0, "expected int >= 1, got int 0"),
        (Box[int], {"content": "x"}, "at .content expected int, got str 'x'"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        reader(HOOKS, annotation)(value)
    assert str(caught.value).startswith(message)


def test_a_place_is_cut() -> None:
    with pytest.raises(Misfit) as caught:
        reader(HOOKS, dict[str, dict[str, dict[str, dict[str, int]]]])(
            {"k" * 99: {"k" * 99: {"k" * 99: {"k" * 99: ""}}}}
        )
    assert len(caught.value.path) == 200


class Plain:
    pass


@pytest.mark.parametrize(
    ("annotation", "message"),
    [(Plain, "objects of class Plain cannot travel"), (list[Plain], "Plain cannot travel"), (Box[complex], "complex")],
)
def test_what_cannot_travel_is_refused_beforehand(annotation: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        reader(HOOKS, annotation)


def test_what_cattrs_has_no_hook_for_is_refused_beforehand() -> None:
    with pytest.raises(TypeError, match=r"Unsupported type: .*; register a hook, or annotate it with Any"):
        reader(cattrs.Converter(), Plain)


def test_a_value_of_another_class_is_refused_at_its_sender() -> None:
    write = writer(HOOKS, Item)
    assert write is not None
    with pytest.raises(EncodeError, match="object of class Tree cannot be sent as Item: AttributeError"):
        write(Tree("a"))


async def test_who_forgot_to_await_is_asked() -> None:
    async def make() -> Item:
        return Item("bread")  # pragma: no cover

    write = writer(HOOKS, Item)
    assert write is not None
    forgotten = make()
    with pytest.raises(EncodeError, match=r"object of class coroutine cannot be sent as Item: is an await missing\?"):
        write(forgotten)
    forgotten.close()


def test_a_hook_that_refuses_to_send_is_heard() -> None:
    def refuse(value: Plain) -> Any:
        raise EncodeError("is not for sale", ".inside")

    hooks = strict_hooks()
    hooks.register_unstructure_hook(Plain, refuse)
    write = writer(hooks, Plain)
    assert write is not None
    with pytest.raises(EncodeError, match=r"^inside: is not for sale$"):
        write(Plain())
