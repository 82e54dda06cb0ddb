from __future__ import annotations

import errno
import fcntl
import functools
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from rpc.net import system, unix_socket
from rpc.net.unix_socket import SocketFile

STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM

each_kind = pytest.mark.parametrize("kind", [STREAM, DGRAM])


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "calc.sock")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


async def leave_dead(path: str, kind: socket.SocketKind = STREAM) -> None:
    """A socket file as a killed server leaves it."""
    (await unix_socket.bind(path, kind)).socket.close()


@each_kind
@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
async def test_the_file_is_its_owners_alone_whatever_the_umask(path: str, kind: socket.SocketKind, mask: int) -> None:
    with umask(mask):
        file = await unix_socket.bind(path, kind)
    with file.socket:
        assert stat.S_ISSOCK(os.stat(path).st_mode)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert file.socket.type == kind
        assert file.socket.getblocking() is False
        assert os.listdir(os.path.dirname(path)) == ["calc.sock"]


@each_kind
async def test_the_file_may_be_opened_to_other_users(path: str, kind: socket.SocketKind) -> None:
    with umask(0o077):
        file = await unix_socket.bind(path, kind, mode=0o666)
    with file.socket:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o666


async def test_a_stream_socket_listens_with_its_backlog(path: str) -> None:
    file = await unix_socket.bind(path, STREAM, backlog=0)
    with file.socket, socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        assert first.connect_ex(path) == 0
        second.setblocking(False)
        assert second.connect_ex(path) == errno.EAGAIN


async def test_datagrams_arrive_at_the_path_with_their_sender(path: str) -> None:
    with (await unix_socket.bind(path, DGRAM)).socket as sock, socket.socket(socket.AF_UNIX, DGRAM) as sender:
        sender.sendto(b"hello", path)
        data, ancillary, _, _ = sock.recvmsg(10, 100)
        assert data == b"hello"
        assert [kind for _, kind, _ in ancillary] == [socket.SCM_CREDENTIALS]


@each_kind
async def test_a_dead_file_is_replaced(path: str, kind: socket.SocketKind) -> None:
    await leave_dead(path, kind)
    before = os.stat(path).st_ino
    with (await unix_socket.bind(path, kind)).socket:
        assert os.stat(path).st_ino != before
        with socket.socket(socket.AF_UNIX, kind) as client:
            client.connect(path)


def state_of(path: str) -> tuple[int, ...]:
    """What tells whether a file was touched; who only connects to a socket file changes when it was last used."""
    stat = os.stat(path)
    return stat.st_ino, stat.st_mode, stat.st_nlink, stat.st_size, stat.st_mtime_ns


@each_kind
@pytest.mark.parametrize("other", [STREAM, DGRAM])
async def test_a_live_file_is_refused(path: str, kind: socket.SocketKind, other: socket.SocketKind) -> None:
    with (await unix_socket.bind(path, kind, backlog=5)).socket:
        before = state_of(path)
        with pytest.raises(OSError, match="a live server holds this socket") as caught:
            await unix_socket.bind(path, other)
        assert caught.value.errno == errno.EADDRINUSE
        assert caught.value.filename == path
        assert state_of(path) == before
        assert os.listdir(os.path.dirname(path)) == ["calc.sock"]


async def test_a_live_server_with_a_full_queue_is_live(path: str) -> None:
    with (await unix_socket.bind(path, STREAM, backlog=0)).socket, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        with pytest.raises(OSError, match="live server"):
            await unix_socket.bind(path, STREAM)


@pytest.mark.parametrize("make", [lambda path: path.write_text("precious"), Path.mkdir])
async def test_a_file_that_is_no_socket_is_left_alone(path: str, make: Callable[[Path], object]) -> None:
    make(Path(path))
    before = state_of(path)
    with pytest.raises(FileExistsError, match="no socket, which is left alone") as caught:
        await unix_socket.bind(path, STREAM)
    assert caught.value.filename == path
    assert state_of(path) == before


async def test_a_link_is_not_followed(tmp_path: Path, path: str) -> None:
    await leave_dead(str(tmp_path / "elsewhere"))
    os.symlink(tmp_path / "elsewhere", path)
    with pytest.raises(FileExistsError, match="no socket"):
        await unix_socket.bind(path, STREAM)
    assert os.readlink(path) == str(tmp_path / "elsewhere")


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "calc.sock")
    with pytest.raises(FileNotFoundError, match="cannot make the socket file: No such file") as caught:
        await unix_socket.bind(path, STREAM)
    assert caught.value.filename == path


async def test_a_failure_leaves_nothing_behind(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(old: str, new: str) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", old, None, new)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(PermissionError, match="cannot make the socket file: Operation not permitted"):
        await unix_socket.bind(path, STREAM)
    assert os.listdir(os.path.dirname(path)) == []


# --- Names -----------------------------------------------------------------------------------------------------


def longest(tmp_path: Path) -> str:
    """A path of 107 bytes, whose directory leaves room for a single letter."""
    directory = tmp_path / ("d" * (104 - len(os.fsencode(tmp_path))))
    directory.mkdir()
    path = str(directory / "s")
    assert len(path) == 107
    return path


async def test_a_path_may_be_as_long_as_a_path_can_be(tmp_path: Path) -> None:
    path = longest(tmp_path)
    with (await unix_socket.bind(path, STREAM, backlog=1)).socket, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


async def test_a_directory_without_a_free_name_is_told_so(tmp_path: Path) -> None:
    path = longest(tmp_path)
    for digit in "0123456789abcdef":
        Path(path).with_name(digit).touch()
    with pytest.raises(FileExistsError, match="choose a shorter path"):
        await unix_socket.bind(path, STREAM)


async def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = longest(tmp_path) + "s"
    with pytest.raises(OSError, match="at most 107 bytes") as caught:
        await unix_socket.bind(path, STREAM)
    assert (caught.value.errno, caught.value.filename) == (errno.ENAMETOOLONG, path)


async def test_a_directory_that_goes_away_meanwhile_is_told(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move_away(path: str, kind: socket.SocketKind) -> None:
        os.rename(os.path.dirname(path), f"{tmp_path}.away")

    monkeypatch.setattr(unix_socket, "_refuse_unless_free", move_away)
    with pytest.raises(FileNotFoundError, match="cannot make the socket file: No such file"):
        await unix_socket.bind(path, STREAM)


async def test_a_relative_path_is_of_the_directory_at_that_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = await unix_socket.bind("calc.sock", STREAM)
    monkeypatch.chdir("/")
    with file.socket:
        file.remove()
    assert os.listdir(tmp_path) == []


# --- Removing --------------------------------------------------------------------------------------------------


async def test_our_own_file_is_removed(path: str) -> None:
    file = await unix_socket.bind(path, STREAM)
    with file.socket:
        file.remove()
        assert os.listdir(os.path.dirname(path)) == []
        file.remove()


async def test_a_file_that_took_our_place_is_left_alone(path: str) -> None:
    file = await unix_socket.bind(path, STREAM)
    os.unlink(path)
    other = await unix_socket.bind(path, STREAM)
    with file.socket, other.socket:
        file.remove()
        assert os.listdir(os.path.dirname(path)) == ["calc.sock"]
        other.remove()
        assert os.listdir(os.path.dirname(path)) == []


# --- The lock --------------------------------------------------------------------------------------------------


@contextmanager
def held(path: str) -> Iterator[None]:
    """Another server that is binding the path."""
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def test_another_server_that_binds_is_waited_for(
    path: str, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    files: list[SocketFile] = []

    async def bind() -> None:
        files.append(await unix_socket.bind(path, STREAM))

    with held(path):
        nursery.start_soon(bind)
        await trio.sleep(3)
        assert not files
        os.unlink(f"{path}.lock")  # as a server does that has bound its socket
    await trio.sleep(0.1)
    [file] = files
    file.socket.close()
    assert os.listdir(os.path.dirname(path)) == ["calc.sock"]


async def test_a_lock_that_was_left_is_taken_over(path: str) -> None:
    with held(path):
        pass
    assert os.listdir(os.path.dirname(path)) == ["calc.sock.lock"]
    (await unix_socket.bind(path, STREAM)).socket.close()
    assert os.listdir(os.path.dirname(path)) == ["calc.sock"]


async def test_a_lock_that_is_never_given_back_is_named(path: str, autojump_clock: trio.testing.MockClock) -> None:
    with (
        held(path),
        pytest.raises(OSError, match=r"another process has held .*calc\.sock\.lock for 5 seconds") as caught,
    ):
        await unix_socket.bind(path, STREAM)
    assert caught.value.errno == errno.EBUSY
    assert trio.current_time() == pytest.approx(5, abs=0.1)
    assert os.listdir(os.path.dirname(path)) == ["calc.sock.lock"]


async def test_a_lock_removed_between_opening_and_locking_is_no_lock(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_lock, attempts = system.try_lock, 0

    def lock_late(descriptor: int) -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            os.unlink(f"{path}.lock")
        return really_lock(descriptor)

    monkeypatch.setattr(system, "try_lock", lock_late)
    (await unix_socket.bind(path, STREAM)).socket.close()
    assert attempts == 2


async def test_cancelled_while_it_waits_it_leaves_nothing(path: str, autojump_clock: trio.testing.MockClock) -> None:
    descriptors = os.listdir("/proc/self/fd")
    with held(path):
        with trio.move_on_after(1) as scope:
            await unix_socket.bind(path, STREAM)
        assert scope.cancelled_caught
    assert os.listdir("/proc/self/fd") == descriptors
    assert os.listdir(os.path.dirname(path)) == ["calc.sock.lock"]


def test_of_servers_that_start_together_one_replaces_the_dead_file(path: str) -> None:
    trio.run(leave_dead, path)
    outcomes: list[SocketFile | OSError] = []
    together = threading.Barrier(8)

    def serve() -> None:
        together.wait()
        try:
            outcomes.append(trio.run(functools.partial(unix_socket.bind, path, STREAM, backlog=8)))
        except OSError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, SocketFile)]
    with winner.socket:
        assert {outcome.errno for outcome in outcomes if isinstance(outcome, OSError)} == {errno.EADDRINUSE}
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
        assert os.listdir(os.path.dirname(path)) == ["calc.sock"]
