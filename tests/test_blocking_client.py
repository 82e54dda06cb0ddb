"""Blocking calls of each kind, to a server in a thread."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import rpc
from rpc import blocking
from tests.blocking_served import Point, Poor, add, calc, countdown, lease, mirror, observe, pay, probe, told
from tests.cli_tools import PATIENCE, serving


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving([probe, calc], [f"unix:{tmp_path_factory.mktemp('blocking')}/s"]) as [address]:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[blocking.Client]:
    with blocking.connect(address, timeout=PATIENCE) as client:
        yield client
    assert told.empty()


def test_calls_by_name_and_by_handle(client: blocking.Client) -> None:
    assert client.call("probe.add", 2, b=3) == 5
    assert client.call(add, 2, b=3) == 5
    assert client.call("probe.mirror", Point(1, 2)) == {"x": 2, "y": 1}
    assert client.call(mirror, Point(1, 2)) == Point(2, 1)


@pytest.mark.parametrize("size", [0, 100, 70_000, 300_000, 5_000_000])
def test_payloads_of_every_size(client: blocking.Client, size: int) -> None:
    data = bytes(range(256)) * (size // 256)
    assert client.call("probe.echo", data) == data


def test_what_the_callee_answers_is_raised(client: blocking.Client) -> None:
    with pytest.raises(rpc.InvalidArgument, match=r"probe\.add: argument 'a' expected int, got str 'x'"):
        client.call("probe.add", "x")
    with pytest.raises(rpc.Unimplemented, match=r"probe\.ad"):
        client.call("probe.ad", 1)
    with pytest.raises(Poor) as caught:
        client.call(pay)
    assert caught.value.needed == 5
    with pytest.raises(rpc.RemoteError, match="Poor"):
        client.call("probe.pay")


def test_what_cannot_be_called_or_sent(client: blocking.Client) -> None:
    with pytest.raises(rpc.EncodeError, match=r"probe\.add: args\[0\]"):
        client.call("probe.add", object())
    with pytest.raises(rpc.ResourceExhausted, match="max_message"):
        client.call("probe.echo", bytes(20_000_000))
    with pytest.raises(rpc.ResourceExhausted, match="max_frame"):
        client.notify("probe.observe", "x" * 300_000, 1)
    wrong: Any = countdown
    with pytest.raises(TypeError, match=r"countdown streams its items: call it with stream"):
        client.call(wrong, 1)
    assert client.call(add, 1) == 1


def test_a_timeout_cancels_the_handler(client: blocking.Client) -> None:
    with pytest.raises(TimeoutError, match=r"^probe\.sleep: no answer within 0\.3 s$"):
        client.with_options(timeout=0.3).call("probe.sleep")
    assert [told.get(timeout=PATIENCE), told.get(timeout=PATIENCE)] == ["asleep", "cancelled"]
    assert client.call(add, 1, 2) == 3


def test_the_time_is_over_before_anything_was_sent(client: blocking.Client) -> None:
    with pytest.raises(TimeoutError):
        client.with_options(timeout=0).call("probe.sleep")
    assert client.call(add, 1, 2) == 3


def test_options_travel(client: blocking.Client, address: str) -> None:
    assert client.call("probe.terms") == [{}, True]
    view = client.with_options(metadata={"user": "alice"}).with_options(timeout=math.inf, metadata={"n": 1})
    assert view.call("probe.terms") == [{"user": "alice", "n": 1}, False]
    with pytest.raises(ValueError, match="8192"):
        client.with_options(metadata={"user": "x" * 9000})


def test_notifications_are_in_order_with_calls(client: blocking.Client) -> None:
    client.notify(observe, "fps", 60)
    client.notify("probe.observe", "fps", value=59.5)
    client.call(add, 1)
    assert [told.get(timeout=PATIENCE), told.get(timeout=PATIENCE)] == [("fps", 60.0), ("fps", 59.5)]


def test_what_was_notified_leaves_before_the_end(address: str) -> None:
    with blocking.connect(address) as client:
        client.notify(observe, "x" * 200_000, 1)
    assert told.get(timeout=PATIENCE) == ("x" * 200_000, 1.0)


def test_streams(client: blocking.Client) -> None:
    with client.stream(countdown, 1000) as numbers:
        assert list(numbers) == list(range(1000, 0, -1))
    assert told.get(timeout=PATIENCE) == "closed"


def test_contexts(client: blocking.Client) -> None:
    with client.enter(lease, "printer") as token:
        assert token == "lease of printer"
    assert told.get(timeout=PATIENCE) == "left"


def test_pings(client: blocking.Client) -> None:
    assert 0 < client.ping() < PATIENCE


def test_nothing_is_served_to_the_server(client: blocking.Client) -> None:
    assert client.call("probe.call_back") == "theirs.add: a blocking client serves nothing"


def test_the_peer_is_known(client: blocking.Client, address: str) -> None:
    assert client.peer.transport == "unix"
    assert client.peer.pid is not None
    assert repr(client) == f"<blocking Client of {address}>"


def test_a_closed_client_says_so(address: str) -> None:
    client = blocking.connect(address)
    view = client.with_options(timeout=1)
    client.close()
    client.close()
    for call in (lambda: view.call(add, 1), lambda: view.notify(observe, "a", 1), view.ping):
        with pytest.raises(rpc.Unavailable, match="this client was closed") as caught:
            call()
        assert caught.value.processed is rpc.Processed.NOT_PROCESSED
    with pytest.raises(rpc.Unavailable, match="closed"), view.stream(countdown, 1):
        raise AssertionError


def test_no_event_loop_is_imported(address: str) -> None:
    program = f"""
import sys, rpc.blocking
with rpc.blocking.connect({address!r}) as client:
    print(client.call("probe.add", 1, 2), client.stub("probe").add(1))
    with client.stream("probe.points", 2) as points:
        print(len(list(points)))
print([name for name in ("trio", "asyncio", "anyio", "outcome", "sniffio") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "3 1\n2\n[]\n"


def test_ctrl_c_interrupts_a_call_and_its_handler(address: str) -> None:
    program = f"""
import rpc.blocking
with rpc.blocking.connect({address!r}) as client:
    try:
        client.call("probe.sleep")
    except KeyboardInterrupt:
        print("interrupted", client.call("probe.add", 1, 2))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert told.get(timeout=PATIENCE) == "asleep"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    assert output == "interrupted 3\n"
    assert told.get(timeout=PATIENCE) == "cancelled"
