"""How methods and their results may change; each test shows a row of ``docs/evolving.md``."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

import rpc
from tests.evolving import BREAKS, SAFE, UNTIL_USED, clients, row, versions

# --- Results ---------------------------------------------------------------------------------------------------------


@row("Widen the type of a result", old_client=UNTIL_USED, new_client=SAFE)
async def test_the_type_of_a_result_is_widened() -> None:
    old, new = versions()

    @old.method(name="price")
    def old_price(item: str) -> int:
        return 3

    @new.method(name="price")
    def new_price(item: str) -> int | None:
        return None if item == "gold" else 3

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_price, "tea") == await to_old.call(new_price, "tea") == 3
        with pytest.raises(rpc.Internal, match="the result expected int, got None") as failed:
            await to_new.call(old_price, "gold")
        assert failed.value.processed == rpc.Processed.DO_NOT_RETRY, "it ran; it is the answer that does not fit"


@row("Narrow the type of a result", old_client=SAFE, new_client=UNTIL_USED)
async def test_the_type_of_a_result_is_narrowed() -> None:
    old, new = versions()

    @old.method(name="price")
    def old_price(item: str) -> int | None:
        return None if item == "gold" else 3

    @new.method(name="price")
    def new_price(item: str) -> int:
        return 3

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_price, "gold") == await to_old.call(new_price, "tea") == 3
        with pytest.raises(rpc.Internal, match="the result expected int, got None"):
            await to_old.call(new_price, "gold")


@row("Give a result to a method that had none", old_client=BREAKS, new_client=BREAKS)
async def test_a_method_gets_a_result() -> None:
    old, new = versions()

    @old.method(name="order")
    def old_order(item: str) -> None:
        pass

    @new.method(name="order")
    def new_order(item: str) -> int:
        return 17

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.Internal, match="the result expected None, got int 17"):
            await to_new.call(old_order, "tea")
        with pytest.raises(rpc.Internal, match="the result expected int, got None"):
            await to_old.call(new_order, "tea")


@row("Make items of a result, or a result of items", old_client=BREAKS, new_client=BREAKS)
async def test_a_result_becomes_items() -> None:
    old, new = versions()

    @old.method(name="prices")
    def old_prices() -> list[int]:
        return [3, 4]

    @new.method(name="prices")
    async def new_prices() -> AsyncIterator[int]:
        for price in (3, 4):
            yield price

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.Unimplemented, match="streams its items: call it with stream") as refused:
            await to_new.call(old_prices)
        assert refused.value.processed == rpc.Processed.NOT_PROCESSED
        with pytest.raises(rpc.Unimplemented, match="answers once: call it with call"):
            async with to_old.stream(new_prices) as prices:
                await anext(prices)


# --- Methods ---------------------------------------------------------------------------------------------------------


@row("Make a notification of a method, or a method of a notification", old_client=BREAKS, new_client=BREAKS)
async def test_a_method_becomes_a_notification() -> None:
    old, new = versions()
    seen: list[str] = []

    @old.method(name="observe")
    def old_observe(name: str) -> None:
        seen.append(name)

    @new.notification(name="observe")
    def new_observe(name: str) -> None:
        pass

    async with clients(old, new) as (to_old, to_new):
        with pytest.raises(rpc.Unimplemented, match="is a notification: send it with notify"):
            await to_new.call(old_observe, "fps")
        await to_old.notify(new_observe, "fps")
        await to_old.ping()
    assert seen == [], "it was dropped, and nobody is told"


@row("Add a method", old_client=SAFE, new_client=UNTIL_USED)
async def test_a_method_is_added() -> None:
    old, new = versions()

    @new.method
    def cancel(number: int) -> bool:
        return True

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(cancel, 1)
        with pytest.raises(rpc.Unimplemented, match=r"shop\.cancel") as refused:
            await to_old.call(cancel, 1)
        assert refused.value.processed == rpc.Processed.NOT_PROCESSED


@row("Remove a method", old_client=UNTIL_USED, new_client=SAFE)
async def test_a_method_is_removed() -> None:
    old, new = versions()

    @old.method
    def cancel(number: int) -> bool:
        return True

    async with clients(old, new) as (_, to_new):
        with pytest.raises(rpc.Unimplemented, match=r"shop\.cancel"):
            await to_new.call(cancel, 1)


@row("Rename a function and keep its name with `name=`", old_client=SAFE, new_client=SAFE)
async def test_a_function_is_renamed() -> None:
    old, new = versions()

    @old.method
    def order(item: str) -> str:
        return item

    @new.method(name="order")
    def place_order(item: str) -> str:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(order, "tea") == await to_old.call(place_order, "tea") == "tea"


@row("Make an `async def` of a `def`, or take `thread=True`", old_client=SAFE, new_client=SAFE)
async def test_a_function_runs_otherwise() -> None:
    old, new = versions()

    @old.method(name="order", thread=True)
    def old_order(item: str) -> str:
        return item

    @new.method(name="order")
    async def new_order(item: str) -> str:
        return item

    async with clients(old, new) as (to_old, to_new):
        assert await to_new.call(old_order, "tea") == await to_old.call(new_order, "tea") == "tea"


# --- By name ---------------------------------------------------------------------------------------------------------


async def test_a_call_by_name_takes_any_result() -> None:
    old, new = versions()

    @new.method
    def order(item: str) -> dict[str, Any]:
        return {"item": item, "since": 2026}

    async with clients(old, new) as (_, to_new):
        assert await to_new.call("shop.order", "tea") == {"item": "tea", "since": 2026}
