"""How what travels may change: classes, enums, exceptions; each test shows a row of ``docs/evolving.md``."""

import enum
from typing import NamedTuple

import attrs
import msgspec
import pytest

import rpc
from tests.evolving import BREAKS, SAFE, UNTIL_USED, clients, row, versions

# --- Fields ----------------------------------------------------------------------------------------------------------


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


# --- Enums -----------------------------------------------------------------------------------------------------------


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class MoreSizes(enum.Enum):
    SMALL = "small"
    LARGE = "large"
    HUGE = "huge"


class SizesByOtherNames(enum.Enum):
    LITTLE = "small"
    BIG = "large"


@row("Add a member to an enum", old_client=UNTIL_USED, new_client=UNTIL_USED)
async def test_a_member_is_added() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(size: Size) -> None:
        pass

    @old.method(name="largest")
    def old_largest(up_to: Size) -> Size:
        return up_to

    @new.method(name="order")
    def new_order(size: MoreSizes) -> None:
        pass

    @new.method(name="largest")
    def new_largest(up_to: MoreSizes) -> MoreSizes:
        return MoreSizes.HUGE if up_to is MoreSizes.LARGE else up_to

    async with clients(old, new) as (to_old, to_new):
        await to_new.call(old_order, Size.LARGE)
        assert await to_new.call(old_largest, Size.SMALL) is Size.SMALL
        with pytest.raises(rpc.Internal, match=r"the result .*'huge'"):
            await to_new.call(old_largest, Size.LARGE)
        await to_old.call(new_order, MoreSizes.LARGE)
        with pytest.raises(rpc.InvalidArgument, match=r"argument 'size' .*'huge'"):
            await to_old.call(new_order, MoreSizes.HUGE)


@row("Rename a member of an enum and keep its value", old_client=SAFE, new_client=SAFE)
async def test_a_member_is_renamed() -> None:
    old, new = versions()

    @old.method(name="resize")
    def old_resize(size: Size) -> Size:
        return size

    @new.method(name="resize")
    def new_resize(size: SizesByOtherNames) -> SizesByOtherNames:
        return size

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_resize, Size.LARGE) is Size.LARGE
        assert await to_old.call(new_resize, SizesByOtherNames.BIG) is SizesByOtherNames.BIG


# --- Exceptions ------------------------------------------------------------------------------------------------------


@attrs.define
class SoldOut(Exception):
    item: str


@attrs.define
class SoldOutUntil(Exception):
    item: str
    until: str = "tomorrow"


SoldOutUntil.__name__ = SoldOut.__name__  # a later version of the same class


@row("Declare an exception with `raises=`", old_client=SAFE, new_client=UNTIL_USED)
async def test_an_exception_is_declared() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: str) -> None:
        raise SoldOut(item)

    @new.method(name="order", raises=[SoldOut])
    def new_order(item: str) -> None:
        raise SoldOut(item)

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.RemoteError) as known_by_name:
            await to_new.call(old_order, "tea")
        assert (known_by_name.value.type, known_by_name.value.details) == ("shop.SoldOut", {"item": "tea"})
        with pytest.raises(rpc.RemoteError) as undeclared:
            await to_old.call(new_order, "tea")
        assert (undeclared.value.type, undeclared.value.details) == ("SoldOut", None)


@row("Declare an exception no longer", old_client=UNTIL_USED, new_client=SAFE)
async def test_an_exception_is_declared_no_longer() -> None:
    old, new = versions()

    @old.method(name="order", raises=[SoldOut])
    def old_order(item: str) -> None:
        raise SoldOut(item)

    @new.method(name="order")
    def new_order(item: str) -> None:
        raise SoldOut(item)

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.RemoteError):
            await to_new.call(old_order, "tea")
        with pytest.raises(rpc.RemoteError) as answered:
            await to_old.call(new_order, "tea")
        assert answered.value.type == "shop.SoldOut"


@row("Add a field with a default to a declared exception", old_client=SAFE, new_client=SAFE)
async def test_a_field_is_added_to_an_exception() -> None:
    old, new = versions()

    @old.method(name="order", raises=[SoldOut])
    def old_order(item: str) -> None:
        raise SoldOut(item)

    @new.method(name="order", raises=[SoldOutUntil])
    def new_order(item: str) -> None:
        raise SoldOutUntil(item, "noon")

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(SoldOut) as by_old:
            await to_new.call(old_order, "tea")
        assert by_old.value.item == "tea"
        with pytest.raises(SoldOutUntil) as by_new:
            await to_old.call(new_order, "tea")
        assert by_new.value.until == "tomorrow"
