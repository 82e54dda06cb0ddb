from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed
from tests.probe import Probe
from tests.raw_peer import HELLO, RawPeer, client_of, socket_links


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/s"


# --- Connecting --------------------------------------------------------------------------------------------------


async def test_a_client_of_a_server(probe: Probe, address: str) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, probe.service, address)
        async with rpc.connect(address) as client:
            assert await client.call("probe.add", 1) == 11
            assert client.peer.pid == os.getpid()
        with pytest.raises(rpc.Unavailable, match="this client was closed") as caught:
            await client.call("probe.add", 1)
        assert caught.value.processed is Processed.NOT_PROCESSED
        nursery.cancel_scope.cancel()


async def test_without_async_with_it_says_what_to_do(address: str) -> None:
    connecting: Any = rpc.connect(address)
    with pytest.raises(TypeError, match=r"use: async with rpc\.connect\(\.\.\.\) as client"):
        await connecting
    with pytest.raises(AttributeError, match=r"no 'call' yet; use: async with rpc\.connect\(\.\.\.\) as client"):
        await connecting.call("probe.add", 1)
    with pytest.raises(TypeError):
        rpc.connect()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("unix:/nowhere/at/all", "cannot connect to unix:/nowhere/at/all: no such socket file: is the server running?"),
        ("tcp://127.0.0.1:1", "cannot connect to tcp://127.0.0.1:1: Connection refused"),
    ],
)
async def test_nobody_is_there(address: str, message: str) -> None:
    with pytest.raises(rpc.Unavailable) as caught:
        async with rpc.connect(address):
            raise AssertionError("not reached")
    assert str(caught.value) == message
    assert caught.value.processed is Processed.NOT_PROCESSED
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("address", ["calc", "udp://127.0.0.1:1", "unixgram:/run/x", "tls://:80", "tcp://:80"])
async def test_an_address_that_takes_no_connections(address: str) -> None:
    with pytest.raises(ValueError, match=address.partition(":")[0]):
        async with rpc.connect(address):
            raise AssertionError("not reached")


# --- The block ---------------------------------------------------------------------------------------------------


async def test_the_exception_of_the_block_comes_out_as_it_is(probe: Probe, address: str) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, probe.service, address)
        with pytest.raises(KeyError, match="mine") as caught:
            async with rpc.connect(address) as client:
                await client.call("probe.add", 1)
                raise KeyError("mine")
        assert caught.value.__cause__ is None
        group = ExceptionGroup("mine", [ValueError("a")])
        with pytest.raises(ExceptionGroup) as grouped:
            async with rpc.connect(address):
                raise group
        assert grouped.value is group
        with pytest.raises(rpc.Unimplemented):
            async with rpc.connect(address) as client:
                await client.call("probe.nothing")
        nursery.cancel_scope.cancel()


async def test_a_lost_connection_does_not_cancel_the_block(
    probe: Probe, address: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, probe.service, address)
        async with rpc.connect(address) as client:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
                with pytest.raises(rpc.Unavailable):
                    await client.call("probe.add", 1)
                await trio.sleep(1)


async def test_notifications_leave_before_the_connection_is_closed(
    probe: Probe, address: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, probe.service, address)
        async with rpc.connect(address) as client:
            for _ in range(3):
                await client.notify("probe.observe")
        await trio.testing.wait_all_tasks_blocked()
        assert probe.told == ["observed"] * 3
        nursery.cancel_scope.cancel()


async def test_a_cancelled_block_may_clean_up_with_its_client(
    probe: Probe, address: str, autojump_clock: trio.testing.MockClock
) -> None:
    results = []
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, probe.service, address)
        with trio.move_on_after(1) as scope:
            async with rpc.connect(address) as client:
                try:
                    await client.call("probe.sleep", 100)
                finally:
                    with trio.CancelScope(shield=True):
                        results.append(await client.call("probe.add", 1))
        assert scope.cancelled_caught
        assert results == [11]
        await trio.testing.wait_all_tasks_blocked()
        assert probe.told == ["started", "cancelled", "add"]
        nursery.cancel_scope.cancel()


async def test_a_block_that_fails_closes_at_once(autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links(buffer=4096)
    peer = RawPeer(far)
    await peer.say(HELLO)
    with pytest.raises(KeyError):
        async with client_of(near) as client:
            await client.notify("far.x", bytes(200_000))
            raise KeyError("mine")
    assert trio.current_time() == 0
    peer.close()


# --- Services of the client --------------------------------------------------------------------------------------


async def test_a_client_serves_its_server(address: str, autojump_clock: trio.testing.MockClock) -> None:
    near, far, happened = rpc.Service("near"), rpc.Service("far"), []

    @near.lifespan
    async def state() -> AsyncGenerator[str]:
        happened.append("open")
        yield "the state of the client"
        happened.append("closed")

    @near.method
    async def ask(context: rpc.Context[str], value: int) -> list[object]:
        return [context.state, value]

    @near.method
    async def wait() -> None:
        try:
            await trio.sleep_forever()
        finally:
            happened.append("cancelled")

    @far.method
    async def call_back(context: rpc.Context[Any]) -> object:
        return await context.client.call(ask, 5)

    @far.method
    async def leave_waiting(context: rpc.Context[Any]) -> None:
        with trio.move_on_after(1):
            await context.client.call(wait)
        await context.client.call(wait)

    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, far, address)
        async with rpc.connect(address, services=near, limits=rpc.Limits(max_calls=16)) as client:
            assert await client.call(call_back) == ["the state of the client", 5]
            with trio.move_on_after(3):
                await client.call(leave_waiting)
        assert happened == ["open", "cancelled", "cancelled", "closed"]
        nursery.cancel_scope.cancel()


async def test_services_of_one_name_are_refused_before_anything_is_dialled() -> None:
    with pytest.raises(ValueError, match="two services are named 'one'"):
        async with rpc.connect("unix:/nowhere", services=[rpc.Service("one"), rpc.Service("one")]):
            raise AssertionError("not reached")
