"""How the arguments of a method may change; each test shows a row of ``docs/evolving.md``."""

import pytest

import rpc
from tests.evolving import BREAKS, SAFE, UNTIL_USED, clients, row, versions


@row("Add an argument with a default", old_client=SAFE, new_client=UNTIL_USED)
async def test_an_argument_with_a_default_is_added() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: str) -> str:
        return item

    @new.method(name="order")
    def new_order(item: str, count: int = 1) -> str:
        return f"{count} {item}"

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, "tea") == "1 tea"
        assert await to_new.call(old_order, item="tea") == "1 tea"
        assert await to_old.call(new_order, "tea") == "tea"
        with pytest.raises(rpc.InvalidArgument, match="takes 1 argument by position, got 2") as refused:
            await to_old.call(new_order, "tea", 2)
        assert refused.value.processed == rpc.Processed.NOT_PROCESSED
        with pytest.raises(rpc.InvalidArgument, match="has no argument 'count'"):
            await to_old.call(new_order, "tea", count=2)


@row("Add an argument without a default", old_client=BREAKS, new_client=BREAKS)
async def test_an_argument_without_a_default_is_added() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: str) -> str:
        return item

    @new.method(name="order")
    def new_order(item: str, count: int) -> str:
        return f"{count} {item}"

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.InvalidArgument, match="argument 'count' is missing"):
            await to_new.call(old_order, "tea")
        with pytest.raises(rpc.InvalidArgument, match="takes 1 argument by position, got 2"):
            await to_old.call(new_order, "tea", 2)


@row("Remove an argument that has a default", old_client=UNTIL_USED, new_client=SAFE)
async def test_an_argument_with_a_default_is_removed() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: str, count: int = 1) -> str:
        return f"{count} {item}"

    @new.method(name="order")
    def new_order(item: str) -> str:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, "tea") == "tea"
        with pytest.raises(rpc.InvalidArgument, match="has no argument 'count'"):
            await to_new.call(old_order, "tea", count=2)
        assert await to_old.call(new_order, "tea") == "1 tea"


@row("Give an argument a default", old_client=SAFE, new_client=UNTIL_USED)
async def test_an_argument_gets_a_default() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: str) -> str:
        return item

    @new.method(name="order")
    def new_order(item: str = "tea") -> str:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, "milk") == "milk"
        assert await to_old.call(new_order, "milk") == "milk"
        with pytest.raises(rpc.InvalidArgument, match="argument 'item' is missing"):
            await to_old.call(new_order)


@row("Change a default", old_client=SAFE, new_client=SAFE)
async def test_a_default_changes() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(count: int = 1) -> int:
        return count

    @new.method(name="order")
    def new_order(count: int = 2) -> int:
        return count

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order) == 2, "it is the server's default that counts"
        assert await to_old.call(new_order) == 1


@row("Rename an argument", old_client=UNTIL_USED, new_client=UNTIL_USED)
async def test_an_argument_is_renamed() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(count: int) -> int:
        return count

    @new.method(name="order")
    def new_order(number: int) -> int:
        return number

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, 2) == await to_old.call(new_order, 2) == 2
        with pytest.raises(rpc.InvalidArgument, match="has no argument 'count'"):
            await to_new.call(old_order, count=2)
        with pytest.raises(rpc.InvalidArgument, match="has no argument 'number'"):
            await to_old.call(new_order, number=2)


@row("Change the order of arguments", old_client=BREAKS, new_client=BREAKS)
async def test_arguments_change_places() -> None:
    old, new = versions()

    @old.method(name="divide")
    def old_divide(dividend: int, divisor: int) -> int:
        return dividend // divisor

    @new.method(name="divide")
    def new_divide(divisor: int, dividend: int) -> int:
        return dividend // divisor

    async with clients(old, new) as (to_old, to_new):
        assert (await to_new.call(old_divide, 6, 3), await to_old.call(new_divide, 3, 6)) == (0, 0), "and nobody knows"
        assert await to_new.call(old_divide, dividend=6, divisor=3) == 2


@row("Make an argument keyword-only", old_client=UNTIL_USED, new_client=SAFE)
async def test_an_argument_becomes_keyword_only() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: str, count: int = 1) -> int:
        return count

    @new.method(name="order")
    def new_order(item: str, *, count: int = 1) -> int:
        return count

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, "tea", count=2) == await to_old.call(new_order, "tea", count=2) == 2
        with pytest.raises(rpc.InvalidArgument, match="takes 1 argument by position, got 2"):
            await to_new.call(old_order, "tea", 2)


@row("Widen the type of an argument", old_client=SAFE, new_client=UNTIL_USED)
async def test_the_type_of_an_argument_is_widened() -> None:
    old, new = versions()

    @old.method(name="find")
    def old_find(key: int) -> str:
        return repr(key)

    @new.method(name="find")
    def new_find(key: int | str) -> str:
        return repr(key)

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_find, 5) == await to_old.call(new_find, 5) == "5"
        with pytest.raises(rpc.InvalidArgument, match="argument 'key' expected int, got str 'five'"):
            await to_old.call(new_find, "five")


@row("Narrow the type of an argument", old_client=UNTIL_USED, new_client=SAFE)
async def test_the_type_of_an_argument_is_narrowed() -> None:
    old, new = versions()

    @old.method(name="find")
    def old_find(key: int | None) -> str:
        return repr(key)

    @new.method(name="find")
    def new_find(key: int) -> str:
        return repr(key)

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_find, 5) == await to_old.call(new_find, 5) == "5"
        with pytest.raises(rpc.InvalidArgument, match="argument 'key' expected int, got None"):
            await to_new.call(old_find, None)
