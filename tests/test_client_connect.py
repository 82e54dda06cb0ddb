from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed, Reason
from rpc.wire import frames
from tests.probe import Probe
from tests.raw_peer import HELLO, RawPeer, client_of, socket_links


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/s"


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A socket that listens, for a server that is spoken by hand."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address.removeprefix("unix:"))
        listener.listen(5)
        yield listener


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


async def test_a_server_that_is_still_starting(
    probe: Probe, address: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:

        async def start_later() -> None:
            await trio.sleep(3)
            await rpc.serve(probe.service, address)

        nursery.start_soon(start_later)
        async with rpc.connect(address, wait=10) as client:
            assert trio.current_time() == pytest.approx(3, abs=0.3)
            assert await client.call("probe.add", 1) == 11
        nursery.cancel_scope.cancel()


async def test_waiting_has_an_end(address: str, autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(rpc.Unavailable, match="no such socket file"):
        async with rpc.connect(address, wait=2):
            raise AssertionError("not reached")
    assert trio.current_time() == pytest.approx(2, abs=0.3)


async def test_waiting_can_be_cancelled(address: str, autojump_clock: trio.testing.MockClock) -> None:
    with trio.move_on_after(1) as scope:
        async with rpc.connect(address, wait=10):
            raise AssertionError("not reached")
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(1)


async def test_a_server_that_restarts_is_waited_for(
    probe: Probe, address: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        with listening(address) as listener:

            async def turn_away() -> None:
                await trio.sleep(0.5)
                sock, _ = listener.accept()
                with sock:
                    sock.send(HELLO + frames.goaway(0, Reason.NONE, "the server is stopping"))
                os.unlink(address.removeprefix("unix:"))
                await trio.sleep(1)
                await rpc.serve(probe.service, address)

            nursery.start_soon(turn_away)
            async with rpc.connect(address, wait=10) as client:
                assert await client.call("probe.add", 1) == 11
        nursery.cancel_scope.cancel()


# --- Servers that are none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoken", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the peer speaks HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "the peer speaks TLS"),
        (b"", "the peer closed the connection"),
        (HELLO[:10], "the peer closed the connection"),
        (frames.ping(1), "no HELLO"),
        (HELLO + frames.goaway(0, Reason.TOO_MANY, "full"), "full"),
        (frames.goaway(0, Reason.TOO_MANY, "full"), "no HELLO"),
    ],
)
async def test_a_peer_that_is_no_server(
    spoken: bytes, message: str, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    near, far = socket_links()
    far.socket.send(spoken)
    far.close()
    with pytest.raises(rpc.Unavailable, match=f"cannot connect to unix:test: .*{message}") as caught:
        async with client_of(near):
            raise AssertionError("not reached")
    assert caught.value.processed is Processed.NOT_PROCESSED


async def test_a_server_that_says_nothing(autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    peer = RawPeer(far)
    with pytest.raises(rpc.Unavailable, match="no HELLO came in time") as caught:
        async with client_of(near, limits=rpc.Limits(handshake_timeout=2)):
            raise AssertionError("not reached")
    assert trio.current_time() == pytest.approx(2)
    assert isinstance(caught.value.__cause__, rpc.ProtocolError)
    assert caught.value.__cause__.reason is Reason.TOO_SLOW
    assert (await peer.hear_all())[-1][:3] == [frames.GOAWAY, 0, Reason.TOO_SLOW]
    peer.close()


async def test_a_handshake_that_is_cancelled_leaves_nothing_behind(autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    with trio.move_on_after(1) as scope:
        async with client_of(near):
            raise AssertionError("not reached")
    assert scope.cancelled_caught
    assert near.is_closed
    far.close()


async def test_a_server_of_another_user_is_told_nothing(address: str) -> None:
    with listening(address) as listener:
        with pytest.raises(rpc.Unavailable, match=f"its server's user {os.geteuid()} is not allowed") as caught:
            async with rpc.connect(address, allow_uids=[os.geteuid() + 1000]):
                raise AssertionError("not reached")
        assert caught.value.processed is Processed.NOT_PROCESSED
        sock, _ = listener.accept()
        with sock:
            assert sock.recv(100) == b""


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
