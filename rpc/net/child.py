"""A child process and the link to it: started, asked why it left, and reaped."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from rpc.errors import Processed, Unavailable
from rpc.net import sockets
from rpc.net.link import Link, SocketLink, StreamLink
from rpc.peer import Peer

__all__ = ["Command", "open_child"]

_logger = logging.getLogger("rpc")

Command = Sequence[str | os.PathLike[str]]

_EXIT_PATIENCE = 2.0
"""Seconds between the end of a child's stream and its exit: an interpreter that winds down takes a part of one."""


@asynccontextmanager
async def open_child(
    command: Command, *, pipes: bool, grace: float, options: Mapping[str, Any]
) -> AsyncGenerator[Link]:
    """Start a process that speaks on its standard input, or over its standard input and output.

    At the end of the block the link is closed. A child that has not exited `grace` seconds later gets SIGTERM, and
    after as many again SIGKILL. It is waited for in any case, also by a block that is cancelled.

    Raises:
        Unavailable: (not processed) the command cannot be started; the cause is chained.
        ValueError: an option asks for a pipe, which nobody would read.
    """
    if subprocess.PIPE in (options.get("stdout"), options.get("stderr")):
        raise ValueError("stdout and stderr take no PIPE: nobody would read it, and a full one stops the process")
    try:
        process, link = await (_start_with_pipes if pipes else _start_with_socket)(command, options)
    except OSError as error:
        message = f"cannot start {os.fspath(command[0])!r}: {error.strerror or error}"
        raise Unavailable(message, processed=Processed.NOT_PROCESSED) from error
    link.explain = partial(_explain, process)
    try:
        yield link
    finally:
        with trio.CancelScope(shield=True):
            link.close()
            if isinstance(link, StreamLink):
                await link.aclose()
            await _reap(process, grace)


async def _start_with_socket(command: Command, options: Mapping[str, Any]) -> tuple[trio.Process, Link]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with far:
        try:
            sockets.tune(near)
            process = await trio.lowlevel.open_process(command, stdin=far.fileno(), **options)
        except BaseException:
            near.close()
            raise
    return process, SocketLink(near, _peer_of(process, "unix", options))


async def _start_with_pipes(command: Command, options: Mapping[str, Any]) -> tuple[trio.Process, Link]:
    process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
    assert process.stdin is not None
    assert process.stdout is not None
    stream = trio.StapledStream(process.stdin, process.stdout)
    return process, StreamLink(stream, _peer_of(process, "pipe", options))


def _peer_of(process: trio.Process, transport: str, options: Mapping[str, Any]) -> Peer:
    # The kernel would name who made the pair of sockets: us. The child is ours, unless it was to be another user's.
    uid = None if options.get("user") is not None else os.geteuid()
    gid = None if options.get("group") is not None else os.getegid()
    return Peer(address=f"process:{process.pid}", transport=transport, uid=uid, gid=gid, pid=process.pid)


async def _explain(process: trio.Process) -> str | None:
    """How a child that speaks no more has ended; None where it still runs."""
    with trio.move_on_after(_EXIT_PATIENCE):
        return f"the process {_ended(await process.wait())}"
    return None


def _ended(status: int) -> str:
    """What has become of a process, in words."""
    if status >= 0:
        return f"exited with {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal, most of which have no name
        return f"was killed by signal {-status}"


async def _reap(process: trio.Process, grace: float) -> None:
    """Wait until a child has exited, and see to it that it does."""
    for stop in (process.terminate, process.kill):
        with trio.move_on_after(grace):
            await process.wait()
        if process.returncode is not None:
            return
        _logger.warning("process %d runs on after %g s: %s", process.pid, grace, stop.__name__)
        stop()
    await process.wait()
