"""The service ``inventory``, as the server describes it.

Written by ``rpc stub``: write it anew rather than change it. With a client that is connected::

    inventory = client.stub(Inventory)
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal, NamedTuple, Protocol, TypedDict
from uuid import UUID

import attrs
import msgspec
import rpc

__all__ = [
    "Arrived",
    "Article",
    "Inventory",
    "Left",
    "NotEnough",
    "Place",
    "Supplier",
    "Totals",
    "Unit",
]


class Unit(Enum):
    """How an article is counted."""

    PIECE = "piece"
    KILOGRAM = "kg"


@attrs.define
class Supplier:
    name: str
    country: str = "NL"


@attrs.define
class Article:
    """What stands in a shelf."""

    name: str
    price: Decimal
    count: int = 0
    unit: Unit = Unit.PIECE
    tags: set[str] = attrs.field(factory=set[str])
    supplier: Supplier | None = None
    since: datetime = datetime(2026, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """Where an article stands."""

    shelf: str
    row: int = 0


class Totals(TypedDict):
    articles: int
    value: Decimal


class Arrived(msgspec.Struct, tag="Arrived"):
    article: str
    count: int


class Left(msgspec.Struct, tag="Left"):
    article: str
    count: int
    receipt: UUID | None = None


@attrs.define
class NotEnough(Exception):
    """Less is there than was asked for."""

    article: str
    missing: int


@rpc.contract("inventory")
class Inventory(Protocol):
    """What is in the shelves, and who takes it out."""

    async def add(self, article: Article, place: Place = ...) -> Article:
        """Put an article into a shelf; one of the same name gives way."""
        ...

    @rpc.method(raises=[rpc.NotFound], idempotent=True)
    async def find(self, name: str, /) -> Article:
        """The article of a name."""
        ...

    @rpc.method(idempotent=True)
    async def list(
        self,
        *,
        unit: Unit | None = None,
        tags: set[str] | None = None,
        order: Literal["name", "price"] = "name",
    ) -> builtins.list[Article]:
        """All articles, or those of a unit, or with all of some tags.

        Args:
            unit: only what is counted so.
            tags: only what has all of these.
            order: "name" or "price".
        """
        ...

    @rpc.method(raises=[NotEnough, rpc.NotFound])
    async def take(self, name: str, count: int = 1) -> UUID:
        """Take some of an article out, and give the receipt."""
        ...

    async def rename(
        self,
        *renames: tuple[str, str],
        strict: bool = True,
        **places: Place,
    ) -> int:
        """Give articles new names, and new places by these, and give the number of names that were found."""
        ...

    async def totals(self, since: datetime | None = None) -> Totals:
        """How many articles there are, and what they are worth."""
        ...

    async def load(self, articles: AsyncIterable[Article], shelf: str = "A") -> int:
        """Put many articles into one shelf, and give their number."""
        ...

    def events(self, since: int = 0) -> rpc.Stream[Arrived | Left]:
        """What has happened, one after the other."""
        ...

    def prices(self, names: AsyncIterable[str]) -> rpc.Stream[Decimal | None]:
        """The price of each name as it comes; None where there is no such article."""
        ...

    def stocktaking(self, by: str) -> AbstractAsyncContextManager[dict[str, Place]]:
        """Hold the shelves while they are counted, and know where everything stands."""
        ...

    @rpc.notification
    async def observe(self, sensor: str, value: float) -> None:
        """What a scale beneath a shelf says."""
        ...

    async def observed(self) -> dict[str, float]:
        """The last value of each scale."""
        ...
