"""The connection of a client: made anew where the peer stops or is lost, and never shared with another process."""

from __future__ import annotations

import contextlib
import math
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import rpc
from rpc import blocking
from rpc.blocking import line as module
from rpc.blocking.transport import wait_for
from rpc.blocking.waiting import Gate
from rpc.errors import Reason
from rpc.limits import LEAST_MAX_CALLS
from rpc.wire import frames
from rpc.wire.frames import Fields
from rpc.wire.payload import encode
from tests.blocking_peers import Spoken, scripted
from tests.blocking_served import add, probe
from tests.cli_tools import PATIENCE, serving
from tests.raw_peer import data, failure, greeting, reply

SLOTS = LEAST_MAX_CALLS

STOPPING = frames.goaway(None, Reason.NONE, "enough")

shop = rpc.Service("shop")


@shop.method
def buy() -> str:
    raise NotImplementedError


@shop.method(idempotent=True)
def price() -> int:
    raise NotImplementedError


def connected(address: str, **options: Any) -> AbstractContextManager[blocking.Client]:
    return blocking.connect(address, timeout=PATIENCE, **options)


def until_readable(client: blocking.Client) -> None:
    """Wait until the peer has said something, or closed the connection, which nobody has read yet."""
    wait_for(client._line.connection.transport.socket, read=True, write=False, seconds=PATIENCE)


def answering(answer: Any, heard: list[Fields] | None = None) -> Callable[[Spoken], None]:
    """A peer that answers one call."""

    def script(peer: Spoken) -> None:
        peer.greet()
        fields = peer.hear()
        assert fields is not None
        assert fields[0] == frames.CALL
        if heard is not None:
            heard.append(fields)
        peer.say(reply(fields[1], answer))
        peer.hear_all()

    return script


def stopping(peer: Spoken) -> None:
    """A peer that answers one call, and takes no more."""
    peer.greet()
    peer.say(reply(peer.hear_call(), "first"), STOPPING)
    assert peer.hear_all() == []


def greeted(peer: Spoken) -> None:
    """A peer that goes at once."""
    peer.greet()


def dying(peer: Spoken) -> None:
    """A peer that takes a call along."""
    peer.greet()
    peer.hear_call()


@pytest.fixture(autouse=True)
def never_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call looks at its connection."""
    monkeypatch.setattr(module, "_FRESH", 0.0)


def test_a_server_that_was_started_again(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    with serving(probe, [address]):
        client = blocking.connect(address, timeout=PATIENCE)
        view = client.with_options(metadata={"a": 1})
        assert client.call(add, 1) == 1
    with pytest.raises(rpc.Unavailable, match="no such socket file") as caught:
        client.call(add, 1)
    assert caught.value.processed is rpc.Processed.NOT_PROCESSED
    with serving(probe, [address]):
        assert view.call(add, 2) == 2
        assert client.call(add, 3) == 3
        client.close()


def test_silence_is_answered_before_the_next_call() -> None:
    heard: list[frames.Fields] = []

    def script(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), 1), frames.ping(7))
        heard.extend(fields for fields in (peer.hear(), peer.hear()) if fields is not None)
        peer.say(reply(heard[1][1], 2))
        peer.hear_all()

    with scripted(script) as address, blocking.connect(address, timeout=PATIENCE) as client:
        assert [client.call("probe.add"), client.call("probe.add")] == [1, 2]
    assert [fields[0] for fields in heard] == [frames.PONG, frames.CALL]


def test_the_deadline_holds_for_the_new_connection_too() -> None:
    def silent(peer: Spoken) -> None:
        peer.hear_all()

    with scripted(greeted, silent) as address:
        client = blocking.connect(address)
        socket = client._line.connection.transport.socket
        wait_for(socket, read=True, write=False, seconds=PATIENCE)  # until it has died
        with pytest.raises(TimeoutError, match=r"probe\.add: no answer within 0\.3 s"):
            client.with_options(timeout=0.3).call("probe.add")
        client.close()


# --- A peer that stops -------------------------------------------------------------------------------------------


def test_new_calls_go_by_another_connection() -> None:
    with scripted(stopping, answering("second")) as address, connected(address, reconnect=False) as client:
        assert client.call("probe.add") == "first"
        assert client.call("probe.add") == "second"


def test_so_do_those_of_any_thread_while_others_end_on_the_old_one() -> None:
    has_moved = threading.Event()

    def stopping(peer: Spoken) -> None:
        peer.greet()
        ids = [peer.hear_call() for _ in range(2)]
        are_there.set()
        peer.say(STOPPING, frames.pong(peer.hear_ping()))
        assert has_moved.wait(PATIENCE)
        peer.say(*[reply(id, "old") for id in ids])
        assert peer.hear_all() == []  # it is closed behind the last of them, by who has waited for it

    are_there = threading.Event()
    with scripted(stopping, answering("new")) as address, connected(address) as client, ThreadPoolExecutor() as pool:
        old = client._line.connection
        calls = [pool.submit(client.call, "probe.add") for _ in range(2)]
        assert are_there.wait(PATIENCE)
        client.ping()  # when it is answered, what the peer has said before is known
        assert client.call("probe.add") == "new"
        assert client._line.connection is not old
        assert not old.is_over
        has_moved.set()
        assert [call.result() for call in calls] == ["old"] * 2
        assert old.is_over


@pytest.mark.parametrize("way", ["ends", "is left", "is interrupted"])
def test_a_stream_goes_on_where_it_is(way: str) -> None:
    has_moved = threading.Event()

    def stopping(peer: Spoken) -> None:
        peer.greet()
        id = peer.hear_call()
        peer.say(data(id, encode(1)), STOPPING)
        assert has_moved.wait(PATIENCE)
        if way == "ends":
            peer.say(data(id, encode(2)), reply(id, None))
        else:
            assert peer.hear() == [frames.CANCEL, id]
        if way == "is left":
            peer.say(failure(id, rpc.Cancelled()))
        assert peer.hear_all() == []

    with scripted(stopping, answering("new")) as address, connected(address) as client:
        old = client._line.connection
        with contextlib.suppress(KeyboardInterrupt), client.stream("probe.numbers") as numbers:
            assert next(numbers) == 1
            assert client.call("probe.add") == "new"
            assert not old.is_over
            has_moved.set()
            if way == "ends":
                assert list(numbers) == [2]
            elif way == "is interrupted":
                raise KeyboardInterrupt
        assert old.is_over


def test_what_the_peer_has_not_taken_is_called_again() -> None:
    def stopping(peer: Spoken) -> None:
        peer.greet()
        peer.hear_call()
        peer.say(frames.goaway(0, Reason.NONE, "stopping"))
        peer.hear_all()

    tries: list[Fields] = []
    with scripted(stopping, answering("new", heard=tries)) as address, connected(address, reconnect=False) as client:
        assert client.with_options(metadata={"who": "me"}).call("probe.add") == "new"
    assert [fields[5] for fields in tries] == [{"who": "me", 3: 2}]


def test_those_who_wait_for_a_slot_go_too() -> None:
    has_moved = threading.Event()

    def stopping(peer: Spoken) -> None:
        peer.greet(greeting(max_calls=SLOTS))
        ids = [peer.hear_call() for _ in range(SLOTS)]
        peer.say(STOPPING)
        assert has_moved.wait(PATIENCE)
        peer.say(*[reply(id, "old") for id in ids])
        assert peer.hear_all() == []

    def next(peer: Spoken) -> None:
        peer.greet()
        peer.say(*[reply(id, "new") for id in (peer.hear_call(), peer.hear_call())])
        has_moved.set()
        peer.hear_all()

    with (
        scripted(stopping, next) as address,
        connected(address) as client,
        ThreadPoolExecutor(SLOTS + 2) as pool,
    ):
        results = pool.map(lambda _: client.call("probe.add"), range(SLOTS + 2))
        assert sorted(results) == ["new"] * 2 + ["old"] * SLOTS


def test_a_callee_that_names_a_time_is_called_again() -> None:
    def busy(peer: Spoken) -> None:
        peer.greet()
        soon, later = (
            rpc.ResourceExhausted("busy", processed=rpc.Processed.NOT_PROCESSED, retry_after=seconds)
            for seconds in (0.01, 1.0)
        )
        peer.say(failure(peer.hear_call(), soon))
        peer.say(reply(peer.hear_call(), "now"))
        peer.say(failure(peer.hear_call(), later))
        assert peer.hear_all() == []

    with scripted(busy) as address, connected(address) as client:
        assert client.call("probe.add") == "now"
        with pytest.raises(rpc.ResourceExhausted):
            client.with_options(timeout=1.0).call("probe.add")


def test_closing_ends_the_wait_for_the_time_that_a_callee_names(monkeypatch: pytest.MonkeyPatch) -> None:
    has_begun = threading.Event()

    def long(*_: float) -> float:
        has_begun.set()
        return 2 * PATIENCE

    def busy(peer: Spoken) -> None:
        peer.greet()
        error = rpc.ResourceExhausted("busy", processed=rpc.Processed.NOT_PROCESSED, retry_after=1.0)
        peer.say(failure(peer.hear_call(), error))
        assert peer.hear_all() == []

    monkeypatch.setattr(random, "uniform", long)
    with scripted(busy) as address, ThreadPoolExecutor(1) as pool, connected(address) as client:
        call = pool.submit(client.with_options(timeout=math.inf).call, "probe.add")
        assert has_begun.wait(PATIENCE)
        client.close()
        with pytest.raises(rpc.Unavailable, match="this client was closed"):
            call.result(PATIENCE)


def test_streams_notifications_and_pings_go_by_the_new_connection() -> None:
    def next(peer: Spoken) -> None:
        peer.greet()
        id = peer.hear_call()
        peer.say(data(id, encode("one")), reply(id, None))
        peer.hear_notification()
        peer.say(frames.pong(peer.hear_ping()))
        peer.hear_all()

    with scripted(stopping, next) as address, connected(address) as client:
        assert client.call("probe.add") == "first"
        with client.stream("probe.list") as items:
            assert list(items) == ["one"]
        client.notify("probe.opened")
        assert client.ping() > 0


@pytest.mark.parametrize("way", ["call", "stream", "notify", "ping"])
def test_a_connection_that_others_have_left_meanwhile(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def next(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), "new"))
        if way == "ping":
            peer.say(frames.pong(peer.hear_ping()))
        elif way == "notify":
            peer.hear_notification()
        else:
            peer.say(reply(peer.hear_call(), None))
        peer.hear_all()

    with scripted(stopping, next) as address, connected(address) as client:
        old = client._line.connection
        assert [client.call("probe.add") for _ in range(2)] == ["first", "new"]
        assert old.is_over
        given, ask = [old], client._line.ready  # as a thread has it that has asked before, and was slow
        monkeypatch.setattr(client._line, "ready", lambda deadline: given.pop() if given else ask(deadline))
        match way:
            case "call":
                assert client.call("probe.add") is None
            case "stream":
                with client.stream("probe.list") as items:
                    assert list(items) == []
            case "notify":
                client.notify("probe.opened")
            case _:
                assert client.ping() > 0
        assert not given


def test_a_peer_that_blames_us_is_not_come_back_to() -> None:
    def blaming(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), "first"), frames.goaway(None, Reason.TOO_SLOW, "too slow"))
        peer.hear_all()

    with scripted(blaming) as address, connected(address, reconnect=False) as client:
        assert client.call("probe.add") == "first"
        for _ in range(2):
            with pytest.raises(rpc.Unavailable, match="too slow"):
                client.call("probe.add")


def test_the_end_of_the_client_is_that_of_all_its_connections() -> None:
    def stopping(peer: Spoken) -> None:
        peer.greet()
        peer.hear_call()
        peer.say(STOPPING, frames.pong(peer.hear_ping()))
        assert peer.hear_all() == []

    with (
        scripted(stopping, answering("new")) as address,
        connected(address) as client,
        client.stream("probe.numbers") as numbers,
    ):
        client.ping()
        assert client.call("probe.add") == "new"
        client.close()
        with pytest.raises(rpc.Unavailable, match="this client was closed"):
            next(numbers)


# --- A connection that is lost -----------------------------------------------------------------------------------


def test_what_may_have_run_is_called_once() -> None:
    with scripted(dying, answering("next")) as address, connected(address) as client:
        with pytest.raises(rpc.Unavailable) as caught:
            client.call(buy)
        assert caught.value.processed is rpc.Processed.UNKNOWN
        assert client.call("shop.buy") == "next"


@pytest.mark.parametrize(("target", "is_again"), [(price, True), ("shop.price", False)])
def test_but_twice_where_it_is_declared_idempotent(target: Any, is_again: bool) -> None:
    tries: list[Fields] = []
    with scripted(dying, answering(100, heard=tries)) as address, connected(address) as client:
        if is_again:
            assert client.call(target) == 100
        else:
            with pytest.raises(rpc.Unavailable):
                client.call(target)
            assert client.call(target) == 100
    assert [fields[5] for fields in tries] == [{3: 2} if is_again else None]


def test_there_are_two_tries_and_no_more() -> None:
    with scripted(dying, dying) as address, connected(address) as client:
        with pytest.raises(rpc.Unavailable) as caught:
            client.call(price)
        assert caught.value.processed is rpc.Processed.UNKNOWN


def test_who_waited_for_a_slot_is_not_lost_with_the_connection() -> None:
    waits = threading.Event()

    class Room(list[Gate]):
        def append(self, gate: Gate) -> None:
            super().append(gate)
            waits.set()

    def full(peer: Spoken) -> None:
        peer.greet(greeting(max_calls=SLOTS))
        for _ in range(SLOTS):
            peer.hear_call()
        assert waits.wait(PATIENCE)

    with (
        scripted(full, answering("new")) as address,
        connected(address) as client,
        ThreadPoolExecutor(SLOTS + 1) as pool,
    ):
        client._line.connection.room = Room()
        calls = [pool.submit(client.call, "probe.add") for _ in range(SLOTS + 1)]
        ends = [str(call.exception() or call.result()) for call in calls]
        assert sorted(ends) == ["new"] + ["the connection was lost: the peer closed the connection"] * SLOTS


def test_a_lost_connection_stays_so_where_that_is_wanted() -> None:
    with scripted(greeted) as address, connected(address, reconnect=False) as client:
        until_readable(client)
        for _ in range(2):
            with pytest.raises(rpc.Unavailable, match="the peer closed the connection"):
                client.call("probe.add")


# --- Processes ---------------------------------------------------------------------------------------------------


FORKING = """
import os, sys, rpc.blocking
client = rpc.blocking.connect({address!r}, timeout=15)
assert client.call("probe.add", 1) == 1
child = os.fork()
if not child:
    try:
        client.call("probe.add", 1)
    except RuntimeError as error:
        print(error, flush=True)
    client.close()
    with rpc.blocking.connect({address!r}, timeout=15) as other:
        print(other.call("probe.add", 2), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(client.call("probe.add", 3), flush=True)
client.close()
"""


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
def test_a_forked_process_is_told_to_connect_for_itself(scheme: str, tmp_path: Path) -> None:
    bind = f"unix:{tmp_path}/s" if scheme == "unix" else "tcp://127.0.0.1:0"
    with serving(probe, [bind]) as [address]:
        program = FORKING.format(address=address)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    first, *rest = done.stdout.splitlines()
    assert "a process that was made by fork calls rpc.blocking.connect for itself" in first
    assert rest == ["2", "3"]


def test_a_fork_while_another_thread_holds_the_lock(tmp_path: Path) -> None:
    with serving(probe, [f"unix:{tmp_path}/s"]) as [address], blocking.connect(address) as client:
        client._line._process = os.getpid() + 1  # as the child sees it
        with client._line.connection.lock, pytest.raises(RuntimeError, match="made by fork"):
            client.call(add, 1)
        client._line._process = os.getpid()
