from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.address import parse
from rpc.client.opening import Opening
from rpc.errors import Processed, Reason
from rpc.wire import frames
from tests.probe import Probe
from tests.raw_peer import HELLO, RawPeer, call, client_of, socket_links


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


# --- Patience ----------------------------------------------------------------------------------------------------


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


# --- Nobody, and servers that are none ---------------------------------------------------------------------------


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


async def test_an_address_that_nothing_answers_at(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def never(*arguments: Any) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", never)
    with pytest.raises(rpc.Unavailable) as caught:
        async with rpc.connect("tcp://192.0.2.1:9000", limits=rpc.Limits(handshake_timeout=4)):
            raise AssertionError("not reached")
    assert str(caught.value) == "cannot connect to tcp://192.0.2.1:9000: no answer within 4 s"
    assert caught.value.processed is Processed.NOT_PROCESSED
    assert trio.current_time() == pytest.approx(4)


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


# --- What a connection is, once it is open -----------------------------------------------------------------------


async def test_a_server_may_call_at_once_and_is_called_back(probe: Probe) -> None:
    near, far = socket_links()
    server = RawPeer(far)
    await server.say(HELLO, call(2, "probe.ask"))
    async with client_of(near, services=probe.service) as client:
        await server.hear()
        assert (await server.hear())[0] == frames.REPLY
        [context] = probe.contexts
        assert context.client is client
    server.close()


async def test_who_is_cancelled_as_the_credential_is_judged_leaves_no_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = socket_links()
    server = RawPeer(far)
    await server.say(HELLO)
    with trio.move_on_after(1) as scope:
        async with client_of(near, credential=b"secret"):
            raise AssertionError("not reached")
    assert scope.cancelled_caught
    assert near.is_closed
    server.close()


def test_what_it_takes_never_shows_the_credential() -> None:
    need: Any = None
    opening = Opening(
        address=parse("unix:x"), credential=b"secret", handlers=need, limits=need, readiness=need, nursery=need
    )
    assert "secret" not in repr(opening)
