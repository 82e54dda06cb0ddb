from __future__ import annotations

import abc
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

import pytest

import rpc
from rpc.service.cattrs_converter import CattrsConverter
from rpc.service.contract import contract_of
from rpc.service.function import Kind
from rpc.service.handle import AsyncMethod, Entering, Notification, Streaming
from rpc.wire.frames import SENDS, TAKES
from tests.contracts import Broke, Calc, CalcServer, Point, Store, Words

T = TypeVar("T")

# --- What is read ----------------------------------------------------------------------------------------------------


def test_a_contract_is_its_class() -> None:
    contract = contract_of(Calc)
    assert contract.cls is Calc
    assert contract.name == "org.calc"
    assert contract.doc == "What calculators do.\n\nWith care."
    assert contract.converter is None
    assert contract_of(Calc) is contract


@pytest.mark.parametrize(
    ("name", "handle", "wire_name", "flags"),
    [
        ("add", AsyncMethod, "org.calc.add", 0),
        ("move", AsyncMethod, "org.calc.move", 0),
        ("countdown", Streaming, "org.calc.countdown", TAKES),
        ("path", Streaming, "org.calc.path", SENDS | TAKES),
        ("total", AsyncMethod, "org.calc.total", SENDS),
        ("lease", Entering, "org.calc.lease", SENDS | TAKES),
        ("observe", Notification, "org.calc.observe", 0),
        ("pay", AsyncMethod, "org.calc.pay_out", 0),
    ],
)
def test_each_method_has_a_handle(name: str, handle: type[Any], wire_name: str, flags: int) -> None:
    member = contract_of(Calc).members[name]
    assert member.name == name
    assert member.function is vars(Calc)[name]
    assert type(member.handle) is handle
    assert member.kind is member.handle.kind
    assert member.handle.name == wire_name
    assert member.handle.flags == flags


def test_nothing_else_is_a_member() -> None:
    names = ["add", "move", "countdown", "path", "total", "lease", "observe", "pay"]
    assert list(contract_of(Calc).members) == names


def test_handles_have_what_was_declared() -> None:
    members = contract_of(Calc).members
    assert members["add"].handle.doc == "Add two numbers."
    assert members["pay"].handle.raises == (Broke,)
    assert members["pay"].handle.idempotent
    assert not members["add"].handle.idempotent
    assert members["add"].given is int
    assert members["countdown"].given is int
    assert members["lease"].given is Point
    [a, b] = members["add"].handle.signature.parameters
    assert (a.name, a.annotation, a.required, b.default) == ("a", int, True, 0)
    yields = members["lease"].handle.signature.yields
    assert yields is not None
    assert yields.annotation is Point


@pytest.mark.parametrize("name", ["add", "countdown", "lease", "observe"])
async def test_what_is_declared_only_cannot_run(name: str) -> None:
    handle: Any = contract_of(Calc).members[name].handle
    with pytest.raises(NotImplementedError, match=rf"^Calc\.{name} is declared only: call it through a stub$"):
        match handle.kind:
            case Kind.STREAMING:
                await anext(handle("x"))
            case Kind.CONTEXT:
                await handle("x").__aenter__()
            case _:
                await handle("x", 1)


def test_an_abstract_class_is_a_contract_too() -> None:
    @rpc.contract("alarm")
    class Alarm(abc.ABC):
        @abc.abstractmethod
        async def ring(self) -> None: ...

        @abc.abstractmethod
        @asynccontextmanager
        async def silence(self) -> AsyncIterator[int]:
            yield 1

        @rpc.method(raises=[LookupError])
        @abc.abstractmethod
        def wake(self) -> rpc.Stream: ...  # type: ignore[type-arg]

        def _helper(self) -> int:
            return 1

    members = contract_of(Alarm).members
    assert {name: member.kind for name, member in members.items()} == {
        "ring": Kind.METHOD,
        "silence": Kind.CONTEXT,
        "wake": Kind.STREAMING,
    }
    assert members["silence"].given is int
    assert members["wake"].given is Any
    assert members["wake"].handle.raises == (LookupError,)


def test_a_converter_is_that_of_both_sides() -> None:
    converter = CattrsConverter()

    @rpc.contract("alarm", converter=converter)
    class Alarm(Protocol):
        async def ring(self) -> None: ...

    class Bell:
        async def ring(self) -> None: ...

    assert contract_of(Alarm).converter is converter
    assert rpc.Service.from_contract(Alarm, Bell()).converter is converter


# --- Inheritance -----------------------------------------------------------------------------------------------------


def test_methods_are_inherited_and_replaced() -> None:
    @rpc.contract("readable")
    class Readable(Protocol):
        async def read(self, count: int) -> bytes: ...
        async def close(self) -> None: ...

    @rpc.contract("files")
    class File(Readable, Protocol):
        async def write(self, data: bytes) -> int: ...

        @rpc.method(idempotent=True)
        async def close(self) -> None: ...

    assert {name: member.handle.name for name, member in contract_of(File).members.items()} == {
        "read": "files.read",
        "close": "files.close",
        "write": "files.write",
    }
    assert contract_of(File).members["close"].handle.idempotent
    assert not contract_of(Readable).members["close"].handle.idempotent


def test_what_inherits_a_contract_is_none_itself() -> None:
    with pytest.raises(TypeError, match=r'^Casio is no contract: decorate the class with @rpc\.contract\("name of the'):
        contract_of(type("Casio", (CalcServer,), {}))


def test_a_generic_contract_by_what_is_bound() -> None:
    given = {contract: contract_of(contract).members["get"].given for contract in (Words, Store[int], Store[list[str]])}
    assert given == {Words: Point, Store[int]: int, Store[list[str]]: list[str]}
    assert contract_of(Store).members["get"].given is Any
    assert contract_of(Store[int]) is contract_of(Store[int])
    others = contract_of(Words).members["put"].signature.parameters["others"]
    assert others.annotation == list[Point] | None


# --- What is refused -------------------------------------------------------------------------------------------------


def undecorated(name: str, **attributes: Any) -> type:
    return type(name, (), attributes)


async def no_self() -> None: ...
async def self_by_name(*, self: Any) -> None: ...
def answers(self: Any) -> int: ...  # type: ignore[empty-body]
async def generates(self: Any) -> AsyncIterator[int]:
    yield 1


def iterates(self: Any) -> AsyncIterator[int]: ...  # type: ignore[empty-body]
async def streams_later(self: Any) -> rpc.Stream[int]: ...  # type: ignore[empty-body]
async def enters_later(self: Any) -> AbstractAsyncContextManager[int]: ...  # type: ignore[empty-body]
async def asks(self: Any, context: rpc.Context) -> int: ...  # type: ignore[empty-body]
async def unknown(self: Any, a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
async def untravelled(self: Any, a: type[int]) -> None: ...
async def two_streams(self: Any, a: AsyncIterable[int], b: AsyncIterable[int]) -> None: ...
def told(self: Any) -> None: ...
async def told_and_answered(self: Any) -> int: ...  # type: ignore[empty-body]
def told_streaming(self: Any) -> rpc.Stream[int]: ...  # type: ignore[empty-body]
def entered(self: Any) -> AbstractAsyncContextManager[int]: ...  # type: ignore[empty-body]
@asynccontextmanager
async def entered_wrong(self: Any) -> AsyncGenerator[int, None]:
    yield 1


def fresh() -> Any:
    async def method(self: Any) -> None: ...

    return method


ASYNC_DEF = r"make it an async def, whose result callers await; or a def that is annotated with rpc\.Stream\[\.\.\.\]"
NOTIFIED = "a notification is never answered, but sent with await: make it an async def -> None"


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        (3, r"Alarm\.ring is no method: a contract has methods only; put it elsewhere, or let its name begin with _"),
        (int, r"Alarm\.ring is no method"),
        (property(answers), r"Alarm\.ring is no method"),
        (staticmethod(no_self), r"Alarm\.ring is no method"),
        (classmethod(asks), r"Alarm\.ring is no method"),
        (no_self, r"Alarm\.ring: its first parameter is self, and it has none"),
        (self_by_name, r"Alarm\.ring: its first parameter is self, and it has none"),
        (answers, rf"Alarm\.ring: {ASYNC_DEF}"),
        (generates, rf"Alarm\.ring: {ASYNC_DEF}"),
        (iterates, rf"Alarm\.ring: {ASYNC_DEF}"),
        (streams_later, r"Alarm\.ring: what it gives is not awaited, but opened by async with: make it a def"),
        (enters_later, r"Alarm\.ring: what it gives is not awaited, but opened by async with: make it a def"),
        (asks, r"Alarm\.ring: rpc\.Context is nothing to callers: let the implementation alone ask for it"),
        (unknown, r"Alarm\.ring: its signature cannot be read: name 'Nowhere' is not defined"),
        (untravelled, r"alarm\.ring: parameter 'a'"),
        (two_streams, r"alarm\.ring: parameters 'a' and 'b' both ask for the stream"),
        (rpc.method(allow=bool)(fresh()), r"Alarm\.ring: allow= is nothing to callers: let the implementation alone"),
        (rpc.notification(told), rf"Alarm\.ring: {NOTIFIED}"),
        (rpc.notification(told_and_answered), rf"Alarm\.ring: {NOTIFIED}"),
        (rpc.notification(told_streaming), rf"Alarm\.ring: {NOTIFIED}"),
        (rpc.method(idempotent=True)(entered), r"Alarm\.ring: a context is neither idempotent nor run in a thread"),
        (rpc.method(thread=True)(entered_wrong), r"Alarm\.ring: a context is neither idempotent nor run in a thread"),
    ],
)
def test_what_is_no_method(attribute: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        rpc.contract("alarm")(undecorated("Alarm", ring=attribute))


def test_an_attribute_is_no_method() -> None:
    class Alarm(Protocol):
        volume: int

        async def ring(self) -> None: ...

    with pytest.raises(TypeError, match=r"^Alarm\.volume is no method: a contract has methods only"):
        rpc.contract("alarm")(Alarm)


def test_wrong_classes() -> None:
    not_a_class: Any = no_self
    with pytest.raises(TypeError, match="is no class: a contract is a Protocol or an ABC"):
        rpc.contract("alarm")(not_a_class)
    with pytest.raises(TypeError, match=r"^Alarm: a contract has methods, and here is none"):
        rpc.contract("alarm")(undecorated("Alarm"))


def test_wrong_names() -> None:
    with pytest.raises(ValueError, match="'a larm' is no name for a service"):
        rpc.contract("a larm")
    with pytest.raises(ValueError, match="'x y' is no name for a method"):
        rpc.contract("alarm")(undecorated("Alarm", ring=rpc.method(name="x y")(fresh())))
    with pytest.raises(ValueError, match=r"^Alarm: two methods are named 'alarm\.ring': give one of them another name"):
        rpc.contract("alarm")(undecorated("Alarm", ring=fresh(), other=rpc.method(name="ring")(fresh())))


@pytest.mark.parametrize("target", [3, "calc", None, list[int], CalcServer, abc.ABC, inspect])
def test_what_is_no_contract(target: Any) -> None:
    with pytest.raises(TypeError, match="is no contract: decorate the class with @rpc"):
        contract_of(target)
