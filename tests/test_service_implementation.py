from __future__ import annotations

import abc
import re
import types
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Generic, Protocol, TypeVar

import pytest

import rpc
from rpc.service.contract import contract_of
from rpc.service.function import Kind
from rpc.service.implementation import Served, served_methods
from rpc.service.signature import Signature
from tests.contracts import Broke, Calc, CalcServer, Store, Words, WordsServer

T = TypeVar("T")


def served(contract: Any, implementation: object) -> dict[str, Served]:
    return {method.name: method for method in served_methods(contract_of(contract), implementation)}


def problems(contract: Any, implementation: object) -> list[str]:
    with pytest.raises(TypeError) as caught:
        served_methods(contract_of(contract), implementation)
    first, *lines = str(caught.value).splitlines()
    name = contract_of(contract).cls.__name__
    assert first == f"{type(implementation).__name__} does not implement the contract {name}:"
    return [line.removeprefix("  ") for line in lines]


@rpc.contract("alarm")
class Alarm(Protocol):
    """A contract with one method of each kind."""

    async def ring(self, times: int = 1) -> str:
        """Make a noise."""
        ...

    def beats(self, numbers: AsyncIterable[int], *, slow: bool = False) -> rpc.Stream[float]: ...

    def hold(self, name: str, /) -> AbstractAsyncContextManager[int]: ...

    @rpc.notification
    async def notice(self, level: int) -> None: ...


class Bell:
    async def ring(self, times: int = 1) -> str:
        return "ding" * times

    async def beats(self, numbers: AsyncIterable[int], *, slow: bool = False) -> AsyncIterator[float]:
        async for number in numbers:
            yield float(number)

    @asynccontextmanager
    async def hold(self, name: str, /) -> AsyncIterator[int]:
        yield len(name)

    async def notice(self, level: int) -> None: ...


def bell(**methods: Any) -> object:
    """A bell with other methods."""
    return type("Bell", (Bell,), methods)()


# --- What is served --------------------------------------------------------------------------------------------------


def test_each_method_is_served_as_the_contract_has_it() -> None:
    methods = served(Calc, CalcServer())
    assert {name: method.kind for name, method in methods.items()} == {
        "add": Kind.METHOD,
        "move": Kind.METHOD,
        "countdown": Kind.STREAMING,
        "path": Kind.STREAMING,
        "total": Kind.METHOD,
        "lease": Kind.CONTEXT,
        "observe": Kind.NOTIFICATION,
        "pay_out": Kind.METHOD,
    }
    assert methods["pay_out"].marks.raises == (Broke,)
    assert methods["pay_out"].marks.idempotent


async def test_functions_run_those_of_the_object() -> None:
    methods = served(Alarm, Bell())
    assert await methods["ring"].function(2) == "dingding"
    assert await methods["ring"].function(times=3) == "dingdingding"
    assert [beat async for beat in methods["beats"].function(rpc.each([1, 2]))] == [1.0, 2.0]
    async with methods["hold"].function("abc") as value:
        assert value == 3


def test_functions_have_the_contract_s_schema_and_words() -> None:
    def ring(self, times=1):  # type: ignore[no-untyped-def]
        """Ring."""

    def notice(self, level):  # type: ignore[no-untyped-def]
        """Look."""

    methods = served(Alarm, bell(ring=ring, notice=notice))
    signature = Signature.of(methods["ring"].function, name="alarm.ring")
    [times] = signature.parameters
    assert (times.name, times.annotation, times.default, signature.returns) == ("times", int, 1, str)
    assert methods["ring"].function.__doc__ == "Make a noise."
    assert methods["notice"].function.__doc__ == "Look."


def test_a_plain_generator_streams_too() -> None:
    def letters(self: Any, word: str) -> Iterator[str]:
        yield from word

    @rpc.contract("speller")
    class Speller(Protocol):
        def letters(self, word: str) -> rpc.Stream[str]: ...

    method = served(Speller, type("Server", (), {"letters": letters})())["letters"]
    assert list(method.function("ab")) == ["a", "b"]
    yields = Signature.of(method.function, name="speller.letters").yields
    assert yields is not None
    assert yields.annotation is str


async def test_a_context_needs_no_decorator() -> None:
    async def hold(self: Any, name: str, /) -> AsyncGenerator[int]:
        yield len(name)

    method = served(Alarm, bell(hold=hold))["hold"]
    assert [value async for value in method.function("abc")] == [3]


async def test_any_object_will_do() -> None:
    async def ring(times: int = 1) -> str:
        return "dong" * times

    space = types.SimpleNamespace(ring=ring, beats=Bell().beats, hold=Bell().hold, notice=Bell().notice)
    assert await served(Alarm, space)["ring"].function(2) == "dongdong"


# --- The context -----------------------------------------------------------------------------------------------------


def context_first(self: Any, context: rpc.Context, times: int = 1) -> Any:
    return context, times


def context_last(self: Any, times: int = 1, context: rpc.Context | None = None) -> Any:
    return context, times


def context_by_name(self: Any, times: int = 1, *, context: rpc.Context) -> Any:
    return context, times


def context_behind_more(self: Any, times: int = 1, more: int = 0, context: rpc.Context | None = None) -> Any:
    return context, times


def context_by_position(self: Any, context: rpc.Context, /, times: int = 1) -> Any:
    return context, times


@pytest.mark.parametrize(
    "ring", [context_first, context_last, context_by_name, context_behind_more, context_by_position]
)
@pytest.mark.parametrize(("args", "kwargs"), [([], {}), ([3], {}), ([], {"times": 3})])
def test_the_implementation_may_ask_for_the_context(ring: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    method = served(Alarm, bell(ring=ring))["ring"]
    signature = Signature.of(method.function, name="alarm.ring")
    assert [parameter.name for parameter in signature.parameters] == ["times"]
    context: Any = object()
    bound, named = signature.bind(list(args), kwargs, context)
    assert method.function(*bound, **named) == (context, 3 if args or kwargs else 1)


async def test_the_context_beside_a_stream() -> None:
    async def beats(
        self: Any, numbers: AsyncIterable[int], slow: bool = False, context: rpc.Context | None = None
    ) -> AsyncIterator[Any]:
        yield [number async for number in numbers], slow, context

    method = served(Alarm, bell(beats=beats))["beats"]
    context: Any = object()
    bound, named = Signature.of(method.function, name="alarm.beats").bind([], {"slow": True}, context, rpc.each([1]))
    assert [beat async for beat in method.function(*bound, **named)] == [([1], True, context)]


def test_the_context_before_parameters_without_names() -> None:
    @rpc.contract("alarm")
    class Pair(Protocol):
        async def ring(self, a: int, b: int = 2, /, *, c: int = 3) -> Any: ...

    class Server:
        def ring(self, context: rpc.Context, x: int, y: int = 2, c: int = 3) -> Any:
            return context, x, y, c

    method = served(Pair, Server())["ring"]
    context: Any = object()
    bound, named = Signature.of(method.function, name="alarm.ring").bind([1, 5], {"c": 7}, context)
    assert method.function(*bound, **named) == (context, 1, 5, 7)


def test_one_context_is_enough() -> None:
    def ring(self: Any, one: rpc.Context, two: rpc.Context, times: int = 1) -> str: ...  # type: ignore[empty-body]

    assert problems(Alarm, bell(ring=ring)) == ["ring: parameters 'one' and 'two' all ask for the context"]


# --- Marks -----------------------------------------------------------------------------------------------------------


def test_threads() -> None:
    @rpc.contract("alarm")
    class Threaded(Protocol):
        @rpc.method(thread=True)
        async def ring(self) -> None: ...
        @rpc.method(thread=True)
        async def wait(self) -> None: ...
        async def block(self) -> None: ...
        @rpc.notification(thread=True)
        async def notice(self) -> None: ...
        @rpc.notification
        async def look(self) -> None: ...

    class Server:
        def ring(self) -> None: ...
        async def wait(self) -> None: ...
        @rpc.method(thread=True)
        def block(self) -> None: ...
        @rpc.notification(concurrent=True)
        def notice(self) -> None: ...
        def look(self) -> None: ...

    methods = served(Threaded, Server())
    assert {name: method.marks.thread for name, method in methods.items()} == {
        "ring": True,
        "wait": False,
        "block": True,
        "notice": True,
        "look": False,
    }
    assert [name for name, method in methods.items() if method.marks.concurrent] == ["notice"]


def test_what_is_for_callers_stands_in_the_contract() -> None:
    for mark in (rpc.method(raises=[LookupError]), rpc.method(idempotent=True), rpc.method(name="other")):
        assert problems(Alarm, bell(ring=mark(Bell.ring))) == [
            "ring: raises=, idempotent= and name= are for callers too: mark the contract with them"
        ]
        Bell.ring.__dict__.clear()


def test_marks_that_do_not_fit() -> None:
    async def ring(self: Any, times: int = 1) -> str: ...  # type: ignore[empty-body]

    assert problems(Alarm, bell(ring=rpc.method(thread=True)(ring))) == [
        "ring: an async def runs on the event loop: drop thread=True, or make it a def"
    ]
    assert problems(Alarm, bell(ring=rpc.notification(ring))) == [
        "ring: it is marked as a notification, and the contract has a method"
    ]


def test_the_implementation_says_who_may_call() -> None:
    def nobody(context: rpc.Context) -> bool:
        return False

    async def ring(self: Any, times: int = 1) -> str:
        return ""

    assert served(Alarm, bell(ring=rpc.method(allow=nobody)(ring)))["ring"].marks.allow is nobody


def test_options_are_those_of_each_decorator() -> None:
    options = {name: set(method.options) for name, method in served(Alarm, Bell()).items()}
    assert options == {
        "ring": {"name", "allow", "thread", "raises", "idempotent"},
        "beats": {"name", "allow", "thread", "raises", "idempotent"},
        "hold": {"name", "allow", "raises"},
        "notice": {"name", "allow", "thread", "concurrent"},
    }


# --- Inheritance -----------------------------------------------------------------------------------------------------


def test_what_a_protocol_declares_implements_nothing() -> None:
    class Silent(Alarm):
        async def ring(self, times: int = 1) -> str:
            return ""

    silent: Any = Silent
    assert problems(Alarm, silent()) == ["beats: it is missing", "hold: it is missing", "notice: it is missing"]


async def test_an_abstract_class_may_implement_some() -> None:
    @rpc.contract("alarm")
    class Base(abc.ABC):
        @abc.abstractmethod
        async def ring(self, times: int) -> str: ...

        @rpc.method(idempotent=True)
        async def ring_twice(self) -> str:
            return await self.ring(2)

    class Server(Base):
        async def ring(self, times: int) -> str:
            return "ding" * times

    methods = served(Base, Server())
    assert await methods["ring_twice"].function() == "dingding"
    assert methods["ring_twice"].marks.idempotent


def test_generic_implementations() -> None:
    class Shelf(Generic[T]):
        async def get(self, key: str) -> T: ...  # type: ignore[empty-body]
        async def put(self, key: str, value: T, others: list[T] | None = None) -> None: ...
        async def all(self) -> AsyncIterator[T]:
            yield await self.get("")

    class Texts(Shelf[str]):
        pass

    assert set(served(Store[int], Shelf[int]())) == {"get", "put", "all"}
    assert set(served(Store[str], Texts())) == {"get", "put", "all"}
    assert set(served(Words, WordsServer())) == {"get", "put", "all", "count"}
    assert problems(Store[int], Texts()) == [
        "get: it gives str, not int",
        "put: parameter 'value' is annotated str, not int",
        "put: parameter 'others' is annotated list[str] | None, not list[int] | None",
        "all: it yields str, not int",
    ]


# --- What does not fit -----------------------------------------------------------------------------------------------


class Broken:
    def ring(self, number: int) -> str: ...  # type: ignore[empty-body]
    def beats(self, numbers: AsyncIterable[int], *, slow: bool = False) -> Iterator[float]:
        yield 0.0

    holds = 3
    notice = 4


def test_everything_is_told_at_once() -> None:
    assert problems(Alarm, Broken()) == [
        "ring: parameter 'times' is missing",
        "ring: parameter 'number' is not in the contract: give it a default, or drop it",
        "beats: it takes a stream: make it an async def",
        "hold: it is missing; is it holds?",
        "notice: it is no method, but 4",
    ]


def result(self: Any, times: int = 1) -> int: ...  # type: ignore[empty-body]
def generated(self: Any, times: int = 1) -> Generator[str]:
    yield ""


@contextmanager
def entered(self: Any, name: str, /) -> Iterator[int]:
    yield 1


def returned(self: Any, numbers: AsyncIterable[int], *, slow: bool = False) -> AsyncIterator[float]: ...  # type: ignore[empty-body]
async def yields_text(self: Any, numbers: AsyncIterable[int], *, slow: bool = False) -> AsyncIterator[str]:
    yield ""


async def yields_wrongly(self: Any, numbers: AsyncIterable[int], *, slow: bool = False) -> int:  # type: ignore[misc]  # pyright: ignore
    yield 1  # pyright: ignore


@asynccontextmanager
async def holds_text(self: Any, name: str, /) -> AsyncIterator[str]:
    yield ""


def noticed(self: Any, level: int) -> int: ...  # type: ignore[empty-body]
def unread(self: Any, level: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore


@pytest.mark.parametrize(
    ("name", "function", "told"),
    [
        ("ring", result, "ring: it gives int, not str"),
        (
            "ring",
            generated,
            "ring: it gives a generator, and the contract has a method: write a def or an async def",
        ),
        (
            "beats",
            returned,
            "beats: it gives a result, and the contract has a stream: "
            "write a generator, a def or an async def with yield in it",
        ),
        ("beats", yields_text, "beats: it yields str, not float"),
        ("beats", yields_wrongly, "beats: the result is an async generator: annotate it with AsyncIterator[...]"),
        (
            "hold",
            entered,
            "hold: it gives a context manager, and the contract has a context: "
            "write an async def with one yield in it, decorated with asynccontextmanager",
        ),
        ("hold", holds_text, "hold: it yields str, not int"),
        ("notice", noticed, "notice: it gives int, not None"),
        (
            "notice",
            generated,
            "notice: it gives a generator, and the contract has a notification: write a def or an async def",
        ),
        (
            "notice",
            unread,
            "notice: its signature cannot be read: name 'Nowhere' is not defined; define, or import, what annotations "
            "name at the top of the module, and not for type checkers only",
        ),
    ],
)
def test_what_differs(name: str, function: Any, told: str) -> None:
    assert problems(Alarm, bell(**{name: function})) == [told]


def test_a_class_is_no_object() -> None:
    with pytest.raises(TypeError, match=re.escape("Bell is a class: give an instance of it, Bell()")):
        served(Alarm, Bell)


def test_three_dots_for_a_default_of_the_implementation() -> None:
    @rpc.contract("alarm")
    class Snooze(Protocol):
        async def snooze(self, seconds: float = ...) -> None: ...

    class Server:
        def snooze(self, seconds: float = 5) -> None: ...

    [seconds] = Signature.of(served(Snooze, Server())["snooze"].function, name="alarm.snooze").parameters
    assert (seconds.annotation, seconds.default) == (float, 5)
