"""``rpc call``, ``rpc notify`` and ``rpc ping`` against a server in a thread."""

from __future__ import annotations

import queue
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio

import rpc
from rpc import blocking
from tests.blocking_peers import scripted, silent_behind_hello
from tests.cli_tools import PATIENCE, rpc_command, serving

probe = rpc.Service("probe")
observed: queue.Queue[tuple[str, float, dict[Any, Any]]] = queue.Queue()


@attrs.define
class Poor(Exception):
    needed: int


@probe.method
def add(a: int, b: int = 0) -> int:
    return a + b


@probe.method
def echo(value: object) -> object:
    return value


@probe.method
def data() -> bytes:
    return b"\x00raw\n"


@probe.method
def metadata(context: rpc.Context[None]) -> object:
    return dict(context.metadata)


@probe.method
async def slow() -> None:
    await trio.sleep_forever()


@probe.method
def missing() -> None:
    raise KeyError("secret")


@probe.method(raises=[Poor])
def pay() -> None:
    raise Poor(5)


@probe.method
def find() -> None:
    raise rpc.NotFound("no such\nkey \x1b[31m")


@probe.notification
def observe(context: rpc.Context[None], name: str, value: float) -> None:
    observed.put((name, value, dict(context.metadata)))


@attrs.frozen
class Addresses:
    unix: str
    tcp: str
    udp: str
    unixgram: str


@pytest.fixture(scope="module")
def server() -> Iterator[Addresses]:
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        binds = [f"unix:{here}/s", "tcp://127.0.0.1:0", "udp://127.0.0.1:0", f"unixgram:{here}/d"]
        with serving(probe, binds) as (unix, tcp, udp, unixgram):
            yield Addresses(unix, tcp, udp, unixgram)


# --- rpc call ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["probe.add", "2", "b=3"], "5\n"),
        (["probe.add", "-5", "b=-3"], "-8\n"),
        (["probe.echo", '{"a": [1.5, null]}'], '{"a": [1.5, null]}\n'),
        (["probe.echo", "just text"], '"just text"\n'),
        (["probe.echo", "just text", "--raw"], "just text\n"),
        (["probe.echo", "--", "--raw"], '"--raw"\n'),
        (["probe.data"], '"AHJhdwo="\n'),
        (["probe.metadata", "-m", "a=1", "--metadata", "b=x"], '{"a": 1, "b": "x"}\n'),
        (["probe.add", "1", "--timeout", "30", "--wait", "1"], "1\n"),
    ],
)
def test_a_call_prints_its_result(server: Addresses, words: list[str], printed: str) -> None:
    result = rpc_command("call", server.unix, *words)
    assert (result.exit_code, result.stdout, result.stderr) == (0, printed, "")


def test_a_call_over_tcp(server: Addresses) -> None:
    short = f":{server.tcp.rpartition(':')[2]}"
    assert rpc_command("call", server.tcp, "probe.add", "2").stdout == "2\n"
    assert rpc_command("call", short, "probe.add", "2").stdout == "2\n"


def test_raw_bytes(server: Addresses) -> None:
    assert rpc_command("call", server.unix, "probe.data", "--raw").stdout_bytes == b"\x00raw\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["probe.missing"], 1, "KeyError: the handler raised KeyError; its message stays on the server"),
        (["probe.pay"], 1, '{"needed": 5}'),
        (["probe.find"], 1, "no such\\nkey \\x1b[31m (NOT_FOUND)"),
        (["probe.add", '"\\ud800"'], 2, "lone surrogates"),
        (["probe.add", "a=1", "a=2"], 2, "the argument 'a' is given twice"),
        (["probe.add", "--timout", "3"], 2, "did you mean --timeout?"),
        (["probe.slow", "--timeout", "x"], 2, "'x' is no time in seconds"),
        (["probe.slow", "-m", "x"], 2, "write key=value"),
        (["m" * 256], 2, "255 bytes"),
        ([], 2, "missing argument 'METHOD' (see 'rpc call --help')"),
        (["probe.slow", "--timeout", "0.3"], 4, "probe.slow: no answer within 0.3 s"),
        (["probe.ad", "1"], 5, "probe.ad"),
        (["probe.observe", "a", "1"], 5, "probe.observe is a notification"),
        (["probe.add", "x"], 5, "probe.add: argument 'a' expected int, got str 'x' (INVALID_ARGUMENT)"),
    ],
)
def test_a_call_that_fails_is_one_line(server: Addresses, words: list[str], code: int, told: str) -> None:
    result = rpc_command("call", server.unix, *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("error: ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["call", "notify", "ping"])
@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("unix:/nowhere/s", 3, "error: cannot connect to unix:/nowhere/s: no such socket file: is the server running?"),
        ("http://host", 2, "is no address"),
        ("tls://:9000", 2, "needs a host and a port"),
        ("tcp://:9000", 2, "needs a host and a port"),
    ],
)
def test_where_there_is_no_server(command: str, address: str, code: int, told: str) -> None:
    words = [] if command == "ping" else ["probe.add"]
    result = rpc_command(command, address, *words)
    assert result.exit_code == code
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["call", "ping"])
def test_nobody_answers_a_datagram(command: str) -> None:
    result = rpc_command(command, "udp://127.0.0.1:9", *(["probe.add"] if command == "call" else []))
    assert result.exit_code == 2
    assert "takes nothing but notifications: use 'rpc notify'" in result.stderr


# --- rpc notify ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["unix", "tcp", "udp", "unixgram"])
def test_a_notification_arrives(server: Addresses, transport: str) -> None:
    result = rpc_command("notify", getattr(server, transport), "probe.observe", "fps", "value=59.9")
    assert (result.exit_code, result.output) == (0, "")
    name, value, _ = observed.get(timeout=PATIENCE)
    assert (name, value) == ("fps", 59.9)


def test_metadata_goes_over_connections_only(server: Addresses) -> None:
    words = ["probe.observe", "a", "1", "--metadata", "k=5"]
    assert rpc_command("notify", server.unix, *words).exit_code == 0
    assert observed.get(timeout=PATIENCE) == ("a", 1.0, {"k": 5})
    refused = rpc_command("notify", server.udp, *words)
    assert refused.exit_code == 2
    assert "--wait, --timeout and --metadata are for connections" in refused.stderr


def test_a_datagram_that_did_not_leave() -> None:
    nobody = rpc_command("notify", "unixgram:/nowhere/d", "probe.observe", "a", "1")
    assert (nobody.exit_code, nobody.stderr) == (
        3,
        "error: cannot send to unixgram:/nowhere/d: nobody receives there\n",
    )
    large = rpc_command("notify", "udp://127.0.0.1:9", "probe.observe", "a" * 2000, "1")
    assert large.exit_code == 1
    assert "1200" in large.stderr
    assert "RESOURCE_EXHAUSTED" in large.stderr


# --- rpc ping ------------------------------------------------------------------------------------------------------


def test_one_ping_is_one_line(server: Addresses) -> None:
    result = rpc_command("ping", server.unix, "--wait", "1")
    assert (result.exit_code, result.stderr) == (0, "")
    address, _, time = result.stdout.rstrip("\n").rpartition(": ")
    assert address == server.unix
    assert float(time.removesuffix(" ms")) > 0


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between pings, which are not made."""
    pauses: list[float] = []

    monkeypatch.setattr("rpc.cli.ping.time", SimpleNamespace(sleep=pauses.append))
    return pauses


def test_several_pings_have_a_summary(server: Addresses, slept: list[float]) -> None:
    lines = rpc_command("ping", server.tcp, "--count", "3", "--interval", "2").stdout.splitlines()
    assert slept == [2, 2]
    assert [line.rpartition(": ")[0] for line in lines[:3]] == [f"{server.tcp}: {number}" for number in (1, 2, 3)]
    assert lines[3].startswith("3 answers: least ")
    assert len(lines) == 4


def test_an_interrupt_does_not_lose_what_was_measured(
    server: Addresses, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.001, 0.003])

    def ping(_: blocking.Client) -> float:
        for time in times:
            return time
        raise KeyboardInterrupt

    monkeypatch.setattr(blocking.Client, "ping", ping)
    result = rpc_command("ping", server.unix, "--count", "5")
    assert result.exit_code == 130
    assert result.stdout.endswith("2 answers: least 1.00 ms, median 2.00 ms, most 3.00 ms\n")


def test_a_ping_that_is_not_answered() -> None:
    with scripted(silent_behind_hello) as address:
        result = rpc_command("ping", address, "--timeout", "0.2")
    assert (result.exit_code, result.stderr) == (4, f"error: {address}: no answer within 0.2 s\n")


@pytest.mark.parametrize("command", ["call probe.add 1", "notify probe.observe a 1", "ping", "list"])
def test_commands_that_connect_start_without_trio(server: Addresses, command: str) -> None:
    name, *words = command.split()
    words = [name, server.unix, *words]
    program = f"""
import sys
from rpc.cli import main
try:
    main({words!r})
except SystemExit as end:
    print(end.code or 0, [name for name in ("trio", "asyncio", "anyio") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "0 []\n"
