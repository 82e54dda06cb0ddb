from __future__ import annotations

import contextvars
import logging
import threading
from typing import Any

import pytest
import trio

from rpc.net.handlers import Handlers, raise_unmixed, run_async, run_inline
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.service import Service
from rpc.service.table import Table

service = Service("calc")
variable = contextvars.ContextVar("variable", default=0)


@service.method
def count() -> int:
    variable.set(variable.get() + 1)
    return variable.get()


@service.method
def fail(message: str) -> None:
    raise KeyError(message)


@service.method
async def later(value: int) -> int:
    await trio.lowlevel.checkpoint()
    return value


@service.method
async def fail_later() -> None:
    raise KeyError("later")


@service.method(thread=True)
def where() -> int:
    return threading.get_ident()


@service.method
def who(context: Context[str]) -> str:
    return context.peer.address


PEER = Peer(address="memory:", transport="memory")


def test_a_context_is_made_for_those_that_ask() -> None:
    handlers = Handlers(Table([service]), {"calc": "the state"})
    context = handlers.context(who, PEER, {"key": 1}, 12.5, "a client")
    assert context is not None
    assert (context.peer, context.metadata, context.deadline) == (PEER, {"key": 1}, 12.5)
    client: Any = context.client
    assert (context.state, client) == ("the state", "a client")
    assert handlers.context(count, PEER, None, 12.5, None) is None


def test_a_context_without_metadata_and_state() -> None:
    context = Handlers(Table([service])).context(who, PEER, None, 12.5, None)
    assert context is not None
    assert context.metadata == {}
    assert context.state is None


async def test_what_is_dropped_is_counted_and_told_safely(caplog: pytest.LogCaptureFixture) -> None:
    handlers = Handlers(Table([service]))
    handlers.drop("no\nsuch", "no such notification")
    handlers.drop("calc.x", "arguments that do not fit", "got \x1b")
    handlers.drop("calc.x", "arguments that do not fit")
    assert handlers.dropped == {"no such notification": 1, "arguments that do not fit": 2}
    assert "no\\nsuch" in caplog.messages[0]
    assert "got \\x1b" in caplog.messages[1]


def test_a_handler_sees_the_variables_of_its_connection_and_leaves_none() -> None:
    context = contextvars.copy_context()
    assert [run_inline(context, count, (), {}) for _ in range(3)] == [1, 1, 1]
    assert variable.get() == 0


def test_what_a_handler_raises_comes_out() -> None:
    with pytest.raises(KeyError, match="mine"):
        run_inline(contextvars.copy_context(), fail, ("mine",), {})


@pytest.mark.parametrize("fails", [False, True])
def test_a_handler_that_holds_the_loop_is_named(
    fails: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks = iter([10.0, 10.25, 20.0, 20.05])
    monkeypatch.setattr("rpc.net.handlers.time.perf_counter", lambda: next(ticks))
    if fails:
        with pytest.raises(KeyError):
            run_inline(contextvars.copy_context(), fail, ("x",), {})
    else:
        run_inline(contextvars.copy_context(), count, (), {})
    run_inline(contextvars.copy_context(), count, (), {})
    name = "calc.fail" if fails else "calc.count"
    assert caplog.messages == [f"{name} held the loop for 250 ms: make it async, or register it with thread=True"]


async def test_a_handler_that_waits() -> None:
    assert await run_async(later, (5,), {}) == 5
    assert await run_async(later, (), {"value": 6}) == 6
    with pytest.raises(KeyError, match="later"):
        await run_async(fail_later, (), {})


async def test_a_handler_in_a_thread() -> None:
    assert await run_async(where, (), {}) != threading.get_ident()


def test_a_group_of_errors_comes_out_as_it_is() -> None:
    group = ExceptionGroup("two", [KeyError("a"), ValueError("b")])
    group.__cause__ = OSError("the cause")
    with pytest.raises(ExceptionGroup) as caught:
        raise_unmixed(group)
    assert caught.value is group
    assert isinstance(group.__cause__, OSError)


async def test_cancellation_alone_comes_out_as_it_is() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as cancelled:
            raise_unmixed(BaseExceptionGroup("one", [cancelled]))
    assert scope.cancelled_caught


async def test_cancellation_is_told_again_where_it_came_with_errors() -> None:
    noise = Service("noise")

    @noise.method
    async def fail_when_cancelled() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("in the end")

    with trio.CancelScope() as scope:
        scope.cancel()
        with pytest.RaisesGroup(pytest.RaisesExc(KeyError, match="in the end")):
            await run_async(fail_when_cancelled, (), {})
        await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught


async def test_an_undeclared_error_is_logged_where_its_author_can_see_it(caplog: pytest.LogCaptureFixture) -> None:
    Handlers(Table([service])).log_failure(fail, KeyError("a secret"))
    [record] = caplog.records
    assert record.getMessage() == "calc.fail raised KeyError"
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


HERE = Peer(address="unix:/run/calc.sock", transport="unix")
ELSEWHERE = Peer(address="tcp://192.0.2.1:5", transport="tcp")


@pytest.mark.parametrize(
    ("describe", "here", "elsewhere"), [(None, True, False), (True, True, True), (False, False, False)]
)
def test_who_may_be_told_what_is_there(describe: bool | None, here: bool, elsewhere: bool) -> None:
    handlers = Handlers(Table([service]), describe=describe)
    assert handlers.table_for(HERE) == handlers.table_for(ELSEWHERE) == (handlers.table, False)
    described = handlers.described = Table([service])
    assert handlers.table_for(HERE) == ((described, True) if here else (handlers.table, False))
    assert handlers.table_for(ELSEWHERE) == ((described, True) if elsewhere else (handlers.table, False))
