from __future__ import annotations

import random
import socket
from collections.abc import Iterator

import pytest

from rpc.net.sending import send
from rpc.wire.payload import Buffer


def socket_pair(buffer: int | None = None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends; `buffer` is what the kernel is asked to hold of what either sends."""
    left, right = socket.socketpair()
    with left, right:
        for sock in (left, right):
            sock.setblocking(False)
            if buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        yield left, right


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    yield from socket_pair()


@pytest.fixture
def small_ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    yield from socket_pair(buffer=4096)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    try:
        while piece := sock.recv(65_536):
            data += piece
    except BlockingIOError:
        pass
    return data


@pytest.mark.parametrize(
    "buffers",
    [
        [b"one"],
        [b"one", b"", bytearray(b"two"), memoryview(b"three")],
        [b"head", bytes(70_000)],
        [b"x" * 40_000, b"y" * 40_000],
        [b""],
        [b"", b""],
    ],
)
def test_what_fits_is_sent_at_once(ends: tuple[socket.socket, socket.socket], buffers: list[Buffer]) -> None:
    left, right = ends
    assert send(left, list(buffers)) == []
    assert read_all(right) == b"".join(buffers)


def test_more_buffers_than_the_kernel_takes_at_once(ends: tuple[socket.socket, socket.socket]) -> None:
    left, right = ends
    buffers: list[Buffer] = [bytes([number % 256]) * 64 for number in range(1500)]
    rest = send(left, list(buffers))
    assert len(rest) == 1500 - 1024
    assert send(left, rest) == []
    assert read_all(right) == b"".join(buffers)


@pytest.mark.parametrize("sizes", [[200_000], [10, 200_000, 10], [300] * 200, [70_000, 70_000, 70_000]])
def test_the_rest_of_what_was_sent_is_the_rest(
    small_ends: tuple[socket.socket, socket.socket], sizes: list[int]
) -> None:
    left, right = small_ends
    noise = random.Random(len(sizes))
    buffers: list[Buffer] = [noise.randbytes(size) for size in sizes]
    rest, received, turns = list(buffers), b"", 0
    while rest:
        rest = send(left, rest)
        received += read_all(right)
        turns += 1
    assert received == b"".join(buffers)
    assert turns > 1


def test_a_full_socket_takes_nothing(small_ends: tuple[socket.socket, socket.socket]) -> None:
    left, _ = small_ends
    while not send(left, [bytes(4096)]):
        pass
    assert send(left, [b"x"]) == [b"x"]
    assert send(left, [b"x" * 40_000, b"y" * 40_000]) == [b"x" * 40_000, b"y" * 40_000]


def test_a_peer_that_is_gone(ends: tuple[socket.socket, socket.socket]) -> None:
    left, right = ends
    right.close()
    with pytest.raises(BrokenPipeError):
        send(left, [b"x"])
