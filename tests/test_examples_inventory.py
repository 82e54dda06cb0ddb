"""The inventory: its clients have nothing of it but the module that ``rpc stub`` has written.

That module stands beside the example, so that type checkers check it, and what is asserted of its types here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import assert_type
from uuid import UUID

import pytest

import rpc
from examples import inventory_client as made
from examples.inventory import inventory
from tests.cli_tools import rpc_command
from tests.cli_tools import serving as serving_in_thread
from tests.example_tools import EXAMPLES, serving

MODULE = EXAMPLES / "inventory_client.py"


def article(name: str, price: int, count: int = 0) -> made.Article:
    return made.Article(name, Decimal(price), count)


@asynccontextmanager
async def filled(directory: Path) -> AsyncGenerator[made.Inventory]:
    """The inventory over a Unix socket, by its generated contract, with tea and rice in it."""
    async with serving(inventory, f"unix:{directory}/s") as [address], rpc.connect(address) as client:
        stub = client.stub(made.Inventory)
        assert_type(stub, made.Inventory)
        await stub.add(article("tea", 3, count=10))
        rice = made.Article(name="rice", price=Decimal("1.5"), unit=made.Unit.KILOGRAM, tags={"dry"})
        await stub.add(rice, made.Place("B", 3))
        yield stub


def test_the_module_is_what_the_server_describes(tmp_path: Path) -> None:
    with serving_in_thread(inventory, [f"unix:{tmp_path}/s"]) as [address]:
        for _ in range(2):
            result = rpc_command("stub", address, "-o", str(tmp_path / "client.py"))
            assert (result.exit_code, result.output) == (0, "")
            assert (tmp_path / "client.py").read_bytes() == MODULE.read_bytes(), "write it anew with 'rpc stub'"


def test_it_has_methods_of_every_kind() -> None:
    assert len(inventory.handles) == 12
    assert {handle.kind.value for handle in inventory.handles.values()} == {
        *("method", "streaming", "notification", "context")
    }


async def test_methods(tmp_path: Path) -> None:
    async with filled(tmp_path) as stub:
        rice = await stub.find("rice")
        assert_type(rice.supplier, made.Supplier | None)
        assert rice == made.Article(name="rice", price=Decimal("1.5"), unit=made.Unit.KILOGRAM, tags={"dry"})
        rice.supplier = made.Supplier("A.")
        added = await stub.add(rice)
        assert_type(added, made.Article)
        assert added.supplier == made.Supplier("A.", "NL")
        assert [found.name for found in await stub.list(order="price")] == ["rice", "tea"]
        assert [found.name for found in await stub.list(unit=made.Unit.PIECE)] == ["tea"]
        assert [found.name for found in await stub.list(tags={"dry"})] == ["rice"]
        totals = await stub.totals(rice.since)
        assert_type(totals, made.Totals)
        assert totals == {"articles": 2, "value": Decimal(30)}
        renamed = await stub.rename(("tea", "green tea"), ("gold", "silver"), strict=False, rice=made.Place("D"))
        assert_type(renamed, int)
        assert renamed == 1


async def test_exceptions(tmp_path: Path) -> None:
    async with filled(tmp_path) as stub:
        assert_type(await stub.take("tea"), UUID)
        with pytest.raises(made.NotEnough) as short:
            await stub.take("tea", count=12)
        assert_type(short.value.missing, int)
        assert (short.value.article, short.value.missing) == ("tea", 3)
        with pytest.raises(rpc.NotFound, match="there is no gold"):
            await stub.find("gold")


async def test_streams(tmp_path: Path) -> None:
    async with filled(tmp_path) as stub:
        assert_type(await stub.load(rpc.each([article("salt", 1), article("oil", 9)]), shelf="C"), int)
        receipt = await stub.take("tea", 2)
        async with stub.events(since=3) as events:
            found = [event async for event in events]
        assert_type(found, list[made.Arrived | made.Left])
        assert found == [made.Arrived("oil", 0), made.Left("tea", 2, receipt)]
        async with stub.prices(rpc.each(["salt", "gold"])) as prices:
            assert_type(await anext(prices), Decimal | None)
            assert await anext(prices) is None


async def test_contexts(tmp_path: Path) -> None:
    async with filled(tmp_path) as stub:
        async with stub.stocktaking("alice") as places:
            assert_type(places, dict[str, made.Place])
            assert places == {"tea": made.Place("A"), "rice": made.Place("B", 3)}
        async with stub.stocktaking("bob"):
            pass


async def test_notifications(tmp_path: Path) -> None:
    async with filled(tmp_path) as stub:
        await stub.observe("scale", 1.5)
        assert await stub.observed() == {"scale": 1.5}
