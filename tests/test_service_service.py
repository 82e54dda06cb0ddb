from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest

from rpc.service.context import Context
from rpc.service.contract import contract
from rpc.service.handle import AsyncMethod, Entering, Method, Notification, Streaming, SyncMethod
from rpc.service.marks import method
from rpc.service.service import Service
from tests.contracts import Broke, Calc, CalcServer


@pytest.mark.parametrize("name", ["calc", "Calc_2", "_private", "org.example.calc", "rpcs", "a.rpc"])
def test_a_service_has_a_dotted_name(name: str) -> None:
    assert Service(name).name == name


@pytest.mark.parametrize("name", ["", ".", "calc.", ".calc", "a..b", "2calc", "my-calc", "calc add", "calc\n", "größe"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a service"):
        Service(name)


@pytest.mark.parametrize("name", ["rpc", "rpc.more"])
def test_names_of_the_built_in_services_are_reserved(name: str) -> None:
    with pytest.raises(ValueError, match="is reserved"):
        Service(name)


def test_a_decorator_registers_a_method() -> None:
    calc = Service("calc")

    @calc.method
    def add(a: int, b: int = 0) -> int:
        return a + b

    @calc.method(thread=True, raises=[LookupError], idempotent=True, name="find")
    def look_up(key: str) -> int:
        raise LookupError(key)

    assert calc.handles == {"calc.add": add, "calc.find": look_up}
    assert isinstance(add, Method)
    assert (add.name, add.thread, add.raises, add.idempotent) == ("calc.add", False, (), False)
    assert (look_up.name, look_up.thread, look_up.raises, look_up.idempotent) == (
        "calc.find",
        True,
        (LookupError,),
        True,
    )
    assert repr(calc) == "<Service calc: add, find>"


def test_a_generator_is_registered_for_streaming() -> None:
    logs = Service("logs")

    @logs.method
    async def tail(path: str) -> AsyncIterator[str]:
        yield path

    @logs.method(thread=True, raises=[LookupError], idempotent=True, name="read")
    def read_lines(path: str) -> Iterator[str]:
        yield path

    assert logs.handles == {"logs.tail": tail, "logs.read": read_lines}
    assert isinstance(tail, Streaming)
    assert isinstance(read_lines, Streaming)
    assert (tail.name, tail.thread, tail.raises, tail.idempotent) == ("logs.tail", False, (), False)
    assert (read_lines.name, read_lines.thread, read_lines.raises, read_lines.idempotent) == (
        "logs.read",
        True,
        (LookupError,),
        True,
    )
    assert repr(logs) == "<Service logs: tail, read>"


async def test_a_decorator_registers_a_context() -> None:
    locks = Service("locks")

    @locks.context
    @contextlib.asynccontextmanager
    async def lease(name: str) -> AsyncGenerator[int, None]:
        yield len(name)

    @locks.context(raises=[LookupError], name="take")
    async def lock(name: str) -> AsyncIterator[str]:
        yield name

    assert locks.handles == {"locks.lease": lease, "locks.take": lock}
    assert isinstance(lease, Entering)
    assert (lease.name, lease.raises, lock.name, lock.raises) == ("locks.lease", (), "locks.take", (LookupError,))
    async with lease("abc") as length, lock("abc") as name:
        assert (length, name) == (3, "abc")


def test_a_decorator_registers_a_notification() -> None:
    metrics = Service("metrics")

    @metrics.notification
    def observe(name: str, value: float) -> None: ...

    @metrics.notification(concurrent=True, thread=True, name="log")
    def write(line: str) -> None: ...

    assert metrics.handles == {"metrics.observe": observe, "metrics.log": write}
    assert isinstance(observe, Notification)
    assert (observe.concurrent, observe.thread) == (False, False)
    assert (write.concurrent, write.thread) == (True, True)
    assert repr(Service("metrics")) == "<Service metrics: nothing yet>"


def test_a_name_is_registered_once() -> None:
    calc = Service("calc")

    @calc.method
    def add() -> None: ...

    with pytest.raises(ValueError, match=r"'calc\.add' is registered already.*name="):
        calc.method(add.function)
    with pytest.raises(ValueError, match=r"'calc\.add' is registered already"):
        calc.notification(name="add")(add.function)

    async def hold() -> AsyncIterator[int]:
        yield 1

    for register in (calc.method(name="add"), calc.context(name="add")):
        with pytest.raises(ValueError, match=r"'calc\.add' is registered already"):
            register(hold)
    assert list(calc.handles) == ["calc.add"]


def noop() -> None: ...


@pytest.mark.parametrize(
    ("function", "name", "message"),
    [
        (noop, "a.b", "calc: 'a.b' is no name for a method: give it one with name="),
        (noop, "", "is no name for a method"),
        (lambda: None, None, "calc: '<lambda>' is no name for a method"),
        (functools.partial(noop), None, "is no name for a method"),
        (noop, "x" * 251, "is too long for the wire: a name has at most 255 characters"),
    ],
)
def test_a_method_has_a_name_of_one_segment(function: Any, name: str | None, message: str) -> None:
    calc = Service("calc")
    with pytest.raises(ValueError, match=message):
        calc.method(name=name)(function)
    assert calc.handles == {}


def test_a_function_that_is_refused_is_not_registered() -> None:
    calc = Service("calc")
    with pytest.raises(TypeError, match=r"calc\.stare: parameter 'at'"):

        @calc.method
        def stare(at: complex) -> None: ...

    with pytest.raises(TypeError, match=r"calc\.nothing: a context is an async def with one yield in it"):

        @calc.context  # type: ignore[arg-type]
        async def nothing() -> None: ...

    assert calc.handles == {}


async def test_the_lifespan_is_entered_anew_each_time() -> None:
    calc = Service("calc")
    events: list[str] = []

    @calc.lifespan
    async def opened() -> AsyncIterator[int]:
        events.append("open")
        yield len(events)
        events.append("close")

    for expected in (1, 3):
        async with calc.open() as state:
            assert state == expected
    assert events == ["open", "close"] * 2


async def test_without_a_lifespan_the_state_is_none() -> None:
    async with Service("calc").open() as state:
        assert state is None


def test_a_lifespan_is_an_async_generator_function_and_one() -> None:
    calc = Service("calc")

    async def no_yield() -> None: ...

    with pytest.raises(TypeError, match="calc: a lifespan is an async def with one yield in it"):
        calc.lifespan(no_yield)

    @calc.lifespan
    async def opened() -> AsyncIterator[None]:
        yield

    with pytest.raises(ValueError, match="calc has a lifespan already"):
        calc.lifespan(opened)


def test_a_service_says_what_it_is_for() -> None:
    assert Service("calc").doc == ""
    assert Service("calc", doc="  Adds.\n    Slowly.  ").doc == "Adds.\nSlowly.  "


def test_a_service_of_a_contract() -> None:
    service = Service.from_contract(Calc, CalcServer())
    assert (service.name, service.doc) == ("org.calc", "What calculators do.\n\nWith care.")
    assert {name.rpartition(".")[2]: type(handle) for name, handle in service.handles.items()} == {
        "add": SyncMethod,
        "move": AsyncMethod,
        "countdown": Streaming,
        "path": Streaming,
        "total": AsyncMethod,
        "lease": Entering,
        "observe": Notification,
        "pay_out": AsyncMethod,
    }
    pay = service.handles["org.calc.pay_out"]
    assert (pay.raises, pay.idempotent) == ((Broke,), True)
    add = service.handles["org.calc.add"]
    assert isinstance(add, Method)
    assert (add.doc, add.is_async, add(2, 3)) == ("Add two numbers.", False, 5)
    assert service.handles["org.calc.move"].signature.takes_context


def test_more_methods_beside_those_of_a_contract() -> None:
    class Counting(Service):
        pass

    service = Counting.from_contract(Calc, CalcServer())
    assert type(service) is Counting

    @service.method
    def more() -> None: ...

    assert service.handles["org.calc.more"] is more
    with pytest.raises(ValueError, match=r"'org\.calc\.add' is registered already"):
        service.method(name="add")(more.function)


def test_who_may_call_is_said_by_the_implementation() -> None:
    def nobody(context: Context) -> bool:
        return False

    class Strict(CalcServer):
        @method(allow=nobody)
        def add(self, a: int, b: int = 0) -> int:
            return a + b

    service = Service.from_contract(Calc, Strict())
    assert service.handles["org.calc.add"].allow is nobody
    assert service.handles["org.calc.move"].allow is None


def test_a_contract_that_is_not_implemented() -> None:
    with pytest.raises(TypeError, match=r"^object does not implement the contract Calc:\n  add: it is missing\n"):
        Service.from_contract(Calc, object())
    with pytest.raises(TypeError, match=r"^CalcServer is no contract"):
        Service.from_contract(CalcServer, CalcServer())


def test_a_contract_of_a_reserved_name_is_for_callers() -> None:
    class Pinger:
        async def ping(self) -> None: ...

    built_in = contract("rpc")(Pinger)
    with pytest.raises(ValueError, match="'rpc' is reserved"):
        Service.from_contract(built_in, Pinger())
