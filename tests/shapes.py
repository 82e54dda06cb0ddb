"""Services whose description has every shape that a generated module must be able to say.

``python -m tests.shapes`` writes ``tests/shapes_client.py`` anew, which the checks of this project then check.
"""

import datetime
import enum
import ipaddress
import pathlib
import uuid
from array import array
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, NotRequired, TypeAlias, TypedDict, TypeVar

import attrs
import msgspec
from attrs import field as own_field

import rpc
from rpc.generation.module import generate
from rpc.service.describing import describe

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

MODULE = Path(__file__).with_name("shapes_client.py")


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


Strange = enum.Enum("Strange", {"A": "a", "not a name": "b", "name": "c", "import": "d"})


@dataclass
class Node:
    r"""A tree: it holds "itself".

    \N{BULLET} one
    """

    name: str = 'it\'s "quoted" \\ and long'
    children: "list[Node]" = field(default_factory=list)
    level: Level = Level.HIGH


@attrs.define
class Times:
    """Every class of a single value, with defaults."""

    moment: datetime.datetime = datetime.datetime(2026, 5, 1, 12, 30, tzinfo=datetime.UTC)
    elsewhere: datetime.datetime = datetime.datetime(
        2026, 5, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
    )
    date: datetime.date = datetime.date(2026, 5, 1)
    time: datetime.time = datetime.time(8, 0)
    length: datetime.timedelta = datetime.timedelta(days=1, seconds=30)
    price: Decimal = Decimal("1.50")
    key: uuid.UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")  # noqa: RUF009
    path: pathlib.Path = pathlib.Path("/tmp/a b")
    host: ipaddress.IPv4Address | None = ipaddress.IPv4Address("127.0.0.1")  # noqa: RUF009
    net: ipaddress.IPv6Network = ipaddress.IPv6Network("fd00::/8")  # noqa: RUF009
    nothing: float = float("inf")
    raw: bytes = b'\x00"\xff'
    buffer: bytearray = attrs.field(factory=bytearray)
    kinds: frozenset[str] = frozenset(("a", "b"))
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = (1,)
    table: dict[int, list[str]] = attrs.field(factory=dict[int, list[str]])
    node: Node | None = None
    word: Literal["a", 1, None] = "a"


@attrs.define
class Shadowed:
    """Fields with the names of the classes that others have."""

    date: datetime.date
    list: "str"
    attrs: "bytes"
    int: "float"
    items: "tuple[bytes, ...]" = ()
    rest: "dict[str, bytes]" = own_field(factory=dict)


@attrs.define
class Late:
    """A default that cannot be told stands before others, and a private field."""

    _private: int
    made: float = attrs.field(factory=lambda: 1.5)
    count: int = 0
    needed: str = attrs.field(kw_only=True)


@attrs.define
class Box(Generic[T]):
    inside: T
    more: list[T] = attrs.field(factory=list)


class Corner(NamedTuple):
    x: int
    node: Node
    y: float = -0.0


class Options(TypedDict):
    depth: int
    width: NotRequired[int]


Headers = TypedDict("Headers", {"content-type": str, "x": NotRequired[int]})


class Row(msgspec.Struct, array_like=True, tag=7, tag_field="kind"):
    a: int
    b: str = "b"


class Kebab(msgspec.Struct, rename="kebab"):
    long_name: int
    other_name: str = "x"


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


rpc.register_type(Money, to=lambda money: money.cents, from_=Money, wire=int)


@attrs.define
class Broken(Exception):
    """What is broken."""

    code = rpc.Code.DATA_LOSS
    part: str
    how: str = "badly"


class Plain(Exception):
    pass


shapes = rpc.Service("my_shapes.all", doc='A service of "shapes".\n\nAnd more.')
second = rpc.Service("second")


if TYPE_CHECKING:
    Numbers: TypeAlias = array[int]
else:
    Numbers = array  # which takes no parameters before Python 3.12


def described(doc: str) -> Callable[[F], F]:
    """Give a function a docstring that the rules for docstrings forbid."""

    def describe(function: F) -> F:
        function.__doc__ = doc
        return function

    return describe


@shapes.method
def times(times: Times, shadowed: Shadowed) -> Late:
    raise NotImplementedError


@shapes.method(raises=[Broken, Plain, ValueError, rpc.NotFound], idempotent=True, name="import")
@described('One line that ends with a "quote"')
def keyword(box: Box[int], other: Box[str], /, *boxes: Box[Node]) -> Corner | None:
    raise NotImplementedError


@shapes.method(name="_hidden")
@described('"Quoted" at the start.\n\n    Indented,\tand with a tab, a backslash \\ and three quotes """.')
def hidden(self: int, options: Options, headers: Headers, kebab: Kebab, row: Row) -> Any:
    raise NotImplementedError


@shapes.method(name="list")
def listed(
    a_rather_long_name_of_an_argument: dict[str, list[tuple[int, str, Level | None]]] | None = None,
    level: Level = Level.LOW,
    strange: Strange | None = None,
    text: str = "\u202edlrow\n",
    items: list[int] = [],  # noqa: B006
    when: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
) -> list[Node]:
    raise NotImplementedError


@shapes.method
async def both(numbers: AsyncIterable[int], *, most: int = 5, **extra: bytes) -> AsyncIterator[memoryview]:
    yield memoryview(b"")


@shapes.context
async def hold(money: Money) -> AsyncIterator["Numbers"]:
    yield array("i")


@shapes.notification
def rpc_(text: str) -> None: ...


@shapes.method(name="rpc")
def named_as_the_package(value: set[int] | None = None) -> None: ...


@shapes.method(raises=[Broken])
def a_method_with_a_very_long_name_that_leaves_no_room(
    first: Literal["a rather long text", "another rather long text", "and one more of them, so that it is too long"],
) -> dict[str, Literal["a rather long text", "another rather long text", "and one more of them, so that it is long"]]:
    raise NotImplementedError


@second.method(raises=[Plain])
def shapes_(value: object) -> None: ...


if __name__ == "__main__":
    MODULE.write_text(generate(describe([shapes, second])))
