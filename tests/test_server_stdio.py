"""Serving whoever started the process; for two processes see ``tests/test_client_process.py``."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed
from rpc.net.background import open_background
from rpc.peer import Peer
from tests.raw_peer import client_of, socket_links

MINE = Peer(address="stdio:", transport="unix", uid=os.geteuid())
OTHERS = Peer(address="stdio:", transport="unix", uid=4711)


@pytest.fixture(autouse=True)
async def bound() -> AsyncGenerator[None]:
    with trio.fail_after(20):
        yield


class Program:
    """A program that serves, and who started it.

    Attributes:
        ended: set when `rpc.serve_stdio` has returned.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.ended = trio.Event()

    @asynccontextmanager
    async def connect(self, service: rpc.Service, *, peer: Peer = MINE, **options: Any) -> AsyncGenerator[rpc.Client]:
        near, far = socket_links()
        far.peer = peer
        self._monkeypatch.setattr("rpc.server.stdio.take_standard_link", lambda: far)

        async def run() -> None:
            await rpc.serve_stdio(service, **options)
            self.ended.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            async with client_of(near) as client:
                yield client
        assert far.is_closed


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(monkeypatch)


async def test_it_serves_until_they_leave(program: Program) -> None:
    service, seen = rpc.Service("calc"), []

    @service.lifespan
    async def state() -> AsyncGenerator[str]:
        seen.append("entered")
        yield "state"
        seen.append("left")

    @service.method
    def ask(context: rpc.Context[str]) -> str:
        return context.state

    async with program.connect(service) as client:
        assert await client.call(ask) == "state"
        assert seen == ["entered"]
    assert program.ended.is_set()
    assert seen == ["entered", "left"]


async def test_handlers_are_cancelled_when_they_leave(program: Program) -> None:
    service, seen = rpc.Service("calc"), []
    begun = trio.Event()

    @service.method
    async def hold() -> None:
        try:
            begun.set()
            await trio.sleep_forever()
        finally:
            seen.append("let go")

    async with open_background() as nursery, program.connect(service) as client:
        nursery.start_soon(client.call, hold)
        await begun.wait()
        nursery.cancel_scope.cancel()
    assert seen == ["let go"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains(program: Program, number: signal.Signals) -> None:
    service, results = rpc.Service("calc"), []
    begun, may_end = trio.Event(), trio.Event()

    @service.method
    async def wait() -> str:
        begun.set()
        await may_end.wait()
        return "done"

    async def call() -> None:
        results.append(await client.call(wait))

    async with program.connect(service) as client, trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await begun.wait()
        signal.raise_signal(number)
        await trio.testing.wait_all_tasks_blocked(0.05)
        with pytest.raises(rpc.Unavailable) as caught:
            await client.call(wait)
        assert caught.value.processed == Processed.NOT_PROCESSED
        may_end.set()
        await program.ended.wait()
    assert results == ["done"]


async def test_a_second_signal_ends_it_at_once(program: Program) -> None:
    service = rpc.Service("calc")

    @service.method
    async def stay() -> None:
        signal.raise_signal(signal.SIGTERM)
        await trio.testing.wait_all_tasks_blocked()
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        async with program.connect(service) as client:
            with pytest.raises(rpc.Unavailable):
                await client.call(stay)
    [ended] = caught.value.exceptions
    assert isinstance(ended, SystemExit)
    assert ended.code == 128 + signal.SIGTERM


async def test_other_users_are_let_in_where_they_are_named(program: Program) -> None:
    service = rpc.Service("calc")

    @service.method
    def add(a: int, b: int) -> int:
        return a + b

    with pytest.RaisesGroup(pytest.RaisesExc(rpc.Unavailable, match="user 4711 is not allowed")):
        async with program.connect(service, peer=OTHERS):
            pass  # pragma: no cover
    async with program.connect(service, peer=OTHERS, allow_uids=[4711]) as client:
        assert await client.call(add, 1, 2) == 3


async def test_debug_tells_what_handlers_raise(program: Program) -> None:
    service = rpc.Service("calc")

    @service.method
    def fail() -> None:
        raise KeyError("a secret")

    for debug in (False, True):
        async with program.connect(service, debug=debug) as client:
            with pytest.raises(rpc.RemoteError) as caught:
                await client.call(fail)
            assert ("a secret" in caught.value.message) == debug
