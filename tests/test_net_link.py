from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from rpc.net.link import Buffer, SocketLink, StreamLink
from rpc.net.memory import memory_links
from tests.raw_peer import HERE, socket_links


@pytest.fixture
def ends() -> Iterator[tuple[SocketLink, SocketLink]]:
    left, right = socket_links()
    yield left, right
    left.socket.close()
    right.socket.close()


@pytest.fixture
def small_ends() -> Iterator[tuple[SocketLink, SocketLink]]:
    left, right = socket_links(buffer=4096)
    yield left, right
    left.socket.close()
    right.socket.close()


def read_all(link: SocketLink) -> bytes:
    data = b""
    try:
        while piece := link.receive_nowait(65_536):
            data += piece
    except BlockingIOError:
        pass
    return data


# --- Sockets ---------------------------------------------------------------------------------------------------


def test_nothing_to_read_is_no_end(ends: tuple[SocketLink, SocketLink]) -> None:
    left, right = ends
    assert left.peer is HERE
    with pytest.raises(BlockingIOError):
        left.receive_nowait(10)
    right.socket.send(b"hello")
    assert left.receive_nowait(3) == b"hel"
    space = bytearray(8)
    assert left.receive_into_nowait(memoryview(space)) == 2
    assert space[:2] == b"lo"
    right.socket.send(b"hello")
    assert left.receive_into_nowait(memoryview(space)[:3], memoryview(space)[5:]) == 5
    assert space[:3] == b"hel"
    assert space[5:7] == b"lo"
    right.socket.close()
    assert left.receive_nowait(10) == b""


def test_what_does_not_fit_is_given_back(small_ends: tuple[SocketLink, SocketLink]) -> None:
    left, right = small_ends
    rest = left.send_nowait([bytes(1_000_000)])
    assert len(rest[0]) == 1_000_000 - len(read_all(right))


async def test_waiting_to_read(ends: tuple[SocketLink, SocketLink]) -> None:
    left, right = ends
    async with trio.open_nursery() as nursery:
        nursery.start_soon(left.wait_readable)
        await trio.testing.wait_all_tasks_blocked()
        right.socket.send(b"x")
    assert left.receive_nowait(10) == b"x"


async def test_waiting_to_send(small_ends: tuple[SocketLink, SocketLink]) -> None:
    left, right = small_ends
    while not left.send_nowait([bytes(4096)]):
        pass
    rests: list[list[Buffer]] = []

    async def send() -> None:
        rests.append(await left.send_some([b"the last word"]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        assert not rests
        read_all(right)
    assert rests == [[]]
    assert read_all(right) == b"the last word"


async def test_a_cancelled_send_has_sent_nothing(small_ends: tuple[SocketLink, SocketLink]) -> None:
    left, right = small_ends
    while not left.send_nowait([bytes(4096)]):
        pass
    with trio.CancelScope() as scope:
        scope.cancel()
        await left.send_some([b"x"])
    assert b"x" not in read_all(right)


async def test_closing_wakes_who_waits(small_ends: tuple[SocketLink, SocketLink]) -> None:
    left, _ = small_ends
    while not left.send_nowait([bytes(4096)]):
        pass
    woken = []

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await left.wait_readable()
        woken.append("reader")

    async def write() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await left.send_some([b"x"])
        woken.append("writer")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        nursery.start_soon(write)
        await trio.testing.wait_all_tasks_blocked()
        left.close()
    assert sorted(woken) == ["reader", "writer"]
    assert left.is_closed
    left.close()


def test_half_an_end(ends: tuple[SocketLink, SocketLink]) -> None:
    left, right = ends
    left.shutdown_write()
    assert right.receive_nowait(10) == b""
    right.socket.send(b"still heard")
    assert left.receive_nowait(20) == b"still heard"


def test_a_connection_that_was_reset_cannot_be_shut_down_and_need_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as sock:
        accepted, _ = listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        accepted.close()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
        SocketLink(sock, HERE).shutdown_write()


def test_another_failure_of_shutting_down_is_told() -> None:
    class Broken(socket.socket):
        def shutdown(self, how: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Broken() as sock, pytest.raises(OSError, match="Input/output error"):
        SocketLink(sock, HERE).shutdown_write()


async def test_bytes_are_waited_for(ends: tuple[SocketLink, SocketLink]) -> None:
    left, right = ends
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            async def receive() -> None:
                assert await left.receive_some(3) == b"hel"

            nursery.start_soon(receive)
            await trio.testing.wait_all_tasks_blocked()
            right.socket.send(b"hello")
        assert await left.receive_some(3) == b"lo"
        right.socket.close()
        assert await left.receive_some(3) == b""


async def test_a_socket_that_only_seems_readable_is_waited_for_again(ends: tuple[SocketLink, SocketLink]) -> None:
    class Hasty(SocketLink):
        waits = 0

        async def wait_readable(self) -> None:
            self.waits += 1
            if self.waits == 2:
                ends[1].socket.send(b"now")

    link = Hasty(ends[0].socket, HERE)
    assert await link.receive_some(10) == b"now"
    assert link.waits == 2


async def test_waiting_for_bytes_ends_with_the_link(ends: tuple[SocketLink, SocketLink]) -> None:
    async with trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await ends[0].receive_some(1)

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        ends[0].close()


# --- Streams ---------------------------------------------------------------------------------------------------


async def test_a_stream_can_only_be_waited_for() -> None:
    left, right = memory_links()
    buffers: list[Buffer] = [b"one", b"two"]
    assert left.send_nowait(buffers) is buffers
    assert await left.send_some(buffers) == []
    assert await right.receive_some(2) == b"on"
    assert await right.receive_some() == b"etwo"


async def test_a_stream_is_closed_by_waiting() -> None:
    left, right = memory_links()
    left.shutdown_write()
    left.close()
    await left.send_some([b"still open"])
    assert await right.receive_some() == b"still open"
    await left.aclose()
    await left.aclose()
    assert await right.receive_some() == b""


class Courteous(trio.abc.Stream):
    """A stream that would say goodbye for ever, as TLS does with a peer that does not answer."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        raise NotImplementedError

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        raise NotImplementedError

    async def aclose(self) -> None:
        await trio.sleep_forever()


async def test_a_stream_is_closed_without_courtesy() -> None:
    with trio.fail_after(5):
        await StreamLink(Courteous(), HERE).aclose()
