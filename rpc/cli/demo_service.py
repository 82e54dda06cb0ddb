"""The service of ``rpc demo``: a cafe that keeps a diary.

Serve it yourself: ``rpc serve rpc.cli.demo_service:cafe --bind :9000``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import attrs
import trio

import rpc

__all__ = ["Diary", "SoldOut", "brew", "cafe", "diary", "greet", "order", "price", "total", "total_async"]

cafe = rpc.Service("cafe")

PRICES = {"tea": Decimal("2.50"), "coffee": Decimal("3.20")}


class Diary:
    """What happened in the cafe, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._readers = trio.lowlevel.ParkingLot()

    def write(self, line: str) -> None:
        self.lines.append(line)
        self._readers.unpark_all()

    async def wait_for(self, count: int) -> list[str]:
        while len(self.lines) < count:
            await self._readers.park()
        return self.lines


@cafe.lifespan
async def open_cafe() -> AsyncIterator[Diary]:
    yield Diary()


@cafe.method
def price(drink: str, cups: int = 1) -> Decimal:
    """What some cups of a drink cost."""
    return PRICES[drink] * cups


@cafe.method
async def brew(context: rpc.Context[Diary], drink: str, seconds: float) -> str:
    """A cup of it, after a while. If nobody waits for it any more, it is poured away."""
    try:
        await trio.sleep(seconds)
    except trio.Cancelled:
        context.state.write(f"poured away a {drink}")
        raise
    return f"a cup of {drink}"


@attrs.define
class SoldOut(Exception):
    drink: str
    left: int


@cafe.method(raises=[SoldOut])
def order(drink: str, cups: int) -> Decimal:
    """Buy some cups; there are only three."""
    if cups > 3:
        raise SoldOut(drink, left=3)
    return price(drink, cups)


@cafe.notification
def greet(context: rpc.Context[Diary], guest: str) -> None:
    """Tell that a guest has come in."""
    context.state.write(f"{guest} came in")


@cafe.method
async def diary(context: rpc.Context[Diary], lines: int) -> list[str]:
    """The diary, as soon as it has so many lines."""
    return await context.state.wait_for(lines)


@cafe.method
def total(a: int, b: int) -> int:
    """A sum: as little work as a call can have, to measure the calls themselves."""
    return a + b


@cafe.method
async def total_async(a: int, b: int) -> int:
    """The same in an ``async def``, which has a task of its own on the server."""
    return a + b
