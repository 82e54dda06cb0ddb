from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from rpc.address import Address, Scheme, parse
from rpc.errors import Reason
from rpc.net import sockets
from rpc.net.link import Link, SocketLink
from rpc.net.listen import Listener, listen
from rpc.wire import frames, hello
from rpc.wire.framing import FrameReader
from tests.raw_peer import HELLO
from tests.resolver import has_ipv6


class Scripted(socket.socket):
    """A listening socket whose first calls of `accept` fail as they are told."""

    failures: list[int]

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        if self.failures:
            number = self.failures.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


class Stage:
    """A listener whose socket fails as told, and a client that waits to be accepted."""

    def __init__(self) -> None:
        self.socket = Scripted()
        self.socket.failures = []
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(5)
        self.socket.setblocking(False)
        self.listener = Listener(self.socket, Address(Scheme.TCP, host="127.0.0.1", port=self.socket.getsockname()[1]))
        self.client = socket.create_connection(self.socket.getsockname())


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    with stage.socket, stage.client:
        yield stage


def unix(tmp_path: Path) -> Address:
    return Address(Scheme.UNIX, path=str(tmp_path / "calc.sock"))


def heard_by(sock: socket.socket) -> list[list[object]]:
    """The frames that come until the other side closes the connection."""
    heard = b"".join(iter(lambda: sock.recv(65536), b""))
    first, *others = FrameReader(65536).bodies(heard)
    return [[frames.HELLO, *hello.decode(first)], *(frames.decode(body) or [] for body in others)]


async def accept(listener: Listener) -> SocketLink:
    with trio.fail_after(5):
        link = await listener.accept()
    assert isinstance(link, SocketLink)
    return link


# --- Listening -------------------------------------------------------------------------------------------------


async def test_a_unix_listener_knows_the_process_that_calls(tmp_path: Path) -> None:
    [listener] = await listen(unix(tmp_path))
    assert listener.address == unix(tmp_path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.address.path)
        link = await accept(listener)
        assert link.socket.getblocking() is False
        assert link.peer.address == str(unix(tmp_path))
        assert link.peer.transport == "unix"
        assert (link.peer.uid, link.peer.gid, link.peer.pid) == (os.getuid(), os.getgid(), os.getpid())
        client.send(b"hello")
        assert link.receive_nowait(10) == b"hello"
        link.close()
    listener.close()


@pytest.mark.parametrize("mode", [0o600, 0o660])
async def test_the_socket_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    [listener] = await listen(unix(tmp_path), mode=mode)
    assert stat.S_IMODE(os.stat(listener.address.path).st_mode) == mode
    listener.close()


async def test_a_tcp_listener_knows_where_the_call_comes_from() -> None:
    [listener] = await listen(parse("tcp://127.0.0.1:0"))
    assert listener.address.host == "127.0.0.1"
    assert listener.address.port > 0
    with socket.create_connection((listener.address.host, listener.address.port)) as client:
        link = await accept(listener)
        assert link.socket.getblocking() is False
        assert link.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert link.peer.address == f"tcp://127.0.0.1:{client.getsockname()[1]}"
        assert link.peer.transport == "tcp"
        assert link.peer.uid is None
        link.close()
    listener.close()


async def test_every_interface_has_a_listener_on_one_port() -> None:
    listeners = await listen(parse("tcp://:0"))
    assert {listener.address.host for listener in listeners} == ({"0.0.0.0", "::"} if has_ipv6() else {"0.0.0.0"})
    assert len({listener.address.port for listener in listeners}) == 1
    [plain] = [listener for listener in listeners if listener.address.host == "0.0.0.0"]
    with socket.create_connection(("127.0.0.1", plain.address.port)):
        (await accept(plain)).close()
    for listener in listeners:
        listener.close()


async def test_a_live_server_keeps_its_address(tmp_path: Path) -> None:
    for address in (unix(tmp_path), parse("tcp://127.0.0.1:0")):
        [listener] = await listen(address)
        with pytest.raises(OSError, match=r"live server|in use") as caught:
            await listen(listener.address)
        assert caught.value.errno == errno.EADDRINUSE
        listener.close()
        [listener] = await listen(listener.address)
        listener.close()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tls://127.0.0.1:0", "it needs a certificate: give tls=rpc.server_tls"),
        ("udp://127.0.0.1:0", "it takes datagrams, not connections"),
        ("unixgram:/tmp/calc.dg", "it takes datagrams, not connections"),
    ],
)
async def test_nobody_accepts_there(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"cannot listen on {text}: {why}"):
        await listen(parse(text))


# --- Accepting -------------------------------------------------------------------------------------------------


async def test_connections_are_accepted_in_the_order_they_came(tmp_path: Path) -> None:
    [listener] = await listen(unix(tmp_path))
    clients = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for number, client in enumerate(clients):
        client.connect(listener.address.path)
        client.send(bytes((number,)))
    for number, client in enumerate(clients):
        link = await accept(listener)
        assert link.receive_nowait(10) == bytes((number,))
        link.close()
        client.close()
    listener.close()


async def test_a_cancelled_accept_loses_nothing(stage: Stage) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await stage.listener.accept()
    assert scope.cancelled_caught
    (await accept(stage.listener)).close()


async def test_accepting_lets_other_tasks_run(stage: Stage) -> None:
    with trio.testing.assert_checkpoints():
        link = await stage.listener.accept()
    link.close()


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENETDOWN, errno.EAGAIN])
async def test_a_connection_that_failed_by_itself_is_passed_over(stage: Stage, number: int) -> None:
    stage.socket.failures = [number] * 3
    (await accept(stage.listener)).close()
    assert stage.socket.failures == []


async def test_a_connection_that_is_gone_already_is_passed_over(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    really_tune, tuned = sockets.tune, list[socket.socket]()

    def tune(sock: socket.socket) -> None:
        tuned.append(sock)
        if len(tuned) == 1:
            raise OSError(errno.EINVAL, "Invalid argument")
        really_tune(sock)

    monkeypatch.setattr(sockets, "tune", tune)
    with socket.create_connection(stage.socket.getsockname()):
        link = await accept(stage.listener)
        assert [sock.fileno() for sock in tuned] == [-1, link.socket.fileno()]
        link.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_without_room_it_rests_and_complains_once(
    stage: Stage, number: int, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    without_descriptor = number in (errno.EMFILE, errno.ENFILE)
    stage.socket.failures = [number] * (80 if without_descriptor else 40)  # then the reserve is tried each time
    link = await stage.listener.accept()
    link.close()
    assert trio.current_time() == pytest.approx(4.0)
    assert stage.listener.dismissed == 0
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"{stage.listener.address}: cannot accept, no room: {os.strerror(number)}"


async def test_it_complains_again_after_a_while(
    stage: Stage, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    stage.socket.failures = [errno.EMFILE] * 240
    (await stage.listener.accept()).close()
    assert trio.current_time() == pytest.approx(12.0)
    assert len(caplog.records) == 3


async def test_who_finds_no_descriptor_is_told_so_at_once(
    stage: Stage, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(stage.socket.getsockname()) as second:
        stage.client.sendall(HELLO)
        stage.socket.failures = [errno.EMFILE]
        (await accept(stage.listener)).close()
        assert trio.current_time() == 0
        assert stage.listener.dismissed == 1
        [hello, goaway] = heard_by(stage.client)
        assert hello[0] == frames.HELLO
        assert goaway == [frames.GOAWAY, 0, Reason.TOO_MANY, "the server has no descriptors left"]
        assert second.recv(100) == b""
    assert len(caplog.records) == 1


async def test_where_tls_is_spoken_there_is_no_word_for_it(stage: Stage) -> None:
    stage.listener = Listener(stage.socket, stage.listener.address, context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    with socket.create_connection(stage.socket.getsockname()):
        stage.socket.failures = [errno.EMFILE]
        (await accept(stage.listener)).close()
        assert stage.client.recv(100) == b""


async def test_an_error_that_will_not_pass_is_raised(stage: Stage) -> None:
    stage.socket.failures = [errno.EINVAL]
    with pytest.raises(OSError, match="Invalid argument"):
        await stage.listener.accept()


# --- Closing ---------------------------------------------------------------------------------------------------


async def test_closing_removes_the_socket_file(tmp_path: Path) -> None:
    [listener] = await listen(unix(tmp_path))
    assert repr(listener) == f"<Listener {unix(tmp_path)} open>"
    listener.close()
    assert os.listdir(tmp_path) == []
    assert repr(listener) == f"<Listener {unix(tmp_path)} closed>"
    listener.close()


async def test_closing_leaves_the_file_of_a_successor(tmp_path: Path) -> None:
    [first] = await listen(unix(tmp_path))
    os.unlink(first.address.path)
    [second] = await listen(unix(tmp_path))
    first.close()
    first.close()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(second.address.path)
    second.close()


async def test_the_file_is_removed_while_its_socket_still_listens(tmp_path: Path) -> None:
    [sock] = await sockets.bind_all(parse("tcp://127.0.0.1:0"), socket.SOCK_STREAM, backlog=1)
    seen: list[bool] = []
    listener = Listener(sock, unix(tmp_path), remove=lambda: seen.append(listener.is_closed))
    listener.close()
    assert seen == [False]


async def test_closing_wakes_who_waits(tmp_path: Path, nursery: trio.Nursery) -> None:
    [listener] = await listen(unix(tmp_path))
    outcome: list[type[Exception]] = []

    async def wait() -> None:
        try:
            await listener.accept()
        except trio.ClosedResourceError as error:
            outcome.append(type(error))

    nursery.start_soon(wait)
    await trio.testing.wait_all_tasks_blocked()
    with trio.testing.assert_checkpoints():
        await listener.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert outcome == [trio.ClosedResourceError]
    with pytest.raises(trio.ClosedResourceError, match="closed"):
        await listener.accept()


async def test_closing_while_it_rests_ends_it(stage: Stage, autojump_clock: trio.testing.MockClock) -> None:
    stage.socket.failures = [errno.EMFILE] * 100
    outcome: list[Link] = []

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            outcome.append(await stage.listener.accept())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(0.55)
        stage.listener.close()
    assert not outcome


async def test_a_reserve_that_was_lost_is_there_again_with_the_next_connection(tmp_path: Path) -> None:
    [listener] = await listen(unix(tmp_path))
    listener._reserve.close()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.address.path)
        link = await accept(listener)
        assert listener._reserve._descriptor is not None
        link.close()
    listener.close()


async def test_one_that_is_closed_as_somebody_comes_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = trio.lowlevel.wait_readable

    async def wait_and_close(sock: socket.socket) -> None:
        await wait(sock)
        stage.listener.close()

    monkeypatch.setattr(trio.lowlevel, "wait_readable", wait_and_close)
    with pytest.raises(trio.ClosedResourceError):
        await stage.listener.accept()
