"""The standard streams of this process as a link, for a program that was started to be spoken with."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Callable

import trio

from rpc.net import sockets, system
from rpc.net.link import Link, SocketLink, StreamLink
from rpc.peer import Peer

__all__ = ["take_standard_link"]


def take_standard_link(standard_input: int = 0, standard_output: int = 1, standard_error: int = 2) -> Link:
    """Take the standard input, where it is a Unix socket, or else the pipes of the standard input and output.

    What the program reads from its standard input afterwards is empty. Over pipes, what it writes to its standard
    output, from Python, C or a child of its own, goes to its standard error.

    Raises:
        OSError: the standard input or output is something else, a terminal for example.
    """
    if _is(standard_input, stat.S_ISSOCK):
        link = _take_socket(standard_input)
        if os.path.sameopenfile(standard_input, standard_output):  # as inetd and some sshd give them
            os.dup2(standard_error, standard_output)
    elif _is(standard_input, stat.S_ISFIFO) and _is(standard_output, stat.S_ISFIFO, stat.S_ISSOCK):
        link = _take_pipes(standard_input, standard_output)
        # Not flushed before: what was printed until now goes to the standard error too.
        os.dup2(standard_error, standard_output)
    else:
        text = "the standard input is neither a socket nor, together with the standard output, a pipe: this program "
        raise OSError(errno.ENOTSOCK, text + "is to be started by rpc.connect_process, or through ssh or the like")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), standard_input)
    return link


def _is(descriptor: int, *kinds: Callable[[int], bool]) -> bool:
    mode = os.fstat(descriptor).st_mode
    return any(is_of_kind(mode) for is_of_kind in kinds)


def _take_socket(descriptor: int) -> Link:
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(fileno=os.dup(descriptor)))
        if (sock.family, sock.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
            raise OSError(errno.EPROTOTYPE, "the standard input is a socket, but no Unix stream socket")
        sockets.tune(sock)
        process = system.credentials_of(sock)
        undo.pop_all()
    return SocketLink(sock, Peer(address="stdio:", transport="unix", uid=process.uid, gid=process.gid, pid=process.pid))


def _take_pipes(standard_input: int, standard_output: int) -> Link:
    receiving = trio.lowlevel.FdStream(os.dup(standard_input))
    sending = trio.lowlevel.FdStream(os.dup(standard_output))
    return StreamLink(trio.StapledStream(sending, receiving), Peer(address="stdio:", transport="pipe"))
