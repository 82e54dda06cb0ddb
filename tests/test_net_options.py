from __future__ import annotations

import errno
import socket

import pytest

from rpc.address import parse
from rpc.net import options


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
