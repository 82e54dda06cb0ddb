"""Socket files: made with the right mode, a dead one replaced, a live one never, and only our own removed.

Binding is four steps under a lock file: bind a temporary name beside the path, set its mode, listen, rename it over
the path. So nobody ever finds a file with the wrong mode or one that refuses connections, and two servers that
start together do not both replace a dead file. The lock file is there only while a server binds.

A socket that listens is known to be alive, so it needs no lock to remove its file: it does so while it still
listens, and no other server of this kind has touched the path until then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import stat

import attrs
import trio

from rpc.net import system

__all__ = ["OWNER_ONLY", "SocketFile", "bind"]

OWNER_ONLY = 0o600
"""The mode of a socket file that only its owner, and root, may connect to."""

_MAX_PATH = 107  # bytes of sockaddr_un.sun_path on Linux, less its NUL

_LOCK_PATIENCE = 5.0
"""Seconds to wait for another server that binds the same path: its four steps take well under a millisecond."""
_LOCK_PAUSE = 0.01

_NAME_ATTEMPTS = 100
"""Tries to find a free temporary name; a second one is wanted only where the path leaves no room for a long name."""


@attrs.frozen
class SocketFile:
    """A bound socket and the file that leads to it."""

    socket: socket.socket
    path: str
    _identity: tuple[int, int]

    def remove(self) -> None:
        """Remove the file, if it is still the one that was bound; call it before the socket is closed."""
        with contextlib.suppress(OSError):
            if _identity(os.lstat(self.path)) == self._identity:
                os.unlink(self.path)


async def bind(path: str, kind: socket.SocketKind, *, backlog: int = 0, mode: int = OWNER_ONLY) -> SocketFile:
    """Make the socket file `path` with a non-blocking socket behind it; a stream socket listens already.

    A cancelled call leaves nothing behind.

    Args:
        path: where clients find it, at most 107 bytes.
        kind: SOCK_STREAM or SOCK_DGRAM.
        backlog: of a stream socket, see listen(2).
        mode: of the file, whatever the umask. Who opens it to other users must look at the credentials of each peer.

    Raises:
        OSError: the path is served by a live process, is a file that is no socket, or cannot be made; the
            exception's `filename` is the path.
    """
    await trio.lowlevel.checkpoint()
    if len(os.fsencode(path)) > _MAX_PATH:
        raise OSError(errno.ENAMETOOLONG, f"the path of a socket has at most {_MAX_PATH} bytes", path)
    lock = f"{path}.lock"
    try:
        descriptor = await _take_lock(lock, path)
        try:
            _refuse_unless_free(path, kind)
            return _bind(path, kind, backlog, mode)
        finally:
            # Removed while it is held: whoever waits for this very file sees that it has left its place.
            with contextlib.suppress(OSError):
                os.unlink(lock)
            os.close(descriptor)
    except OSError as error:
        if error.filename == path:
            raise
        raise OSError(error.errno, f"cannot make the socket file: {error.strerror}", path) from error


def _bind(path: str, kind: socket.SocketKind, backlog: int, mode: int) -> SocketFile:
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(socket.AF_UNIX, kind))
        sock.setblocking(False)
        system.restrict(sock)
        if kind == socket.SOCK_DGRAM:
            system.ask_credentials(sock)
        temporary = _bind_temporary(sock, path)
        undo.callback(os.unlink, temporary)
        os.chmod(temporary, mode)
        if kind == socket.SOCK_STREAM:
            sock.listen(backlog)
        bound = SocketFile(sock, os.path.abspath(path), _identity(os.lstat(temporary)))
        os.rename(temporary, path)
        undo.pop_all()
    return bound


def _bind_temporary(sock: socket.socket, path: str) -> str:
    """Bind a name in the directory of `path`, which may be as long as a path can be."""
    directory = os.path.join(os.path.dirname(path), "")
    room = _MAX_PATH - len(os.fsencode(directory))
    for _ in range(_NAME_ATTEMPTS):
        temporary = directory + f".{secrets.token_hex(8)}"[-room:]
        try:
            sock.bind(temporary)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return temporary
    raise FileExistsError(errno.EEXIST, "found no free name beside it; choose a shorter path", path)


def _refuse_unless_free(path: str, kind: socket.SocketKind) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise FileExistsError(errno.EEXIST, "there is a file that is no socket, which is left alone", path)
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        # Anything but a refusal means that somebody holds the socket: a full queue, another kind, no permission.
        if probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT):
            raise OSError(errno.EADDRINUSE, "a live server holds this socket", path)


async def _take_lock(lock: str, path: str) -> int:
    deadline = trio.current_time() + _LOCK_PATIENCE
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, OWNER_ONLY)
        if system.try_lock(descriptor) and _is_at(descriptor, lock):
            return descriptor
        os.close(descriptor)
        if trio.current_time() >= deadline:
            raise OSError(errno.EBUSY, f"another process has held {lock} for {_LOCK_PATIENCE:g} seconds", path)
        await trio.sleep(_LOCK_PAUSE)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return _identity(os.fstat(descriptor)) == _identity(os.lstat(path))
    except FileNotFoundError:
        return False


def _identity(status: os.stat_result) -> tuple[int, int]:
    """Which file it is. The number is not given to another file while a socket is bound to this one."""
    return status.st_dev, status.st_ino
