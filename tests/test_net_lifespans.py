from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio

from rpc.net.lifespans import open_handlers
from rpc.service.service import Service


@Service("calc").method
def add(a: int, b: int) -> int:
    return a + b


def service(name: str, happened: list[str], *, fails: str = "") -> Service:
    made = Service(name)

    @made.lifespan
    async def state() -> AsyncGenerator[str]:
        happened.append(f"open {name}")
        if fails == "opening":
            raise OSError("no database")
        try:
            yield f"state of {name}"
        finally:
            happened.append(f"close {name}")
        if fails == "closing":
            raise OSError("disk full")

    return made


async def test_states_live_from_before_the_first_call_until_after_the_last() -> None:
    happened: list[str] = []
    one, two, plain = service("one", happened), service("two", happened), Service("plain")
    async with open_handlers([one, plain, two], debug=True) as handlers:
        assert happened == ["open one", "open two"]
        assert handlers.states == {"one": "state of one", "plain": None, "two": "state of two"}
        assert handlers.debug
        assert handlers.table.services == (one, plain, two)
    assert happened[2:] == ["close two", "close one"]


async def test_one_service_needs_no_list() -> None:
    async with open_handlers(Service("plain")) as handlers:
        assert [made.name for made in handlers.table.services] == ["plain"]
        assert not handlers.debug


@pytest.mark.parametrize("wrong", [add, [add], None, "tcp://127.0.0.1:0"])
async def test_what_is_no_service_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"is no service: give (the|an) rpc\.Service"):
        async with open_handlers(wrong):
            pass  # pragma: no cover


async def test_each_time_that_it_is_served_a_lifespan_is_anew() -> None:
    happened: list[str] = []
    one = service("one", happened)
    for _ in range(2):
        async with open_handlers(one):
            pass
    assert happened == ["open one", "close one"] * 2


async def test_one_that_cannot_open_closes_those_before_it() -> None:
    happened: list[str] = []
    with pytest.raises(OSError, match="no database"):
        async with open_handlers([service("one", happened), service("two", happened, fails="opening")]):
            raise AssertionError("not reached")
    assert happened == ["open one", "open two", "close one"]


async def test_one_that_cannot_close_keeps_no_other_from_it() -> None:
    happened: list[str] = []
    with pytest.raises(OSError, match="disk full"):
        async with open_handlers([service("one", happened), service("two", happened, fails="closing")]):
            pass
    assert happened[2:] == ["close two", "close one"]


async def test_two_services_of_one_name_are_refused_before_anything_opens() -> None:
    happened: list[str] = []
    with pytest.raises(ValueError, match="two services are named 'one'"):
        async with open_handlers([service("one", happened), service("one", happened)]):
            raise AssertionError("not reached")
    assert happened == []


async def test_a_cancelled_body_closes_all() -> None:
    happened: list[str] = []
    with trio.CancelScope() as scope:
        async with open_handlers(service("one", happened)):
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert happened == ["open one", "close one"]
