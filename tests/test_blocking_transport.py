from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from rpc.blocking.transport import Transport, wait_for
from rpc.blocking.waiting import NEVER
from rpc.peer import Peer
from rpc.wire.payload import Buffer

PEER = Peer(address="unix:test", transport="unix")


@pytest.fixture
def pair() -> Iterator[tuple[Transport, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    with near, far:
        yield Transport(near, PEER), far


def test_reading_asks_and_does_not_wait(pair: tuple[Transport, socket.socket]) -> None:
    near, far = pair
    near.shake_hands(NEVER)
    first, second = bytearray(2), bytearray(4)
    with pytest.raises(BlockingIOError):
        near.receive_into(memoryview(first))
    far.send(b"abcde")
    assert near.receive_into(memoryview(first), memoryview(second)) == 5
    assert first + second == b"abcde\0"
    far.shutdown(socket.SHUT_WR)
    assert near.receive_into(memoryview(first)) == 0


@pytest.mark.parametrize("sizes", [[1], [10, 20], [40_000, 40_000], [300_000], [300_000] * 4, [1] * 70_000])
def test_all_leaves_in_order_however_often_it_takes(pair: tuple[Transport, socket.socket], sizes: list[int]) -> None:
    near, far = pair
    rest: list[Buffer] = [bytes([index % 251]) * size for index, size in enumerate(sizes)]
    whole, arrived = b"".join(rest), bytearray()
    while len(arrived) < len(whole):
        if rest:
            rest = near.send(rest)
        arrived += far.recv(1_000_000)
    assert rest == []
    assert bytes(arrived) == whole


def test_waiting_ends_when_it_is_time_or_something_comes(pair: tuple[Transport, socket.socket]) -> None:
    near, far = pair
    wait_for(near.socket, read=True, write=False, seconds=0.001)
    wait_for(near.socket, read=True, write=True, seconds=None)
    far.send(b"x")
    wait_for(near.socket, read=True, write=False, seconds=None)
    near.shut()
    near.shut()
    wait_for(near.socket, read=True, write=False, seconds=None)
    assert far.recv(10) == b""
    near.close()
