from __future__ import annotations

import array
import fcntl
import os
import socket
import stat
from pathlib import Path

import pytest

from rpc.net import system
from rpc.net.system import Credentials

OURS = Credentials(os.getuid(), os.getgid(), os.getpid())


def test_both_ends_of_a_socket_know_the_process() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert system.credentials_of(left) == system.credentials_of(right) == OURS


def test_a_socket_without_a_peer_has_no_process() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        assert system.credentials_of(sock) == Credentials()


def test_a_system_that_cannot_tell_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = socket.socketpair()
    with left, right:
        monkeypatch.setattr(system, "_SO_PEERCRED", None)
        assert system.credentials_of(left) == Credentials()
        monkeypatch.setattr(system, "_SO_PASSCRED", None)
        system.ask_credentials(right)
        assert right.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED) == 0


def test_a_process_of_another_namespace_has_no_number() -> None:
    message = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, b"\0" * 4 + b"\x01\0\0\0" + b"\x02\0\0\0")
    assert system.message_credentials([message]) == Credentials(1, 2, None)


def test_a_datagram_brings_its_senders_process() -> None:
    left, right = socket.socketpair(type=socket.SOCK_DGRAM)
    with left, right:
        system.ask_credentials(right)
        left.send(b"hello")
        data, ancillary, _, _ = right.recvmsg(100, system.CREDENTIALS_SPACE)
        assert data == b"hello"
        assert system.message_credentials(ancillary) == OURS


def test_a_datagram_may_bring_nothing() -> None:
    assert system.message_credentials([]) == Credentials()
    assert system.message_credentials([(socket.SOL_SOCKET, socket.SCM_RIGHTS, bytes(12))]) == Credentials()


def test_descriptors_sent_along_do_not_arrive() -> None:
    left, right = socket.socketpair(type=socket.SOCK_DGRAM)
    with left, right:
        system.ask_credentials(right)
        before = os.listdir("/proc/self/fd")
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [left.fileno()] * 3))
        left.sendmsg([b"hello"], [rights])
        _, ancillary, flags, _ = right.recvmsg(100, system.CREDENTIALS_SPACE)
        assert [kind for _, kind, _ in ancillary] == [socket.SCM_CREDENTIALS]
        assert flags & socket.MSG_CTRUNC
        assert os.listdir("/proc/self/fd") == before


def test_a_file_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            system.restrict(sock)
            sock.bind(str(tmp_path / "s"))
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_a_system_that_cannot_restrict_does_nothing() -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.close()
    system.restrict(sock)


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert system.try_lock(first.fileno())
        assert not system.try_lock(second.fileno())
        fcntl.flock(first, fcntl.LOCK_UN)
        assert system.try_lock(second.fileno())


def test_a_port_may_be_bound_again_where_that_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as sock:
        with monkeypatch.context() as patch:
            patch.setattr(os, "name", "nt")
            system.allow_rebind(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
        system.allow_rebind(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
