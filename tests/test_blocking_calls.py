"""Calls, notifications and pings on a connection of which the peer is a script."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import rpc
from rpc import blocking
from rpc.blocking import calls
from rpc.blocking.connection import Connection
from rpc.blocking.waiting import NEVER, Deadline
from rpc.errors import Reason
from rpc.wire import frames
from rpc.wire.payload import encode
from tests.blocking_peers import Script, Spoken, scripted
from tests.cli_tools import PATIENCE
from tests.raw_peer import reply


@contextmanager
def connected(script: Script) -> Iterator[Connection]:
    with scripted(script) as address, blocking.connect(address) as client:
        yield client._line.connection


def test_a_notification_waits_for_a_peer_that_reads_later() -> None:
    reads = threading.Event()
    heard: list[frames.Fields] = []

    def script(peer: Spoken) -> None:
        peer.greet()
        reads.wait(PATIENCE)
        heard.extend(peer.hear_all())

    payload = encode([[bytes(200_000)], {}])
    with connected(script) as connection:
        with pytest.raises(TimeoutError):
            while True:
                calls.notify(connection, "probe.observe", payload, b"\xa0", Deadline(0.05, "probe.observe"))
        reads.set()
        calls.notify(connection, "probe.observe", payload, b"\xa0", Deadline(PATIENCE, "probe.observe"))
        with connection.lock:
            assert connection.is_flushed
    assert {fields[0] for fields in heard} == {frames.NOTIFY}


def test_a_notification_to_a_peer_that_is_gone() -> None:
    gone = threading.Event()

    def script(peer: Spoken) -> None:
        peer.greet()
        peer.socket.close()
        gone.set()

    with connected(script) as connection:
        gone.wait(PATIENCE)
        with pytest.raises(rpc.Unavailable, match=r"the connection was lost: Broken pipe|closed the connection"):
            calls.notify(connection, "probe.observe", encode([[], {}]), b"\xa0", NEVER)
        with pytest.raises(rpc.Unavailable, match="has ended"):
            calls.notify(connection, "probe.observe", encode([[], {}]), b"\xa0", NEVER)
        with pytest.raises(rpc.Unavailable, match="the connection has ended"):
            calls.ping(connection, NEVER)


def test_a_peer_that_ends_it_answers_no_ping() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        assert (peer.hear() or [None])[0] == frames.PING
        peer.say(frames.goaway(5, Reason.TOO_SLOW, "too slow"))
        peer.hear_all()

    with connected(script) as connection, pytest.raises(rpc.Unavailable, match="the connection ended: too slow"):
        calls.ping(connection, Deadline(PATIENCE, "x"))


def test_a_peer_that_dies_answers_no_ping() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        peer.hear()

    with connected(script) as connection, pytest.raises(rpc.Unavailable, match="the peer closed the connection"):
        calls.ping(connection, NEVER)


def test_a_call_without_a_slot_waits_until_the_peer_leaves() -> None:
    opened = threading.Event()

    def script(peer: Spoken) -> None:
        peer.greet()
        for _ in range(128):
            peer.hear_call()
        opened.wait(PATIENCE)
        peer.say(frames.goaway(None, Reason.NONE, "stopping"))
        peer.hear_all()

    with connected(script) as connection:
        streams = [
            calls.open_call(connection, "probe.x", b"\x80", flags=frames.TAKES, metadata=b"\xa0", deadline=NEVER)
            for _ in range(128)
        ]
        opened.set()
        with pytest.raises(rpc.Unavailable, match="stopping") as caught:
            calls.call(connection, "probe.x", b"\x80", flags=0, metadata=b"\xa0", deadline=NEVER)
        assert caught.value.processed is rpc.Processed.NOT_PROCESSED
        for stream in streams:
            stream.give_up()
            stream.give_up()


def test_a_stream_that_has_ended_takes_nothing_more() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), "early"))
        peer.hear_all()

    with connected(script) as connection:
        call = calls.open_call(
            connection, "probe.x", b"\x80", flags=frames.SENDS, metadata=b"\xa0", deadline=Deadline(PATIENCE, "x")
        )
        assert call.result() == encode("early")
        assert call.send(b"\x01") is False
        assert call.wait_to_send() is False
        call.stop()
        assert call.receive() is None


def test_an_interrupted_start_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        assert peer.hear_all() == []

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with connected(script) as connection:
        monkeypatch.setattr(type(connection.session.caller), "call", interrupted)
        with pytest.raises(KeyboardInterrupt):
            calls.call(connection, "probe.x", b"\x80", flags=0, metadata=b"\xa0", deadline=NEVER)
        assert connection.is_over
