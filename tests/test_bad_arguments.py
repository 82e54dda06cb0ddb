"""A bad argument of every kind is told with the method, the argument, the place in it, what was expected, what came."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import attrs
import msgspec
import pytest

import rpc
from tests.traveling import (
    Account,
    Box,
    Celsius,
    Circle,
    Color,
    Level,
    Node,
    Options,
    Order,
    Packet,
    Point,
    Row,
    Square,
)

ORDER = {"id": UUID(int=5), "account": {"owner": "ann"}}

CASES: list[tuple[Any, Any, str]] = [
    (None, 5, "expected None, got int 5"),
    (bool, 1, "expected bool, got int 1"),
    (int, True, "expected int, got bool True"),
    (int, 1.0, "expected int, got float 1.0"),
    (int, None, "expected int, got None"),
    (int, "5", "expected int, got str '5'"),
    (float, "1.5", "expected float, got str '1.5'"),
    (str, b"x", "expected str, got bytes b'x'"),
    (bytes, "aaaa", "expected bytes, got str 'aaaa'"),
    (bytearray, [1], "expected bytearray, got list [1]"),
    (memoryview, 1, "expected memoryview, got int 1"),
    (datetime, "2026-01-02T12:00:00", "expected datetime with a time zone, got str '2026-01-02T12:00:00'"),
    (date, 5, "expected date, got int 5"),
    (time, "noon", "expected time, got str 'noon'"),
    (timedelta, 60, "expected timedelta, got int 60"),
    (Decimal, "1,5", "expected Decimal, got str '1,5'"),
    (UUID, "5", "expected UUID, got str '5'"),
    (Path, 5, "expected Path, got int 5"),
    (IPv4Address, "10.0.0.256", "expected IPv4Address, got str '10.0.0.256'"),
    (list[int], {"a": 1}, "expected list, got dict {'a': 1}"),
    (list[int], [1, "x"], "at [1] expected int, got str 'x'"),
    (tuple[int, str], [1, 2], "at [1] expected str, got int 2"),
    (tuple[int, str], [1], "expected list of length 2, got 1"),
    (set[int], ["x"], "at [0] expected int, got str 'x'"),
    (dict[str, int], [1], "expected dict, got list [1]"),
    (dict[str, int], {"a b": None}, "at ['a b'] expected int, got None"),
    (Mapping[int, str], {"a": "b"}, "has a key that does not fit: expected int, got str 'a'"),
    (Account, ["ann"], "expected Account, got list ['ann']"),
    (Account, {"balance": 5}, "lacks the field 'owner' of Account"),
    (Account, {"owner": 5}, "at .owner expected str, got int 5"),
    (Account, {"owner": "ann", "balance": -1}, "was refused by Account: balance must not be negative"),
    (Account, {"owner": "ann", "_audit": []}, "sets the field '_audit', which is init=False"),
    (Order, {**ORDER, "account": {"owner": 5}}, "at .account.owner expected str, got int 5"),
    (Order, {**ORDER, "color": "blue"}, "at .color expected one of 'red', 'green' | None, got str 'blue'"),
    (Order, {**ORDER, "prices": {"pen": "x"}}, "at .prices['pen'] expected Decimal, got str 'x'"),
    (dict[str, list[Order]], {"a": [ORDER, {**ORDER, "id": 5}]}, "at ['a'][1].id expected UUID, got int 5"),
    (Point, {"x": "1"}, "at .x expected float, got str '1'"),
    (Node, {"name": "", "inner": [{"name": "", "next": {"name": 5}}]},
     "at .inner[0].next.name expected str, got int 5"),
    (Packet, {"data": "x"}, "at .data expected bytes, got str 'x'"),
    (Circle | Square, {"type": "cube"}, "at .type expected one of 'circle', 'square', got str 'cube'"),
    (Row, [1], "at [0] expected str, got int 1"),
    (Options, {}, "lacks the field 'verbose' of Options"),
    (Box[list[int]], {"content": [None]}, "at .content[0] expected int, got None"),
    (Color, "blue", "expected one of 'red', 'green', got str 'blue'"),
    (Level, 3, "expected one of 1, 2, got int 3"),
    (Celsius, "hot", "expected float, got str 'hot'"),
    (Literal["on", 1], "off", "expected one of 1, 'on', got str 'off'"),
    (int | str | None, 1.5, "expected int | str | None, got float 1.5"),
    (Annotated[int, msgspec.Meta(ge=0, le=100)], 101, "expected int <= 100, got int 101"),
    (Annotated[str, msgspec.Meta(pattern="^a")], "b", "expected str matching regex '^a', got str 'b'"),
]  # fmt: skip


def served(annotation: Any, converter: rpc.Converter | None = None) -> rpc.Service:
    service = rpc.Service("shop", converter=converter)

    def take(count: Any, value: Any, *others: Any) -> None:
        raise AssertionError("it must not run")

    take.__annotations__ = {"count": int, "value": annotation, "others": annotation}
    service.method(take)
    return service


@pytest.mark.parametrize(("annotation", "value", "told"), CASES, ids=lambda value: str(value)[:40])
async def test_it_is_told_what_does_not_fit(annotation: Any, value: Any, told: str) -> None:
    async with rpc.testing.client(served(annotation)) as client:
        with pytest.raises(rpc.InvalidArgument) as caught:
            await client.call("shop.take", 1, value)
        assert caught.value.message == f"shop.take: argument 'value' {told}"
        assert caught.value.processed == rpc.Processed.NOT_PROCESSED
        with pytest.raises(rpc.InvalidArgument) as caught:
            await client.call("shop.take", 1, value=value)
        assert caught.value.message == f"shop.take: argument 'value' {told}"


HUGE: list[tuple[Any, Any]] = [
    (int, "x" * 1_000_000),
    (int, b"\xff" * 1_000_000),
    (int, ["x" * 100] * 10_000),
    (int, {"k" * 1000: {"k" * 1000: 1}}),
    (dict[str, dict[str, int]], {"k" * 1000: {"k" * 1000: "x" * 1000}}),
    (list[int], [*range(60_000), "x" * 1000]),
    (Literal["on"], "\x1b[31m\n" * 1000),
    (Annotated[str, msgspec.Meta(max_length=3)], "x" * 1000),
    (Point, {"x": 1.0, "y" * 1000: 5, "y": "y" * 1000}),
    (Literal[tuple(f"choice-{number}" for number in range(1000))], "x" * 1000),
]


@pytest.mark.parametrize("converter", [None, rpc.CattrsConverter()], ids=["msgspec", "cattrs"])
@pytest.mark.parametrize(("annotation", "value"), HUGE, ids=lambda value: str(value)[:40])
async def test_what_is_huge_is_cut(annotation: Any, value: Any, converter: rpc.Converter | None) -> None:
    async with rpc.testing.client(served(annotation, converter)) as client:
        with pytest.raises(rpc.InvalidArgument) as caught:
            await client.call("shop.take", 1, value)
        message = caught.value.message
        assert message.startswith("shop.take: argument 'value' ")
        assert len(message) < 400
        assert message.isprintable()


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        ([], {}, "shop.take: argument 'count' is missing"),
        ([1], {}, "shop.take: argument 'value' is missing"),
        ([1, 2, 3, "x"], {}, "shop.take: argument 'others' expected int, got str 'x'"),
        ([1], {"valeu": 2}, "shop.take has no argument 'valeu'; did you mean 'value'?"),
        ([1, 2], {"value": 2}, "shop.take: argument 'value' came by position and by name"),
    ],
)
async def test_arguments_that_are_not_there_or_should_not_be(
    args: list[Any], kwargs: dict[str, Any], told: str
) -> None:
    async with rpc.testing.client(served(int)) as client:
        with pytest.raises(rpc.InvalidArgument) as caught:
            await client.call("shop.take", *args, **kwargs)
        assert caught.value.message == told


async def test_an_item_of_the_callers_stream() -> None:
    service = rpc.Service("shop")

    @service.method
    async def total(prices: AsyncIterable[list[Decimal]]) -> None:
        async for _ in prices:
            pass

    async with rpc.testing.client(service) as client:
        with pytest.raises(rpc.InvalidArgument) as caught:
            await client.call("shop.total", rpc.each([[1], [2], [3, None]]))
        assert caught.value.message == "shop.total: item 2 of argument 'prices' at [1] expected Decimal, got None"


# What cannot travel is told at its sender


@attrs.define
class Cart:
    items: list[Any]
    notes: dict[str, Any] = attrs.field(factory=dict)


LOCK = threading.Lock()
NO_LOCK = "object of class lock cannot travel; send plain data, make its class an attrs class, a dataclass or a Struct"
shop = rpc.Service("shop")


@shop.method
def pay(cart: Any, /, by: Any = None, *others: Any, note: Any = None, **more: Any) -> None: ...


@shop.method
def find() -> Any:
    return Cart([1, 2, 3, Cart([], {"owner": LOCK})])


@shop.method
async def search() -> AsyncIterator[Any]:
    yield {"owner": [LOCK]}


@shop.context
async def hold() -> AsyncIterator[Any]:
    yield Cart([LOCK])


@shop.method
async def receive(carts: AsyncIterable[Any]) -> None:
    async for _ in carts:
        pass


@shop.notification
def observe(name: str, value: Any) -> None: ...


SENT: list[tuple[Any, list[Any], dict[str, Any], str]] = [
    (pay, [Cart([1, LOCK])], {}, "cart.items[1]"),
    (pay, [1, {"a": LOCK}], {}, "by.a"),
    (pay, [1, 2, 3, [LOCK]], {}, "others[1][0]"),
    (pay, [1], {"note": LOCK}, "note"),
    (pay, [1], {"extra": {"a b": LOCK}}, "extra['a b']"),
    ("shop.pay", [1, Cart([], {"x": LOCK})], {}, "args[1].notes.x"),
    ("shop.pay", [1], {"note": (1, LOCK)}, "note[1]"),
]


@pytest.mark.parametrize(("target", "args", "kwargs", "path"), SENT, ids=lambda value: str(value)[:40])
async def test_an_argument_that_cannot_travel(target: Any, args: list[Any], kwargs: dict[str, Any], path: str) -> None:
    async with rpc.testing.client(shop) as client:
        with pytest.raises(rpc.EncodeError) as caught:
            await client.call(target, *args, **kwargs)
        assert (caught.value.method, caught.value.path) == ("shop.pay", path)
        assert str(caught.value).startswith(f"shop.pay: {path}: {NO_LOCK}")


@pytest.mark.parametrize("target", [observe, "shop.observe"])
async def test_a_notification_that_cannot_travel(target: Any) -> None:
    place = "args[1]" if isinstance(target, str) else "value"
    async with rpc.testing.client(shop) as client:
        with pytest.raises(rpc.EncodeError) as caught:
            await client.notify(target, "x", [LOCK])
        assert str(caught.value).startswith(f"shop.observe: {place}[0]: {NO_LOCK}")


async def test_arguments_that_are_too_deep_only_together() -> None:
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    async with rpc.testing.client(shop) as client:
        with pytest.raises(rpc.EncodeError, match=r"^shop\.pay: \[0\](\[0\])*: nested deeper than 64 levels"):
            await client.call(pay, deep)


async def test_a_result_that_cannot_travel() -> None:
    async with rpc.testing.client(shop) as client:
        with pytest.raises(rpc.Internal) as caught:
            await client.call(find)
        told = f"the result of shop.find cannot travel: result.items[3].notes.owner: {NO_LOCK}"
        assert caught.value.message.startswith(told)
        assert caught.value.processed == rpc.Processed.DO_NOT_RETRY


async def test_items_and_values_that_cannot_travel() -> None:
    async with rpc.testing.client(shop) as client:
        with pytest.raises(
            rpc.Internal, match=r"an item of shop\.search cannot travel: item\.owner\[0\]: object of class"
        ):
            async with client.stream(search) as items:
                await anext(items)
        with pytest.raises(rpc.Internal, match=r"the value of shop\.hold cannot travel: value\.items\[0\]: object of"):
            async with client.enter(hold):
                pass
        with pytest.raises(rpc.EncodeError, match=r"item\.items\[0\]: object of class lock"):
            await client.call(receive, rpc.each([Cart([LOCK])]))
