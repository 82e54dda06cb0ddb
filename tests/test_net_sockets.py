from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from rpc.address import parse
from rpc.net import sockets
from tests.resolver import has_ipv6, use_names

STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
ANYWHERE = {"0.0.0.0", "::"} if has_ipv6() else {"0.0.0.0"}


class Bound:
    """Binds, and closes at the end of the test what was bound."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    async def __call__(self, text: str, kind: socket.SocketKind = STREAM) -> list[socket.socket]:
        found = await sockets.bind_all(parse(text), kind, backlog=5)
        self.sockets += found
        return found


@pytest.fixture
def bind_all() -> Iterator[Bound]:
    bound = Bound()
    yield bound
    for sock in bound.sockets:
        sock.close()


def names(bound: list[socket.socket]) -> list[tuple[str, int]]:
    return [sock.getsockname()[:2] for sock in bound]


def test_a_unix_socket_gets_room_for_large_payloads() -> None:
    left, right = socket.socketpair()
    with left, right:
        before = left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        sockets.tune(left)
        assert left.getblocking() is False
        assert left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= before
        assert left.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= before


def test_a_tcp_socket_sends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        buffers = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        sockets.tune(client)
        assert client.getblocking() is False
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == buffers


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tcp://127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("udp://[::1]:9000", ("::1", 9000, 0, 0)),
    ],
)
def test_a_socket_name_reads_as_an_address(text: str, name: sockets.SocketName) -> None:
    assert str(sockets.name_of(parse(text).scheme, name)) == text


async def test_one_address_is_one_socket_that_listens(bind_all: Bound) -> None:
    [sock] = await bind_all("tcp://127.0.0.1:0")
    assert sock.getblocking() is False
    host, port = sock.getsockname()
    assert host == "127.0.0.1"
    assert port > 0
    with socket.create_connection((host, port)):
        pass


async def test_one_address_is_one_socket_for_datagrams(bind_all: Bound) -> None:
    [sock] = await bind_all("udp://127.0.0.1:0", DGRAM)
    assert sock.type == DGRAM
    assert sock.getblocking() is False
    # With this option a newcomer would get our datagrams.
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0


@pytest.mark.parametrize(("text", "kind"), [("tcp://:0", STREAM), ("udp://:0", DGRAM)])
async def test_an_empty_host_is_every_interface_with_one_port(
    bind_all: Bound, text: str, kind: socket.SocketKind
) -> None:
    bound = await bind_all(text, kind)
    assert {host for host, _ in names(bound)} == ANYWHERE
    assert len({port for _, port in names(bound)}) == 1
    for sock in bound:
        assert sock.family != socket.AF_INET6 or sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


async def test_a_name_with_several_addresses_is_bound_to_each_once(bind_all: Bound) -> None:
    use_names(here=["127.0.0.1", "127.0.0.2", "127.0.0.1"])
    first, second = names(await bind_all("tcp://here:0"))
    assert (first[0], second[0]) == ("127.0.0.1", "127.0.0.2")
    assert first[1] == second[1]


async def test_the_port_that_was_asked_for_is_taken(bind_all: Bound) -> None:
    [sock] = await bind_all("tcp://127.0.0.1:0")
    port = sock.getsockname()[1]
    sock.close()
    assert names(await bind_all(f"tcp://127.0.0.1:{port}")) == [("127.0.0.1", port)]


@pytest.mark.parametrize(("scheme", "kind"), [("tcp", STREAM), ("udp", DGRAM)])
async def test_a_port_in_use_is_refused_with_its_address(bind_all: Bound, scheme: str, kind: socket.SocketKind) -> None:
    [sock] = await bind_all(f"{scheme}://127.0.0.1:0", kind)
    address = f"{scheme}://127.0.0.1:{sock.getsockname()[1]}"
    with pytest.raises(OSError, match=f"cannot listen on {address}: Address already in use") as caught:
        await bind_all(address, kind)
    assert caught.value.errno == errno.EADDRINUSE


async def test_what_was_bound_is_given_back_when_another_cannot_be(bind_all: Bound) -> None:
    [taken] = await bind_all("tcp://127.0.0.2:0")
    port = taken.getsockname()[1]
    use_names(here=["127.0.0.1", "127.0.0.2"])
    with pytest.raises(OSError, match="in use"):
        await bind_all(f"tcp://here:{port}")
    assert names(await bind_all(f"tcp://127.0.0.1:{port}")) == [("127.0.0.1", port)]


async def test_another_port_is_tried_where_any_will_do(bind_all: Bound, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = await _count_attempts(bind_all, monkeypatch, "tcp://127.0.0.1:0", failures=15)
    assert attempts == 16


async def test_no_other_port_is_tried_for_ever(bind_all: Bound, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="in use"):
        await _count_attempts(bind_all, monkeypatch, "tcp://127.0.0.1:0", failures=16)


async def _count_attempts(bind_all: Bound, monkeypatch: pytest.MonkeyPatch, text: str, *, failures: int) -> int:
    attempts = 0
    really_bind = sockets._bind

    def bind(family: int, kind: socket.SocketKind, name: sockets.SocketName, backlog: int) -> socket.socket:
        nonlocal attempts
        attempts += 1
        if attempts <= failures:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return really_bind(family, kind, name, backlog)

    monkeypatch.setattr(sockets, "_bind", bind)
    await bind_all(text)
    return attempts


async def test_an_address_that_the_system_lacks_is_passed_over(bind_all: Bound) -> None:
    use_names(here=["192.0.2.1", "127.0.0.1"])  # the first is nobody's, it is there for documentation (RFC 5737)
    assert [host for host, _ in names(await bind_all("tcp://here:0"))] == ["127.0.0.1"]


async def test_a_host_without_any_address_here_is_refused(bind_all: Bound) -> None:
    with pytest.raises(OSError, match=r"cannot listen on tcp://192\.0\.2\.1:0") as caught:
        await bind_all("tcp://192.0.2.1:0")
    assert caught.value.errno == errno.EADDRNOTAVAIL


async def test_an_unknown_host_is_refused(bind_all: Bound) -> None:
    use_names()
    with pytest.raises(OSError, match="cannot listen on tcp://nowhere:0: Name or service not known") as caught:
        await bind_all("tcp://nowhere:0")
    assert isinstance(caught.value.__cause__, socket.gaierror)
