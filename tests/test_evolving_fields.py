"""How classes with fields may change; each test shows a row of ``docs/evolving.md``."""

from typing import NamedTuple

import attrs
import msgspec
import pytest

import rpc
from tests.evolving import BREAKS, SAFE, clients, row, versions


@attrs.frozen
class Item:
    name: str


@attrs.frozen
class ItemWithCount:
    name: str
    count: int = 1


@attrs.frozen
class ItemThatNeedsCount:
    name: str
    count: int


@row("Add a field with a default", old_client=SAFE, new_client=SAFE)
async def test_a_field_with_a_default_is_added() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: Item) -> Item:
        return item

    @new.method(name="order")
    def new_order(item: ItemWithCount) -> ItemWithCount:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, Item("tea")) == Item("tea")
        assert await to_old.call(new_order, ItemWithCount("tea", 2)) == ItemWithCount("tea", 1), "2 came to nothing"


@row("Add a field without a default", old_client=BREAKS, new_client=BREAKS)
async def test_a_field_without_a_default_is_added() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: Item) -> None:
        pass

    @old.method(name="last")
    def old_last() -> Item:
        return Item("tea")

    @new.method(name="order")
    def new_order(item: ItemThatNeedsCount) -> None:
        pass

    @new.method(name="last")
    def new_last() -> ItemThatNeedsCount:
        return ItemThatNeedsCount("tea", 2)

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.InvalidArgument, match=r"argument 'item' .*count"):
            await to_new.call(old_order, Item("tea"))
        with pytest.raises(rpc.Internal, match=r"the result .*count"):
            await to_old.call(new_last)
        await to_old.call(new_order, ItemThatNeedsCount("tea", 2))
        assert await to_new.call(old_last) == Item("tea"), "the directions in which it does no harm"


@row("Remove a field that had a default", old_client=SAFE, new_client=SAFE)
async def test_a_field_with_a_default_is_removed() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: ItemWithCount) -> ItemWithCount:
        return item

    @new.method(name="order")
    def new_order(item: Item) -> Item:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, ItemWithCount("tea", 2)) == ItemWithCount("tea", 1), "2 came to nothing"
        assert await to_old.call(new_order, Item("tea")) == Item("tea")


@row("Remove a field that had no default", old_client=BREAKS, new_client=BREAKS)
async def test_a_field_without_a_default_is_removed() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: ItemThatNeedsCount) -> None:
        pass

    @old.method(name="last")
    def old_last() -> ItemThatNeedsCount:
        return ItemThatNeedsCount("tea", 2)

    @new.method(name="order")
    def new_order(item: Item) -> None:
        pass

    @new.method(name="last")
    def new_last() -> Item:
        return Item("tea")

    async with clients(old, new) as (to_old, to_new):
        await to_new.call(old_order, ItemThatNeedsCount("tea", 2))
        with pytest.raises(rpc.Internal, match=r"the result .*count"):
            await to_new.call(old_last)
        with pytest.raises(rpc.InvalidArgument, match=r"argument 'item' .*count"):
            await to_old.call(new_order, Item("tea"))


@attrs.frozen
class ItemWithNumber:
    name: str
    number: int = 1


@row("Rename a field that has a default", old_client=BREAKS, new_client=BREAKS)
async def test_a_field_is_renamed() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: ItemWithCount) -> int:
        return item.count

    @new.method(name="order")
    def new_order(item: ItemWithNumber) -> int:
        return item.number

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, ItemWithCount("tea", 5)) == 1, "5 was lost, and nobody knows"
        assert await to_old.call(new_order, ItemWithNumber("tea", 5)) == 1


class StrictItem(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class StrictItemWithCount(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    count: int = 1


@row("Add a field with a default to a Struct that forbids unknown ones", old_client=BREAKS, new_client=BREAKS)
async def test_a_field_is_added_to_a_strict_struct() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: StrictItem) -> StrictItem:
        return item

    @new.method(name="order")
    def new_order(item: StrictItemWithCount) -> StrictItemWithCount:
        return item

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.Internal, match=r"the result .*count"):
            await to_new.call(old_order, StrictItem("tea"))
        with pytest.raises(rpc.InvalidArgument, match=r"argument 'item' .*count"):
            await to_old.call(new_order, StrictItemWithCount("tea"))


class Point(NamedTuple):
    x: int
    y: int


class PointInSpace(NamedTuple):
    x: int
    y: int
    z: int = 0


@row("Add a field with a default to a NamedTuple", old_client=BREAKS, new_client=BREAKS)
async def test_a_field_is_added_to_a_named_tuple() -> None:
    old, new = versions()

    @old.method(name="move")
    def old_move(to: Point) -> Point:
        return to

    @new.method(name="move")
    def new_move(to: PointInSpace) -> PointInSpace:
        return to

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.Internal, match=r"the result expected .* of length 2, got 3"):
            await to_new.call(old_move, Point(1, 2))
        with pytest.raises(rpc.InvalidArgument, match=r"argument 'to' expected .* of length 2, got 3"):
            await to_old.call(new_move, PointInSpace(1, 2))


class Row(msgspec.Struct, array_like=True):
    x: int


class LongerRow(msgspec.Struct, array_like=True):
    x: int
    y: int = 0


@row("Add a field with a default at the end of a Struct with `array_like=True`", old_client=SAFE, new_client=SAFE)
async def test_a_field_is_added_to_a_row() -> None:
    old, new = versions()

    @old.method(name="move")
    def old_move(to: Row) -> Row:
        return to

    @new.method(name="move")
    def new_move(to: LongerRow) -> LongerRow:
        return to

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_move, Row(1)) == Row(1)
        assert await to_old.call(new_move, LongerRow(1, 2)) == LongerRow(1, 0), "2 came to nothing"


class ItemStruct(msgspec.Struct, frozen=True):
    name: str


@row("Make an attrs class, a dataclass, a Struct or a TypedDict one of the others", old_client=SAFE, new_client=SAFE)
async def test_a_class_becomes_one_of_another_kind() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: Item) -> Item:
        return item

    @new.method(name="order")
    def new_order(item: ItemStruct) -> ItemStruct:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, Item("tea")) == Item("tea")
        assert await to_old.call(new_order, ItemStruct("tea")) == ItemStruct("tea")


@attrs.frozen
class Article:
    name: str


@row("Rename a class", old_client=SAFE, new_client=SAFE)
async def test_a_class_is_renamed() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: Item) -> Item:
        return item

    @new.method(name="order")
    def new_order(item: Article) -> Article:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, Item("tea")) == Item("tea")
        assert await to_old.call(new_order, Article("tea")) == Article("tea")
