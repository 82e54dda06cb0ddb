"""What only some operating systems have, behind one seam.

Linux has everything here. Elsewhere a question is answered with None and a request does nothing, so that TCP works
on any system that trio runs on, and nobody else asks which one it is.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys

import attrs

if sys.platform != "win32":  # pragma: no branch
    import fcntl
    import resource

__all__ = [
    "CREDENTIALS_SPACE",
    "Credentials",
    "allow_rebind",
    "ask_credentials",
    "credentials_of",
    "descriptor_limit",
    "message_credentials",
    "restrict",
    "try_lock",
]

_UCRED = struct.Struct("=iII")  # struct ucred of unix(7): pid, uid, gid
_NOBODY = 2**32 - 1  # (uid_t) -1: the kernel does not know

_SO_PEERCRED: int | None = getattr(socket, "SO_PEERCRED", None)
_SO_PASSCRED: int | None = getattr(socket, "SO_PASSCRED", None)
_SCM_CREDENTIALS: int | None = getattr(socket, "SCM_CREDENTIALS", None)

CREDENTIALS_SPACE = socket.CMSG_SPACE(_UCRED.size) if hasattr(socket, "CMSG_SPACE") else 0
"""Bytes of ancillary data to ask for where `message_credentials` is to be read: room for them and nothing else, so
that descriptors sent along have no place and are closed by the kernel."""


@attrs.frozen
class Credentials:
    """A process of this host as the kernel names it; all None where it does not. `pid` is None across namespaces."""

    uid: int | None = None
    gid: int | None = None
    pid: int | None = None


_UNKNOWN = Credentials()


def credentials_of(sock: socket.socket) -> Credentials:
    """The process at the other end of a Unix stream socket, as it was when it connected, or began to listen."""
    if _SO_PEERCRED is None:
        return _UNKNOWN
    return _unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_PEERCRED, _UCRED.size))


def ask_credentials(sock: socket.socket) -> None:
    """Have every datagram that a Unix socket receives bring its sender's credentials."""
    if _SO_PASSCRED is not None:
        sock.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)


def message_credentials(ancillary: list[tuple[int, int, bytes]]) -> Credentials:
    """The sender of a datagram, out of the ancillary data that `recvmsg` gave with it."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS and len(data) == _UCRED.size:
            return _unpack(data)
    return _UNKNOWN


def _unpack(data: bytes) -> Credentials:
    pid, uid, gid = _UCRED.unpack(data)
    if uid == _NOBODY:
        return _UNKNOWN
    return Credentials(uid, gid, pid or None)


def allow_rebind(sock: socket.socket) -> None:
    """Let a TCP port be bound while connections of an earlier server wind down (SO_REUSEADDR).

    On POSIX systems two listeners still exclude each other. On Windows the option would let anyone take the port
    away, and is not needed. For datagrams it must never be set: the newcomer would get them all.
    """
    if os.name == "posix":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def descriptor_limit() -> int | None:
    """Files that this process may have open; None where that is not limited, or not known."""
    if sys.platform == "win32":  # pragma: no cover
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def restrict(sock: socket.socket) -> None:
    """Have the file of a Unix socket made with mode 0600 by the `bind` to come, whatever the umask.

    Only Linux does so; whoever binds sets the mode of the file afterwards too.
    """
    with contextlib.suppress(OSError):
        os.fchmod(sock.fileno(), 0o600)


def try_lock(descriptor: int) -> bool:
    """Take the advisory lock of an open file, without waiting; it goes with the descriptor."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
