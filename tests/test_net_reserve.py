from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from rpc.errors import Reason
from rpc.net.reserve import Reserve, dismiss, farewell
from rpc.wire import frames, hello
from rpc.wire.framing import FrameReader

WORDS = farewell(Reason.TOO_MANY, "no room")


class Exhausted(socket.socket):
    """A listening socket with which the process has no descriptor left, ever."""

    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(5)
        sock.setblocking(False)
        yield sock


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_farewell_is_a_greeting_and_a_reason() -> None:
    first, last = FrameReader(65536).bodies(WORDS)
    assert hello.decode(first)[0] == 1
    assert frames.decode(last) == [frames.GOAWAY, 0, Reason.TOO_MANY, "no room"]


def test_who_is_dismissed_has_heard_why() -> None:
    near, far = socket.socketpair()
    with near:
        near.send(b"what nobody reads")
        dismiss(far, WORDS)
        assert far.fileno() < 0
        assert near.recv(65536) == WORDS
        assert near.recv(65536) == b""


@pytest.mark.parametrize("words", [b"", WORDS])
def test_who_is_gone_is_dismissed_all_the_same(words: bytes) -> None:
    near, far = socket.socketpair()
    near.close()
    dismiss(far, words)
    assert far.fileno() < 0


def test_the_last_descriptor_accepts_one_after_the_other(listening: socket.socket) -> None:
    reserve = Reserve()
    clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = descriptors()
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            listening.accept()
        assert [reserve.dismiss_next(listening, WORDS) for _ in clients] == [True] * 3
        assert reserve.dismiss_next(listening, WORDS), "the queue is empty, and that is no failure"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert descriptors() == before
    for client in clients:
        with client:
            assert client.recv(65536) == WORDS
    reserve.close()
    reserve.close()
    assert descriptors() == before - 1 - 3


def test_where_someone_else_took_the_descriptor_there_is_no_room(listening: socket.socket) -> None:
    reserve = Reserve()
    with Exhausted() as exhausted:
        assert not reserve.dismiss_next(exhausted, WORDS)
    reserve.close()


def test_a_reserve_that_was_lost_is_taken_again_when_there_is_room(listening: socket.socket) -> None:
    reserve = Reserve()
    reserve.close()
    with socket.create_connection(listening.getsockname()) as client:
        assert not reserve.dismiss_next(listening, WORDS)
        assert reserve.dismiss_next(listening, WORDS)
        assert client.recv(65536) == WORDS
    reserve.close()


def test_a_reserve_that_was_lost_is_renewed_as_soon_as_it_can_be(listening: socket.socket) -> None:
    """A thread of the application may be quicker than this, and take what was given up for a moment."""
    reserve = Reserve()
    reserve.close()
    before = descriptors()
    for _ in range(2):
        reserve.renew()
        assert descriptors() == before + 1
    reserve.close()
