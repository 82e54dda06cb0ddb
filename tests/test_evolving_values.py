"""How enums and declared exceptions may change; each test shows a row of ``docs/evolving.md``."""

import enum

import attrs
import pytest

import rpc
from tests.evolving import SAFE, UNTIL_USED, clients, row, versions

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
