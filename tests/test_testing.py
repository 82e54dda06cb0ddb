from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from tests.probe import Probe


@pytest.fixture
def probe() -> Probe:
    return Probe()


async def test_a_client_of_a_service_in_this_process(probe: Probe) -> None:
    async with rpc.testing.client(probe.service) as client:
        assert await client.call("probe.add", 1) == 11
        assert client.peer.transport == "memory"
        await client.notify("probe.observe")
        await client.ping()
    assert probe.told == ["add", "observed"]


async def test_several_services(probe: Probe) -> None:
    other = rpc.Service("other")

    @other.method
    def name() -> str:
        return "other"

    async with rpc.testing.client([probe.service, other]) as client:
        assert await client.call(name) == "other"
        assert await client.call("probe.add", 1) == 11


async def test_values_pass_through_the_codec(probe: Probe) -> None:
    async with rpc.testing.client(probe.service) as client:
        with pytest.raises(rpc.EncodeError):
            await client.call("probe.add", object())
        with pytest.raises(rpc.InvalidArgument, match="expected int, got str 'x'"):
            await client.call("probe.add", "x")


async def test_lifespans_are_entered_and_left() -> None:
    service, happened = rpc.Service("calc"), []

    @service.lifespan
    async def state() -> AsyncGenerator[str]:
        happened.append("open")
        yield "the state"
        happened.append("closed")

    @service.method
    def ask(context: rpc.Context[Any]) -> object:
        return context.state

    async with rpc.testing.client(service) as client:
        assert await client.call(ask) == "the state"
    assert happened == ["open", "closed"]


async def test_time_is_the_tests_to_say(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(probe.service) as client:
        with pytest.raises(trio.TooSlowError), trio.fail_after(3600):
            await client.call("probe.sleep", 100_000)
        assert trio.current_time() == pytest.approx(3600)
        await trio.testing.wait_all_tasks_blocked()
        assert probe.told == ["started", "cancelled"]
        assert await client.call("probe.sleep", 10) == "slept"


async def test_errors_tell_all_unless_they_shall_not(probe: Probe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "rpc")
    async with rpc.testing.client(probe.service) as client:
        with pytest.raises(rpc.RemoteError, match="a secret") as caught:
            await client.call("probe.fail", "undeclared")
        assert caught.value.remote_traceback is not None
    async with rpc.testing.client(probe.service, debug=False) as client:
        with pytest.raises(rpc.RemoteError, match="its message stays on the server") as caught:
            await client.call("probe.fail", "undeclared")
        assert caught.value.remote_traceback is None


async def test_limits_are_those_of_both_sides(probe: Probe) -> None:
    async with rpc.testing.client(probe.service, limits=rpc.Limits(max_message=16384)) as client:
        with pytest.raises(rpc.ResourceExhausted, match="the arguments of probe"):
            await client.call("probe.add", bytes(20_000))
        with pytest.raises(rpc.ResourceExhausted, match="the result of probe"):
            await client.call("probe.big", 20_000)


async def test_the_exception_of_the_block_comes_out_as_it_is(probe: Probe) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with rpc.testing.client(probe.service) as client:
            await client.call("probe.add", 1)
            raise KeyError("mine")


async def test_every_handler_has_ended_at_the_end_of_the_block(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    with trio.move_on_after(1):
        async with rpc.testing.client(probe.service) as client, trio.open_nursery() as nursery:
            nursery.start_soon(client.call, "probe.sleep", 100)
            nursery.start_soon(client.call, "probe.finish", 5)
    assert sorted(probe.told) == ["cancelled", "finished", "started", "started"]
    assert trio.current_time() == pytest.approx(5)


async def test_a_handler_has_no_services_to_call_back(probe: Probe) -> None:
    @probe.service.method
    async def call_back(context: rpc.Context[Any]) -> None:
        await context.client.call("near.x")

    async with rpc.testing.client(probe.service) as client:
        with pytest.raises(rpc.RemoteError, match="Unimplemented"):
            await client.call("probe.call_back")


async def test_who_the_client_is() -> None:
    service = rpc.Service("who")

    @service.method(allow=lambda context: context.peer.identity == "alice")
    def am_i(context: rpc.Context) -> object:
        return context.peer.identity

    async with rpc.testing.client(service, identity="alice") as client:
        assert await client.call("who.am_i") == "alice"
    async with rpc.testing.client(service) as client:
        with pytest.raises(rpc.PermissionDenied):
            await client.call("who.am_i")
