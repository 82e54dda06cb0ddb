from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from rpc.net import tls_socket
from rpc.wire.payload import Buffer
from tests.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls_socket"))


@pytest.fixture
def ends(authority: Authority) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """A client and a server that have shaken hands."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    client = tls_socket.wrap(near, authority.client(), "localhost")
    server = tls_socket.wrap(far, authority.server(), None)
    with client, server:
        left = [client, server]
        while left:
            for end in list(left):
                try:
                    end.do_handshake()
                    left.remove(end)
                except ssl.SSLWantReadError:
                    pass  # it is the turn of the other
        yield client, server


def read_all(sock: ssl.SSLSocket) -> bytes:
    data = b""
    try:
        while True:
            data += sock.recv(16_384)
    except ssl.SSLWantReadError:
        return data


def test_a_socket_is_taken_over_or_closed(authority: Authority) -> None:
    sock = socket.socket()
    with pytest.raises(OSError, match="not connected"):
        tls_socket.wrap(sock, authority.client(), "localhost")
    assert sock.fileno() == -1


def test_each_side_has_its_role(ends: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    client, server = ends
    assert (client.server_side, server.server_side) == (False, True)
    assert client.server_hostname == "localhost"


def test_what_fits_is_sent_at_once(ends: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    client, server = ends
    cases: list[list[Buffer]] = [[b"one"], [b"one", bytearray(b"two"), memoryview(b"three")], [b""]]
    for buffers in cases:
        assert tls_socket.send(client, list(buffers)) == []
        assert read_all(server) == b"".join(buffers)


def test_the_rest_is_sent_next(ends: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    client, server = ends
    data = bytes(range(256)) * 16_384
    rest, received, turns = tls_socket.send(client, [data[:1000], data[1000:]]), b"", 0
    while rest:
        received += read_all(server)
        rest = tls_socket.send(client, rest)
        turns += 1
    assert received + read_all(server) == data
    assert turns > 1


def test_a_peer_that_is_gone(ends: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    client, server = ends
    server.close()
    with pytest.raises(OSError, match=r"pipe|EOF"):
        tls_socket.send(client, [b"x"])
