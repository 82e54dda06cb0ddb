from __future__ import annotations

import os
import pty
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import attrs
import pytest

from rpc.net.link import Link, SocketLink, StreamLink
from rpc.net.stdio import take_standard_link


@attrs.define
class Streams:
    """What stands for the standard streams of a program, and the far ends of them."""

    input: int
    output: int
    error: int
    far_error: int

    def take(self) -> Link:
        return take_standard_link(self.input, self.output, self.error)

    def print(self, data: bytes) -> None:
        os.write(self.output, data)


@contextmanager
def streams(input: int, output: int) -> Iterator[Streams]:
    """Standard streams of these descriptors, which are closed at the end."""
    reading, writing = os.pipe()
    try:
        yield Streams(input, output, writing, reading)
    finally:
        for descriptor in {input, output, reading, writing}:
            os.close(descriptor)


@pytest.fixture
async def undo() -> AsyncIterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


# --- A socket ------------------------------------------------------------------------------------------------------


async def test_a_socket_is_taken_and_the_output_stays(undo: ExitStack) -> None:
    far, near = socket.socketpair()
    undo.enter_context(far)
    reading, writing = os.pipe()
    undo.callback(os.close, reading)
    with streams(near.detach(), writing) as standard:
        link = standard.take()
        assert isinstance(link, SocketLink)
        undo.callback(link.close)
        assert (link.peer.address, link.peer.transport) == ("stdio:", "unix")
        assert (link.peer.uid, link.peer.gid, link.peer.pid) == (os.geteuid(), os.getegid(), os.getpid())
        far.send(b"there")
        assert os.read(standard.input, 10) == b""
        assert link.receive_nowait(10) == b"there"
        assert link.send_nowait([b"back"]) == []
        assert far.recv(10) == b"back"
        standard.print(b"printed")
        assert os.read(reading, 10) == b"printed"
        with pytest.raises(BlockingIOError):
            link.receive_nowait(10)


async def test_the_input_is_the_last_hold_on_the_socket_that_is_let_go(undo: ExitStack) -> None:
    far, near = socket.socketpair()
    undo.enter_context(far)
    with streams(near.detach(), os.open(os.devnull, os.O_WRONLY)) as standard:
        standard.take().close()
        assert far.recv(10) == b""


async def test_an_output_on_the_same_socket_goes_to_the_error_stream(undo: ExitStack) -> None:
    far, near = socket.socketpair()
    undo.enter_context(far)
    descriptor = near.detach()
    with streams(descriptor, os.dup(descriptor)) as standard:
        undo.callback(standard.take().close)
        standard.print(b"printed")
        assert os.read(standard.far_error, 10) == b"printed"
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            far.recv(10)


# --- Pipes ---------------------------------------------------------------------------------------------------------


async def test_pipes_are_taken_and_the_output_goes_to_the_error_stream(undo: ExitStack) -> None:
    input, far_input = os.pipe()
    far_output, output = os.pipe()
    for descriptor in (far_input, far_output):
        undo.callback(os.close, descriptor)
    with streams(input, output) as standard:
        link = standard.take()
        assert isinstance(link, StreamLink)
        assert (link.peer.address, link.peer.transport, link.peer.uid) == ("stdio:", "pipe", None)
        os.write(far_input, b"there")
        assert os.read(standard.input, 10) == b""
        assert await link.receive_some() == b"there"
        assert await link.send_some([b"back"]) == []
        assert os.read(far_output, 10) == b"back"
        standard.print(b"printed")
        assert os.read(standard.far_error, 10) == b"printed"
        await link.aclose()
        assert os.read(far_output, 10) == b""


# --- Something else ------------------------------------------------------------------------------------------------


async def test_a_terminal_is_refused(undo: ExitStack) -> None:
    far, near = pty.openpty()
    undo.callback(os.close, far)
    with (
        streams(near, os.dup(near)) as standard,
        pytest.raises(OSError, match=r"neither a socket nor, .* is to be started by rpc\.connect_process"),
    ):
        standard.take()


async def test_a_pipe_without_another_is_refused(undo: ExitStack) -> None:
    near, far = os.pipe()
    undo.callback(os.close, far)
    with (
        streams(near, os.open(os.devnull, os.O_WRONLY)) as standard,
        pytest.raises(OSError, match="together with the standard output, a pipe"),
    ):
        standard.take()


@pytest.mark.parametrize(
    ("family", "kind"), [(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_DGRAM)]
)
def test_another_kind_of_socket_is_refused(family: socket.AddressFamily, kind: socket.SocketKind) -> None:
    with (
        streams(socket.socket(family, kind).detach(), os.open(os.devnull, os.O_WRONLY)) as standard,
        pytest.raises(OSError, match="no Unix stream socket"),
    ):
        standard.take()
