from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest
import trio

from rpc.address import parse
from rpc.blocking.dial import dial as blocking_dial
from rpc.blocking.waiting import Deadline
from rpc.errors import Unavailable
from rpc.net import options
from rpc.net.dial import dial


def test_unix_sockets_have_room_for_large_payloads() -> None:
    left, right = socket.socketpair()
    with left, right:
        before = left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        options.tune(left)
        assert left.getblocking() is False
        assert left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= before


def test_tcp_sends_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        options.tune(sock)
        assert sock.getblocking() is False
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_names_are_addresses() -> None:
    scheme = parse("tcp://localhost:1").scheme
    assert str(options.name_of(scheme, ("127.0.0.1", 9000))) == "tcp://127.0.0.1:9000"
    assert str(options.name_of(scheme, ("::1", 9000, 0, 0))) == "tcp://[::1]:9000"


@pytest.fixture
def itself() -> Iterator[socket.socket]:
    """A TCP socket that is connected to itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        yield sock


def test_who_is_connected_to_itself_is_refused_and_leaves_the_port(itself: socket.socket) -> None:
    name = itself.getsockname()
    with pytest.raises(ConnectionRefusedError):
        options.server_of(parse("tcp://localhost:1").scheme, itself)
    itself.close()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(name)
        server.listen()


def test_a_server_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        with socket.create_connection((host, port)) as client:
            assert str(options.server_of(parse("tls://localhost:1").scheme, client)) == f"tls://127.0.0.1:{port}"


async def test_nobody_is_their_own_server(itself: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "tcp://{}:{}".format(*itself.getsockname())

    async def open_tcp_stream(host: str, port: int) -> trio.SocketStream:
        await trio.lowlevel.checkpoint()
        return trio.SocketStream(trio.socket.from_stdlib_socket(itself.dup()))

    monkeypatch.setattr(trio, "open_tcp_stream", open_tcp_stream)
    with pytest.raises(Unavailable, match="Connection refused"):
        await dial(parse(address))
    monkeypatch.setattr(socket, "create_connection", lambda *_: itself.dup())
    with pytest.raises(Unavailable, match="Connection refused"):
        blocking_dial(parse(address), None, Deadline(1, "time"))


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(errno.ENOENT, "x"), "no such socket file: is the server running?"),
        (OSError(errno.EAGAIN, "x"), "the server does not take up its waiting connections"),
        (OSError(errno.ECONNREFUSED, "x"), "Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (OSError("something"), "something"),
    ],
)
def test_failures_in_words(failure: OSError, words: str) -> None:
    assert options.words_of(failure) == words
