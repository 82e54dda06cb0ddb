"""The connection of a client: made anew where it has ended in silence, and never shared with another process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rpc
from rpc import blocking
from rpc.blocking import line as module
from rpc.blocking.transport import wait_for
from rpc.errors import Reason
from rpc.wire import frames
from tests.blocking_peers import Spoken, scripted
from tests.blocking_served import add, probe
from tests.cli_tools import PATIENCE, serving
from tests.raw_peer import reply


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


def test_a_server_that_is_leaving() -> None:
    def leaving(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), "first"), frames.goaway(None, Reason.NONE, "stopping"))
        assert peer.hear_all() == []

    def next(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), "second"))
        peer.hear_all()

    with scripted(leaving, next) as address, blocking.connect(address, timeout=PATIENCE) as client:
        assert client.call("probe.add") == "first"
        assert client.call("probe.add") == "second"


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


def test_a_call_in_the_air_is_never_made_twice() -> None:
    calls: list[int] = []

    def dying(peer: Spoken) -> None:
        peer.greet()
        calls.append(peer.hear_call())

    def next(peer: Spoken) -> None:
        peer.greet()
        assert peer.hear_all() == []

    with scripted(dying, next) as address, blocking.connect(address, timeout=PATIENCE) as client:
        with pytest.raises(rpc.Unavailable) as caught:
            client.call("probe.add")
        assert caught.value.processed is rpc.Processed.UNKNOWN
        assert client._line.connection() is client._line.last
    assert len(calls) == 1


def test_the_deadline_holds_for_the_new_connection_too() -> None:
    def silent(peer: Spoken) -> None:
        peer.hear_all()

    def dying(peer: Spoken) -> None:
        peer.greet()

    with scripted(dying, silent) as address:
        client = blocking.connect(address)
        wait_for(client._line.last.transport.socket, read=True, write=False, seconds=PATIENCE)  # until it has died
        with pytest.raises(TimeoutError, match=r"probe\.add: no answer within 0\.05 s"):
            client.with_options(timeout=0.05).call("probe.add")
        client.close()


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
        with client._line.last.lock, pytest.raises(RuntimeError, match="made by fork"):
            client.call(add, 1)
        client._line._process = os.getpid()
