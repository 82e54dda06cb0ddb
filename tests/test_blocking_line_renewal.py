"""The making of a connection anew: patience, those who wait for it, and the end of the client meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

import rpc
from rpc import blocking
from rpc.blocking.connection import Connection
from rpc.blocking.line import Line
from rpc.blocking.transport import Transport
from rpc.blocking.waiting import Deadline
from rpc.limits import Limits
from rpc.session.session import Session
from tests.blocking_served import add, probe
from tests.cli_tools import PATIENCE, serving
from tests.raw_peer import HELLO, HERE


def unavailable() -> rpc.Unavailable:
    return rpc.Unavailable("nobody is there", processed=rpc.Processed.NOT_PROCESSED)


class Host:
    """Where a line finds connections with peers that say nothing, as soon as it is let."""

    def __init__(self) -> None:
        self.tries = 0
        self.begun = threading.Event()
        self.goes_on = threading.Event()
        self.failure: Exception | None = None
        self.sockets: list[socket.socket] = []

    def line(self, wait: float = 0) -> Line:
        """A line whose first connection is lost already."""
        line = Line(self.open, wait=wait)
        line.begin(self.connection)
        line.connection.end("the peer is gone")
        return line

    def open(self, deadline: Deadline) -> Connection:
        self.tries += 1
        self.begun.set()
        assert self.goes_on.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        return self.connection()

    def connection(self) -> Connection:
        near, far = socket.socketpair()
        self.sockets += [near, far]
        near.setblocking(False)
        session = Session(is_connector=True, limits=Limits(), agent="test")
        session.receive(HELLO)
        return Connection(Transport(near, HERE), session, Limits())


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    for sock in host.sockets:
        sock.close()


def test_the_next_server_has_time_to_start(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    with serving(probe, [address]):
        client = blocking.connect(address, wait=PATIENCE, timeout=PATIENCE)
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(client.call, add, 1) for _ in range(3)]
        with serving(probe, [address]):
            assert [call.result() for call in calls] == [1, 1, 1]
            client.close()


def test_where_nobody_is_each_caller_is_told_so_and_the_next_one_tries_again(host: Host) -> None:
    line = host.line()
    host.failure = unavailable()
    waits = threading.Event()

    class Watched:
        """A lock that tells when somebody waits for it."""

        def __init__(self, lock: threading.Lock) -> None:
            self._lock = lock

        def acquire(self, timeout: float) -> bool:
            if self._lock.locked():
                waits.set()
            return self._lock.acquire(timeout=timeout)

        def release(self) -> None:
            self._lock.release()

    line._lock = cast("Any", Watched(line._lock))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(line.ready)
        assert host.begun.wait(PATIENCE)
        second = pool.submit(line.ready)
        assert waits.wait(PATIENCE)
        host.goes_on.set()
        failures = [asked.exception() for asked in (first, second)]
    assert host.tries == 1
    assert [str(failure) for failure in failures] == ["nobody is there"] * 2
    assert failures[0] is not failures[1]
    host.failure = None
    assert not line.ready().is_over
    assert host.tries == 2


def test_a_caller_without_time_leaves_it_to_others(host: Host) -> None:
    line = host.line()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(line.ready)
        assert host.begun.wait(PATIENCE)
        with pytest.raises(TimeoutError, match="no answer within"):
            line.ready(Deadline(0.01, "shop.buy"))
        host.goes_on.set()
        assert first.result() is line.connection
        assert not line.connection.is_over


def test_patience_ends_at_the_deadline(host: Host) -> None:
    line = host.line(wait=PATIENCE)
    host.failure = unavailable()
    host.goes_on.set()
    with pytest.raises(TimeoutError, match="no answer within"):
        line.ready(Deadline(0.02, "shop.buy"))


@pytest.mark.parametrize("is_down", [True, False])
def test_who_makes_it_is_told_of_the_clients_end(host: Host, is_down: bool) -> None:
    line = host.line(wait=PATIENCE)
    host.failure = unavailable() if is_down else None
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(line.ready)
        assert host.begun.wait(PATIENCE)
        line.close()
        host.goes_on.set()
        failure = asked.exception()
    assert str(failure) == "this client was closed"
    assert line.connection.is_over
    with pytest.raises(rpc.Unavailable, match="this client was closed"):
        line.ready()
