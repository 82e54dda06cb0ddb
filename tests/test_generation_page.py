"""``docs/stubs.md``: the module that it shows is the one that is written of the service that it shows."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rpc
from rpc.generation.module import generate
from rpc.service.describing import describe

PAGE = Path(__file__).parent.parent / "docs" / "stubs.md"
BLOCKS: list[str] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> rpc.Service:
    module = ModuleType("shop")
    monkeypatch.setitem(sys.modules, "shop", module)
    exec(compile(BLOCKS[0], "shop.py", "exec"), vars(module))
    service: rpc.Service = vars(module)["shop"]
    return service


def test_the_page_shows_what_is_written(shop: rpc.Service) -> None:
    assert generate(describe([shop])) == BLOCKS[1]


async def test_the_page_shows_how_it_is_used(shop: rpc.Service, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("shop_client")
    monkeypatch.setitem(sys.modules, "shop_client", made)
    exec(compile(BLOCKS[1], "shop_client.py", "exec"), vars(made))
    lines = [line.strip() for line in BLOCKS[2].splitlines() if "await" in line or "stub" in line]
    assert lines[-1].startswith("price = await shop.place(shop_client.Order(")
    async with rpc.testing.client(shop) as client:
        stub: Any = client.stub(made.Shop)
        assert await stub.place(made.Order("Assam", made.Size.LARGE), 2) == 5.0
        with pytest.raises(made.SoldOut, match="Darjeeling"):
            await stub.place(made.Order("Darjeeling"))
        async with stub.ready() as orders:
            assert [order async for order in orders] == [made.Order("Assam")]
