from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs
import pytest

import rpc
from rpc.service.convert import Misfit
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.register import register_type
from rpc.service.registry import registration
from rpc.wire.payload import decode, encode

T = TypeVar("T")


class Money:
    """A class that knows nothing of calls."""

    def __init__(self, cents: int, currency: str) -> None:
        self.cents = cents
        self.currency = currency

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and str(other) == str(self)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{self.cents} {self.currency}"

    @classmethod
    def parse(cls, text: str) -> Money:
        cents, currency = text.split(" ")
        if currency == "XXX":
            raise LookupError("secret")
        return cls(int(cents), currency)


class Tip(Money):
    pass


@attrs.define
class Reward(Money):
    cents: int
    currency: str
    reason: str = ""


class Wave(complex):
    """Not `complex` itself: a registration is for the whole process, and with it for all tests."""


class Fruit(str):
    __slots__ = ()


class Crate(Generic[T]):
    def __init__(self, *contents: T) -> None:
        self.contents = contents

    def as_row(self) -> list[int]:
        return [value for value in self.contents if isinstance(value, int)]


class Unlucky:
    pass


class Itself:
    pass


def give_up(value: Unlucky) -> str:
    raise RuntimeError("no luck")


@attrs.define
class Bill:
    total: Money
    parts: list[Money | None] = attrs.field(factory=list)
    by_name: dict[str, Money] = attrs.field(factory=dict)


register_type(Money, to=str, from_=Money.parse)
register_type(Wave, to=lambda wave: (wave.real, wave.imag), from_=lambda wave: Wave(*wave), wire=tuple[float, float])
register_type(Fruit, str.upper, Fruit)
register_type(Crate, Crate.as_row, lambda row: Crate(*row))
register_type(Unlucky, give_up, lambda text: Unlucky())
register_type(Itself, lambda value: Itself(), lambda value: Itself())


def read(annotation: Any, value: Any) -> Any:
    return MsgspecConverter().reader(annotation)(decode(encode(value)))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Money, Money(5, "EUR")),
        (Money | None, None),
        (Wave, Wave(1, 2)),
        (list[Wave], [Wave(1, 0), Wave(0, 2)]),
        (Fruit, Fruit("PEAR")),
        (Bill, Bill(Money(5, "EUR"), [None, Money(1, "EUR")], {"a": Money(2, "EUR")})),
    ],
    ids=str,
)
def test_a_registered_class_travels(annotation: Any, value: Any) -> None:
    arrived = read(annotation, value)
    assert arrived == value
    assert type(arrived) is type(value)


def test_it_travels_as_what_it_was_registered_with() -> None:
    assert decode(encode([Money(5, "EUR"), Wave(0, 2), Fruit("pear")])) == ["5 EUR", [0.0, 2.0], "PEAR"]


def test_a_generic_class_travels() -> None:
    assert read(Crate[int], Crate(1, 2)).contents == (1, 2)


def test_a_value_of_a_subclass_travels_as_one_of_the_class() -> None:
    assert read(Money, Tip(5, "EUR")) == Money(5, "EUR")
    with pytest.raises(TypeError, match=r"objects of class Tip cannot travel; .*rpc\.register_type"):
        MsgspecConverter().reader(Tip)


def test_a_subclass_with_fields_goes_its_own_way() -> None:
    assert read(Reward, Reward(5, "EUR", "found it")) == Reward(5, "EUR", "found it")


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Money, "5", "was refused by Money: not enough values to unpack (expected 2, got 1)"),
        (Money, 5, "expected str, got int 5"),
        (Wave, [1.0, "x"], "at [1] expected float, got str 'x'"),
        (
            Bill,
            {"total": "5 EUR", "parts": ["1 EUR", "five EUR"]},
            "at .parts[1] was refused by Money: invalid literal",
        ),
        (
            Bill,
            {"total": "5 EUR", "by_name": {"a": "1 EUR", "b": "1 XXX"}},
            "at .by_name['b'] was refused by Money with",
        ),
        (list[Wave], [[1.0, 2.0], [1.0, None]], "at [1][1] expected float, got None"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        read(annotation, value)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"a": [Unlucky()]}, ".a[0]", "object of class Unlucky: what it is registered with raised RuntimeError"),
        ([Itself()], "[0]", "object of class Itself is registered to travel as another of its class"),
    ],
)
def test_what_cannot_be_sent_is_told_with_its_place(value: Any, path: str, message: str) -> None:
    with pytest.raises(rpc.EncodeError) as caught:
        encode(value)
    assert caught.value.path == path
    assert caught.value.reason.startswith(message)


@pytest.mark.parametrize("cls", [int, str, list, datetime, Path, Bill, object, type(None)])
def test_what_travels_by_itself_is_not_registered(cls: Any) -> None:
    with pytest.raises(TypeError, match="travels without being registered"):
        register_type(cls, to=str, from_=str)


def test_a_class_is_registered_once() -> None:
    with pytest.raises(ValueError, match="Money is registered already"):
        register_type(Money, to=str, from_=Money.parse)


def test_only_classes_are_registered() -> None:
    anything: Any = list[int]
    with pytest.raises(TypeError, match="is no class"):
        register_type(anything, to=str, from_=str)


def test_what_it_travels_as_must_travel() -> None:
    def split(value: range) -> Iterator[int]:
        return iter(value)

    with pytest.raises(TypeError, match=r"range: what it travels as: .*; say what it is with wire="):
        register_type(range, to=split, from_=lambda items: range(*items))
    assert registration(range) is None


def test_what_it_travels_as_is_inferred() -> None:
    def unreadable(value: object) -> Missing:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
        return value

    class Other:
        pass

    found = registration(Crate[int])
    assert found is not None
    assert (found.cls, found.wire) == (Crate, list[int])
    register_type(Other, to=unreadable, from_=lambda value: Other())
    found = registration(Other)
    assert found is not None
    assert found.wire is Any


async def test_both_sides_see_values_of_the_class() -> None:
    shop = rpc.Service("shop")

    @shop.method
    def add_tip(total: Money, tip: int = 1) -> Bill:
        return Bill(Money(total.cents + tip, total.currency), [total])

    async with rpc.testing.client(shop) as client:
        bill = await client.call(add_tip, Money(5, "EUR"), tip=2)
        assert bill == Bill(Money(7, "EUR"), [Money(5, "EUR")])
        assert (await client.call("shop.add_tip", "5 EUR"))["total"] == "6 EUR"
        with pytest.raises(rpc.InvalidArgument, match=r"shop\.add_tip: argument 'total' was refused by Money: not eno"):
            await client.call("shop.add_tip", "5")
