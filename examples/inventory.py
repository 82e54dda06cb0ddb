"""An inventory: a service with methods of every kind, and clients that have none of its code.

In two terminals, in the same directory::

    python examples/inventory.py
    rpc stub unix:inventory.sock -o inventory_client.py

The module that is written has the classes, the defaults and the docstrings of this one. A program that imports it is
checked by a type checker, and completed by an editor, as if it had been written against this file::

    async with rpc.connect("unix:inventory.sock") as client:
        inventory = client.stub(inventory_client.Inventory)
        await inventory.take("tea", 2)
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import AsyncGenerator, AsyncIterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple, TypedDict

import attrs
import msgspec
import trio

import rpc

ADDRESS = "unix:inventory.sock"

inventory = rpc.Service("inventory", doc="What is in the shelves, and who takes it out.")


class Unit(enum.Enum):
    """How an article is counted."""

    PIECE = "piece"
    KILOGRAM = "kg"


@attrs.frozen
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


ENTRANCE = Place("A")


class Totals(TypedDict):
    articles: int
    value: Decimal


class Arrived(msgspec.Struct, tag=True):
    article: str
    count: int


class Left(msgspec.Struct, tag=True):
    article: str
    count: int
    receipt: uuid.UUID | None = None


@attrs.define
class NotEnough(Exception):
    """Less is there than was asked for."""

    article: str
    missing: int


@attrs.define
class Shelves:
    """Articles by their names, places, and who watches."""

    articles: dict[str, Article] = attrs.field(factory=dict[str, Article])
    places: dict[str, Place] = attrs.field(factory=dict[str, Place])
    counted: dict[str, float] = attrs.field(factory=dict[str, float])
    events: list[Arrived | Left] = attrs.field(factory=list[Arrived | Left])
    counting: trio.Lock = attrs.field(factory=trio.Lock)

    def find(self, name: str) -> Article:
        if name not in self.articles:
            raise rpc.NotFound(f"there is no {name}")
        return self.articles[name]


@inventory.lifespan
async def open_shelves() -> AsyncGenerator[Shelves]:
    yield Shelves()


@inventory.method
def add(context: rpc.Context[Shelves], article: Article, place: Place = ENTRANCE) -> Article:
    """Put an article into a shelf; one of the same name gives way."""
    shelves = context.state
    shelves.articles[article.name], shelves.places[article.name] = article, place
    shelves.events.append(Arrived(article.name, article.count))
    return article


@inventory.method(raises=[rpc.NotFound], idempotent=True)
def find(context: rpc.Context[Shelves], name: str, /) -> Article:
    """The article of a name."""
    return context.state.find(name)


@inventory.method(idempotent=True, name="list")
def list_articles(
    context: rpc.Context[Shelves],
    *,
    unit: Unit | None = None,
    tags: set[str] | None = None,
    order: Literal["name", "price"] = "name",
) -> list[Article]:
    """All articles, or those of a unit, or with all of some tags.

    Args:
        unit: only what is counted so.
        tags: only what has all of these.
        order: "name" or "price".
    """
    found = [
        article
        for article in context.state.articles.values()
        if (unit is None or article.unit is unit) and article.tags >= (tags or set())
    ]
    return sorted(found, key=lambda article: (article.name, article.price)[order == "price"])


@inventory.method(raises=[NotEnough, rpc.NotFound])
def take(context: rpc.Context[Shelves], name: str, count: int = 1) -> uuid.UUID:
    """Take some of an article out, and give the receipt."""
    article = context.state.find(name)
    if count > article.count:
        raise NotEnough(name, count - article.count)
    article.count -= count
    receipt = uuid.uuid4()
    context.state.events.append(Left(name, count, receipt))
    return receipt


@inventory.method
def rename(context: rpc.Context[Shelves], *renames: tuple[str, str], strict: bool = True, **places: Place) -> int:
    """Give articles new names, and new places by these, and give the number of names that were found."""
    shelves, found = context.state, 0
    for old, new in renames:
        if strict or old in shelves.articles:
            article = shelves.find(old)
            del shelves.articles[old]
            shelves.articles[new] = attrs.evolve(article, name=new)
            found += 1
    shelves.places.update(places)
    return found


@inventory.method
def totals(context: rpc.Context[Shelves], since: datetime | None = None) -> Totals:
    """How many articles there are, and what they are worth."""
    articles = [a for a in context.state.articles.values() if since is None or a.since >= since]
    return Totals(articles=len(articles), value=sum((a.price * a.count for a in articles), Decimal()))


@inventory.method
async def load(context: rpc.Context[Shelves], articles: AsyncIterable[Article], shelf: str = "A") -> int:
    """Put many articles into one shelf, and give their number."""
    number = 0
    async for article in articles:
        add(context, article, Place(shelf, number))
        number += 1
    return number


@inventory.method
async def events(context: rpc.Context[Shelves], since: int = 0) -> AsyncGenerator[Arrived | Left]:
    """What has happened, one after the other."""
    for event in context.state.events[since:]:
        yield event


@inventory.method
async def prices(context: rpc.Context[Shelves], names: AsyncIterable[str]) -> AsyncGenerator[Decimal | None]:
    """The price of each name as it comes; None where there is no such article."""
    async for name in names:
        article = context.state.articles.get(name)
        yield None if article is None else article.price


@inventory.context
async def stocktaking(context: rpc.Context[Shelves], by: str) -> AsyncGenerator[dict[str, Place]]:
    """Hold the shelves while they are counted, and know where everything stands."""
    async with context.state.counting:
        yield context.state.places


@inventory.notification
def observe(context: rpc.Context[Shelves], sensor: str, value: float) -> None:
    """What a scale beneath a shelf says."""
    context.state.counted[sensor] = value


@inventory.method
def observed(context: rpc.Context[Shelves]) -> dict[str, float]:
    """The last value of each scale."""
    return context.state.counted


if __name__ == "__main__":
    rpc.run(inventory, ADDRESS)
