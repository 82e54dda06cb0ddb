from __future__ import annotations

import abc
import inspect
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, assert_type, runtime_checkable

import pytest
import trio
import trio.testing

import rpc
from tests.contracts import Broke, Calc, CalcServer, Point, Store, Words, WordsServer

# --- What it gives ---------------------------------------------------------------------------------------------------


async def test_methods_convert_arguments_and_results() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Calc, CalcServer())) as client:
        calc = assert_type(client.stub(Calc), Calc)
        assert assert_type(await calc.add(2, b=3), int) == 5
        assert await calc.add(2) == 2
        assert assert_type(await calc.move(Point(1, 2), by=3), Point) == Point(4, 2)


async def test_a_stream() -> None:
    server = CalcServer()
    async with rpc.testing.client(rpc.Service.from_contract(Calc, server)) as client:
        calc = client.stub(Calc)
        stream = assert_type(calc.countdown(3), rpc.Stream[int])
        assert isinstance(stream, rpc.Stream)
        async with stream as numbers:
            assert [assert_type(number, int) async for number in assert_type(numbers, AsyncIterator[int])] == [3, 2, 1]
        async with calc.countdown(1_000_000_000) as numbers:
            assert await anext(numbers) == 1_000_000_000
        assert server.left == ["countdown", "countdown"]


async def test_a_stream_is_iterated_itself_while_its_block_lasts() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Calc, CalcServer())) as client:
        stream = client.stub(Calc).countdown(3)
        async with stream:
            assert [number async for number in stream] == [3, 2, 1]
        with pytest.raises(RuntimeError, match="in its block only"):
            await anext(stream)


async def test_streams_both_ways() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Calc, CalcServer())) as client:
        calc = client.stub(Calc)
        assert assert_type(await calc.total(rpc.each([20, 22])), int) == 42
        async with calc.path(rpc.each([Point(1, 2), Point(3, 4)])) as points:
            assert [point async for point in points] == [Point(2, 1), Point(4, 3)]


async def test_a_stub_s_stream_is_an_argument_of_another_call() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Calc, CalcServer())) as client:
        calc = client.stub(Calc)
        async with calc.countdown(3) as numbers:
            assert await calc.total(numbers) == 6


async def test_a_context() -> None:
    server = CalcServer()
    async with rpc.testing.client(rpc.Service.from_contract(Calc, server)) as client:
        block = assert_type(client.stub(Calc).lease("abc"), AbstractAsyncContextManager[Point])
        async with block as point:
            assert assert_type(point, Point) == Point(3)
            assert server.left == []
        assert server.left == ["abc"]


async def test_a_notification() -> None:
    server = CalcServer()
    async with rpc.testing.client(rpc.Service.from_contract(Calc, server)) as client:
        calc = client.stub(Calc)
        await calc.observe("fps", value=59.9)
        await calc.add(1)  # behind it
        assert server.observed == [("fps", 59.9)]


async def test_declared_exceptions_are_themselves() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Calc, CalcServer())) as client:
        with pytest.raises(Broke) as caught:
            await client.stub(Calc).pay(7)
        assert caught.value.missing == 7


async def test_a_result_that_does_not_fit_the_contract() -> None:
    service = rpc.Service("org.calc")

    @service.method
    def add(a: int, b: int = 0) -> str:
        return "5"

    async with rpc.testing.client(service) as client:
        with pytest.raises(rpc.Internal, match=r"org\.calc\.add: the result expected int, got str '5'"):
            await client.stub(Calc).add(2, 3)


@rpc.contract("speller")
class Speller(Protocol):
    async def join(self, *words: str, **marks: int) -> list[str]: ...

    @rpc.method(thread=True)
    def letters(self, word: str) -> rpc.Stream[str]: ...

    def shout(self, words: AsyncIterable[str], *, mark: str = "!") -> rpc.Stream[str]: ...


class SpellingServer:
    def join(self, *words: str, context: rpc.Context, **marks: int) -> list[str]:
        return [context.peer.transport, *words, *marks]

    def letters(self, word: str) -> Iterator[str]:
        assert threading.current_thread() is not threading.main_thread()
        yield from word

    async def shout(self, context: rpc.Context, words: AsyncIterable[str], *, mark: str = "!") -> AsyncIterator[str]:
        async for word in words:
            yield word + mark


async def test_all_kinds_of_parameters() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Speller, SpellingServer())) as client:
        speller = client.stub(Speller)
        assert await speller.join("a", "b", c=1) == ["memory", "a", "b", "c"]
        async with speller.shout(rpc.each(["a", "b"]), mark="?") as words:
            assert [word async for word in words] == ["a?", "b?"]
        with pytest.raises(rpc.InvalidArgument, match=r"speller\.join has no argument 'context'"):
            await speller.join(context=1)


async def test_a_stream_out_of_a_thread() -> None:
    service = rpc.Service.from_contract(Speller, SpellingServer())
    async with rpc.testing.client(service) as client, client.stub(Speller).letters("abc") as letters:
        assert [letter async for letter in letters] == ["a", "b", "c"]


async def test_what_the_caller_s_iterable_raises_comes_out() -> None:
    async def words() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("no more")

    async with rpc.testing.client(rpc.Service.from_contract(Speller, SpellingServer())) as client:
        with pytest.raises(LookupError, match="no more"):
            async with client.stub(Speller).shout(words()) as shouted:
                assert [word async for word in shouted] == ["a!"]


# --- Through which client --------------------------------------------------------------------------------------------


async def test_options_of_a_view(autojump_clock: trio.testing.MockClock) -> None:
    class Slow(CalcServer):
        async def add(self, a: int, b: int = 0) -> int:  # type: ignore[override]
            await trio.sleep(60)
            return a + b

    server = Slow()
    async with rpc.testing.client(rpc.Service.from_contract(Calc, server)) as client:
        calc = client.with_options(timeout=1, metadata={"user": "alice"}).stub(Calc)
        await calc.move(Point(1))
        assert server.callers == ["alice"]
        with pytest.raises(trio.TooSlowError):
            await calc.add(1)
        assert await client.stub(Calc).add(1) == 1


@rpc.contract("screen")
class Screen(Protocol):
    async def confirm(self, question: str) -> bool: ...


class Yes:
    def confirm(self, question: str) -> bool:
        return question == "Sure?"


async def test_calls_back() -> None:
    installer = rpc.Service("installer")

    @installer.method
    async def install(context: rpc.Context) -> bool:
        return await context.client.stub(Screen).confirm("Sure?")

    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(rpc.serve, installer, "tcp://127.0.0.1:0")
        async with rpc.connect(address, services=rpc.Service.from_contract(Screen, Yes())) as client:
            assert await client.call("installer.install") is True
        nursery.cancel_scope.cancel()


# --- Generic contracts -----------------------------------------------------------------------------------------------


async def test_a_contract_that_inherits_a_generic_one() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Words, WordsServer())) as client:
        words = client.stub(Words)
        await words.put("a", Point(1))
        assert assert_type(await words.get("a"), Point) == Point(1)
        async with words.all() as points:
            assert [assert_type(point, Point) async for point in points] == [Point(1)]
        assert await words.count() == 1


async def test_an_alias_of_a_generic_contract() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Store[Point], WordsServer())) as client:
        store = assert_type(client.stub(Store[Point]), Store[Point])
        await store.put("a", Point(1))
        assert assert_type(await store.get("a"), Point) == Point(1)
        plain: Any = client.stub(Store)
        assert await plain.get("a") == {"x": 1, "y": 0}


# --- The object itself -----------------------------------------------------------------------------------------------


@rpc.contract("alarm")
class Alarm(abc.ABC):
    """Wakes."""

    @abc.abstractmethod
    async def ring(self, times: int = 1) -> None:
        """Make a noise."""


@runtime_checkable
@rpc.contract("bell")
class Bell(Protocol):
    async def ring(self, times: int = 1) -> None: ...


async def test_it_is_an_instance_of_its_contract() -> None:
    async with rpc.testing.client(rpc.Service("alarm")) as client:
        assert isinstance(client.stub(Alarm), Alarm)
        assert isinstance(client.stub(Bell), Bell)
        assert not isinstance(client.stub(Bell), Alarm)


@rpc.contract("lamp")
class Lamp:
    """A class like any other."""

    async def light(self) -> None: ...


async def test_any_class_may_be_a_contract() -> None:
    async with rpc.testing.client(rpc.Service("lamp")) as client:
        lamp = client.stub(Lamp)
        assert repr(lamp) == "<stub of lamp by Lamp>"
        with pytest.raises(rpc.Unimplemented, match=r"there is no method lamp\.light"):
            await lamp.light()


async def test_its_methods_tell_what_they_are() -> None:
    async with rpc.testing.client(rpc.Service("alarm")) as client:
        stub = client.stub(Alarm)
        assert str(inspect.signature(stub.ring)) == "(times: 'int' = 1) -> 'None'"
        assert inspect.iscoroutinefunction(stub.ring)
        assert (stub.ring.__name__, stub.ring.__doc__, stub.__doc__) == ("ring", "Make a noise.", "Wakes.")
        assert repr(stub) == "<stub of alarm by Alarm>"
        assert type(stub) is type(client.stub(Alarm))


async def test_other_attributes_are_none() -> None:
    async with rpc.testing.client(rpc.Service("alarm")) as client:
        stub: Any = client.stub(Calc)
        with pytest.raises(AttributeError, match=r"^'ad' is no method of the contract Calc; did you mean add\?$"):
            stub.ad  # noqa: B018
        with pytest.raises(AttributeError, match=r"^'_add' is no method of the contract Calc; did you mean add\?$"):
            stub._add  # noqa: B018
        with pytest.raises(AttributeError, match=r"^'quit' is no method of the contract Calc$"):
            stub.quit()
        with pytest.raises(AttributeError):
            stub.other = 1
        assert not hasattr(stub, "_contracts")


async def test_what_is_no_contract_has_no_stub() -> None:
    async with rpc.testing.client(rpc.Service("alarm")) as client:
        with pytest.raises(TypeError, match=r"^CalcServer is no contract: decorate the class with @rpc\.contract\("):
            client.stub(CalcServer)
        with pytest.raises(TypeError, match=r"^3 is no contract"):
            client.stub(3)  # type: ignore[call-overload]  # pyright: ignore


# --- Misuse of streams -----------------------------------------------------------------------------------------------


async def test_a_stream_is_not_iterated_without_its_block() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Calc, CalcServer())) as client:
        stream = client.stub(Calc).countdown(3)
        with pytest.raises(RuntimeError, match=r"its block only.*: async with stub\.countdown\(\.\.\.\) as items$"):
            async for _ in stream:
                raise AssertionError
        assert repr(stream) == "<stream of org.calc.countdown>"
        async with stream as numbers:  # nothing was sent so far
            assert await anext(numbers) == 3


async def test_a_stream_is_opened_once() -> None:
    async with rpc.testing.client(rpc.Service.from_contract(Calc, CalcServer())) as client:
        stream = client.stub(Calc).countdown(3)
        async with stream:
            with pytest.raises(RuntimeError, match="was opened already"):
                await stream.__aenter__()
        with pytest.raises(RuntimeError, match="was opened already: each call gives one, to be used once"):
            async with stream:
                raise AssertionError


async def test_what_a_block_raises_comes_out() -> None:
    server = CalcServer()
    async with rpc.testing.client(rpc.Service.from_contract(Calc, server)) as client:
        with pytest.raises(KeyError):
            async with client.stub(Calc).countdown(3) as numbers:
                raise KeyError(await anext(numbers))
        assert server.left == ["countdown"]
        with pytest.raises(rpc.InvalidArgument, match="argument 'start' expected int, got str"):
            async with client.stub(Calc).countdown("x") as numbers:  # type: ignore[arg-type]  # pyright: ignore
                await anext(numbers)
