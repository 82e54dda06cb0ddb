from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from rpc.address import Address, Scheme, parse
from rpc.errors import Processed, Unavailable
from rpc.net import sockets
from rpc.net.dial import dial
from rpc.net.link import SocketLink
from tests.resolver import use_names


@pytest.fixture
def unix_server(tmp_path: Path) -> Iterator[socket.socket]:
    """A server that accepts nothing by itself and lets one connection wait."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "calc.sock"))
        server.listen(0)
        yield server


@pytest.fixture
def tcp_server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def unix_address(server: socket.socket) -> Address:
    return Address(Scheme.UNIX, path=server.getsockname())


def closed_port() -> int:
    """A port where nobody listens: it was ours a moment ago, and the system does not give it out again so soon."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def refused(address: Address | str) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await dial(parse(address))
    assert caught.value.processed is Processed.NOT_PROCESSED
    assert str(caught.value).startswith(f"cannot connect to {address}: ")
    assert isinstance(caught.value.__cause__, OSError)
    return caught.value


# --- Unix ------------------------------------------------------------------------------------------------------


async def test_a_unix_socket_tells_the_servers_process(unix_server: socket.socket) -> None:
    link = await dial(unix_address(unix_server))
    assert isinstance(link, SocketLink)
    accepted, _ = unix_server.accept()
    with accepted:
        assert link.socket.getblocking() is False
        assert link.send_nowait([b"hello"]) == []
        assert accepted.recv(10) == b"hello"
        assert link.peer.address == str(unix_address(unix_server))
        assert link.peer.transport == "unix"
        assert (link.peer.uid, link.peer.gid, link.peer.pid) == (os.getuid(), os.getgid(), os.getpid())
        link.close()


async def test_a_missing_socket_file_is_told(tmp_path: Path) -> None:
    error = await refused(f"unix:{tmp_path}/calc.sock")
    assert "no such socket file: is the server running?" in str(error)
    assert isinstance(error.__cause__, FileNotFoundError)


async def test_a_dead_socket_file_is_told(unix_server: socket.socket) -> None:
    address = unix_address(unix_server)
    unix_server.close()
    error = await refused(address)
    assert str(error).endswith("Connection refused")
    assert isinstance(error.__cause__, ConnectionRefusedError)
    assert error.__cause__.filename == address.path


async def test_a_full_queue_is_waited_for(
    unix_server: socket.socket, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    first = await dial(unix_address(unix_server))
    links = []

    async def dial_second() -> None:
        links.append(await dial(unix_address(unix_server)))

    nursery.start_soon(dial_second)
    await trio.sleep(5)
    assert not links
    accepted, _ = unix_server.accept()
    await trio.sleep(0.1)
    [second] = links
    first.close()
    second.close()
    accepted.close()


async def test_a_queue_that_stays_full_is_told(
    unix_server: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    first = await dial(unix_address(unix_server))
    error = await refused(unix_address(unix_server))
    assert "does not take up its waiting connections" in str(error)
    assert trio.current_time() == pytest.approx(10, abs=0.1)
    first.close()


async def test_a_cancelled_attempt_leaves_nothing_open(
    unix_server: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    first = await dial(unix_address(unix_server))
    descriptors = os.listdir("/proc/self/fd")
    with trio.move_on_after(1) as scope:
        await dial(unix_address(unix_server))
    assert scope.cancelled_caught
    assert os.listdir("/proc/self/fd") == descriptors
    first.close()


# --- TCP -------------------------------------------------------------------------------------------------------


async def test_a_tcp_connection_is_a_plain_socket_of_ours(tcp_server: socket.socket) -> None:
    host, port = tcp_server.getsockname()
    link = await dial(parse(f"tcp://{host}:{port}"))
    assert isinstance(link, SocketLink)
    accepted, name = tcp_server.accept()
    with accepted:
        assert type(link.socket) is socket.socket
        assert link.socket.getblocking() is False
        assert link.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert link.socket.getsockname() == name
        assert link.peer.address == f"tcp://127.0.0.1:{port}"
        assert link.peer.transport == "tcp"
        assert link.peer.uid is None
        accepted.send(b"hello")
        with trio.fail_after(5):
            await link.wait_readable()
        assert link.receive_nowait(10) == b"hello"
        link.close()


async def test_the_next_address_of_a_host_is_tried(tcp_server: socket.socket) -> None:
    use_names(here=["127.0.0.2", "127.0.0.1"])
    port = tcp_server.getsockname()[1]
    link = await dial(parse(f"tcp://here:{port}"))
    assert link.peer.address == f"tcp://127.0.0.1:{port}"
    link.close()


async def test_a_port_where_nobody_listens_is_told() -> None:
    error = await refused(f"tcp://127.0.0.1:{closed_port()}")
    assert str(error).endswith(": Connection refused")


async def test_what_all_addresses_said_is_told_once() -> None:
    use_names(here=["127.0.0.1", "127.0.0.2"])
    error = await refused(f"tcp://here:{closed_port()}")
    assert str(error).count("Connection refused") == 1


async def test_an_unknown_host_is_told() -> None:
    use_names()
    error = await refused("tcp://nowhere:1")
    assert str(error).endswith(": Name or service not known")
    assert isinstance(error.__cause__, socket.gaierror)


async def test_a_peer_that_is_gone_at_once_is_told(tcp_server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    def tune(sock: socket.socket) -> None:
        raise OSError("the peer has hung up")

    monkeypatch.setattr(sockets, "tune", tune)
    descriptors = os.listdir("/proc/self/fd")
    error = await refused(f"tcp://127.0.0.1:{tcp_server.getsockname()[1]}")
    assert str(error).endswith("the peer has hung up")
    assert os.listdir("/proc/self/fd") == descriptors


# --- What is no address for it ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tcp://:9000", "a client needs a host and a port"),
        ("tcp://127.0.0.1:0", "a client needs a host and a port"),
        ("tls://127.0.0.1:0", "a client needs a host and a port"),
        ("udp://127.0.0.1:9000", r"only notifications travel there, through rpc\.notifier"),
        ("unixgram:/tmp/calc.dg", r"only notifications travel there, through rpc\.notifier"),
    ],
)
async def test_nobody_connects_there(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"cannot connect to {text}: {why}"):
        await dial(parse(text))
