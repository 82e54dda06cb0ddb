"""The services ``my_shapes.all`` and ``second``, as the server describes them.

Written by ``rpc stub``: write it anew rather than change it. With a client that is connected::

    all = client.stub(MyShapesAll)
"""

from __future__ import annotations

import builtins
import datetime as dt
from array import array
from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Protocol,
    TypeAlias,
    TypedDict,
)
from uuid import UUID

import attrs
import attrs as attrs_
import msgspec
import rpc
import rpc as rpc__

__all__ = [
    "Box_Node",
    "Box_int",
    "Box_str",
    "Broken",
    "Corner",
    "Headers",
    "Kebab",
    "Late",
    "Level",
    "MyShapesAll",
    "Node",
    "Options",
    "Plain",
    "Row",
    "Second",
    "Shadowed",
    "Strange",
    "Times",
]

if TYPE_CHECKING:
    Array: TypeAlias = array[Any]
else:
    Array = array  # it takes no parameters before Python 3.12


class Level(Enum):
    LOW = 1
    HIGH = 2


class Strange(Enum):
    A = "a"
    MEMBER_2 = "b"
    MEMBER_3 = "c"
    MEMBER_4 = "d"


@dataclass
class Node:
    """A tree: it holds "itself".

    \\N{BULLET} one
    """

    name: str = 'it\'s "quoted" \\ and long'
    children: list[Node] = field(default_factory=lambda: [])
    level: Level = Level.HIGH


@attrs.define(kw_only=True)
class Times:
    """Every class of a single value, with defaults."""

    moment: datetime = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    elsewhere: datetime = datetime(2026, 5, 1, tzinfo=timezone(timedelta(days=-1, seconds=73800)))  # fmt: skip
    date: dt.date = dt.date(2026, 5, 1)
    time: dt.time = dt.time(8, 0)
    length: timedelta = timedelta(days=1, seconds=30)
    price: Decimal = Decimal("1.50")
    key: UUID = UUID("12345678-1234-5678-1234-567812345678")
    path: Path = Path("/tmp/a b")
    host: IPv4Address | None = IPv4Address("127.0.0.1")
    net: IPv6Network = IPv6Network("fd00::/8")
    nothing: float = float("inf")
    raw: bytes = b'\x00"\xff'
    buffer: bytearray
    kinds: frozenset[str] = frozenset({"a", "b"})
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = (1,)
    table: dict[int, list[str]] = attrs.field(factory=dict[int, list[str]])
    node: Node | None = None
    word: Literal[None, 1, "a"] = "a"


@attrs.define
class Shadowed:
    """Fields with the names of the classes that others have."""

    date: dt.date
    list: str
    attrs: bytes
    int: float
    items: tuple[bytes, ...] = ()
    rest: dict[str, bytes] = attrs_.field(factory=dict[str, bytes])


@attrs.define
class Late:
    """A default that cannot be told stands before others, and a private field."""

    _private: int
    needed: str
    made: float
    count: int = 0


@attrs.define
class Box_int:
    inside: int
    more: list[int] = attrs.field(factory=list[int])


@attrs.define
class Box_str:
    inside: str
    more: list[str] = attrs.field(factory=list[str])


@attrs.define
class Box_Node:
    inside: Node
    more: list[Node] = attrs.field(factory=list[Node])


class Corner(NamedTuple):
    x: int
    node: Node
    y: float = -0.0


class Options(TypedDict):
    depth: int
    width: NotRequired[int]


Headers = TypedDict(
    "Headers",
    {
        "content-type": "str",
        "x": "NotRequired[int]",
    },
)


Kebab = TypedDict(
    "Kebab",
    {
        "long-name": "int",
        "other-name": "NotRequired[str]",
    },
)


class Row(msgspec.Struct, array_like=True, tag_field="kind", tag=7):
    a: int
    b: str = "b"


@attrs.define
class Broken(Exception):
    """What is broken."""

    code = rpc.Code.DATA_LOSS
    part: str
    how: str = "badly"


class Plain(Exception): ...


@rpc.contract("my_shapes.all")
class MyShapesAll(Protocol):
    """A service of "shapes".

    And more.
    """

    async def times(self, times: Times, shadowed: Shadowed) -> Late: ...

    @rpc__.method(
        name="import",
        raises=[Broken, Plain, ValueError, rpc__.NotFound],
        idempotent=True,
    )
    async def import_(
        self,
        box: Box_int,
        other: Box_str,
        /,
        *boxes: Box_Node,
    ) -> Corner | None:
        """One line that ends with a "quote\""""
        ...

    @rpc__.method(name="_hidden")
    async def hidden(
        _self,
        self: int,
        options: Options,
        headers: Headers,
        kebab: Kebab,
        row: Row,
    ) -> Any:
        """\"Quoted" at the start.

        Indented,   and with a tab, a backslash \\ and three quotes \"\"\".
        """
        ...

    async def list(
        self,
        a_rather_long_name_of_an_argument: dict[str, builtins.list[tuple[int, str, Level | None]]] | None = None,
        level: Level = Level.LOW,
        strange: Strange | None = None,
        text: str = "\u202edlrow\n",
        items: builtins.list[int] = ...,
        when: datetime = ...,
    ) -> builtins.list[Node]: ...  # fmt: skip

    def both(
        self,
        numbers: AsyncIterable[int],
        *,
        most: int = 5,
        **extra: bytes,
    ) -> rpc__.Stream[memoryview]: ...

    def hold(self, money: int) -> AbstractAsyncContextManager[Array]: ...

    @rpc__.notification
    async def rpc_(self, text: str) -> None: ...

    async def rpc(self, value: set[int] | None = None) -> None: ...

    @rpc__.method(raises=[Broken])
    async def a_method_with_a_very_long_name_that_leaves_no_room(
        self,
        first: Literal["a rather long text", "and one more of them, so that it is too long", "another rather long text"],
    ) -> dict[str, Literal["a rather long text", "and one more of them, so that it is long", "another rather long text"]]: ...  # fmt: skip


@rpc.contract("second")
class Second(Protocol):
    @rpc.method(raises=[Plain])
    async def shapes_(self, value: Any) -> None: ...
