from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import rpc
from rpc.address import parse
from rpc.cli.serve import Announcement, to_uid
from tests.cli_tools import PATIENCE, Program, rpc_command

MODULE = """
import trio
import rpc

calc = rpc.Service("calc")
shop = rpc.Service("shop")

@calc.method
def add(a: int, b: int) -> int:
    return a + b

@calc.method
async def slow(seconds: float) -> str:
    print("slow begins", flush=True)
    await trio.sleep(seconds)
    return "slow is done"

@shop.notification
def observe(name: str, value: float) -> None:
    print("observed", name, value, flush=True)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, in which there is a module with two services."""
    (tmp_path / "shelf.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


# --- The command in this process -----------------------------------------------------------------------------------


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `rpc.run` was given; it returns at once."""
    calls: list[dict[str, Any]] = []

    def run(services: Any, bind: Any, **options: Any) -> None:
        calls.append({"services": services, "bind": bind, **options})

    monkeypatch.setattr(rpc, "run", run)
    return calls


def test_defaults_are_those_of_the_library(here: Path, ran: list[dict[str, Any]]) -> None:
    result = rpc_command("serve", "shelf:calc", "--bind", ":9000")
    assert (result.exit_code, result.stderr) == (0, "stopped\n")
    (options,) = ran
    assert [service.name for service in options["services"]] == ["calc"]
    assert list(options["bind"]) == [parse(":9000")]
    assert options["limits"] == rpc.Limits()
    assert (options["insecure"], options["allow_uids"], options["debug"]) == (False, None, False)
    assert options["polling"] is True


def test_options_reach_the_library(here: Path, ran: list[dict[str, Any]]) -> None:
    words = (
        "shelf:calc shelf:shop -b unix:/a -b tcp://:1 --insecure --debug --allow-uid 0 --allow-uid 12 -vv --no-polling"
    )
    limits = "--drain-timeout 0.5 --max-calls 16 --max-connections 2 --max-message 20000"
    assert rpc_command("serve", *words.split(), *limits.split()).exit_code == 0
    (options,) = ran
    assert [service.name for service in options["services"]] == ["calc", "shop"]
    assert [str(address) for address in options["bind"]] == ["unix:/a", "tcp://:1"]
    assert (options["insecure"], tuple(options["allow_uids"]), options["debug"]) == (True, (0, 12), True)
    assert options["polling"] is False
    expected = rpc.Limits(drain_timeout=0.5, max_calls=16, max_connections=2, max_message=20000)
    assert options["limits"] == expected


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "missing argument 'MODULE:SERVICE...'"),
        (["shelf:calc"], 2, "say where to serve, as in --bind unix:/tmp/calc.sock or --bind :9000"),
        (["shelf:calc", "-b", "here"], 2, "'here' is no address"),
        (["shelf:nothing", "-b", ":0"], 2, "there is no 'nothing' in shelf: write shelf:calc or shelf:shop"),
        (["shelf:calc", "shelf:calc", "-b", "unix:s"], 2, "two services are named 'calc'"),
        (["shelf:calc", "-b", "unix:s", "--max-calls", "1"], 2, "1 is not in the range x>=16"),
        (["shelf:calc", "-b", "unix:s", "--allow-uid", "no.such.user"], 2, "there is no user 'no.such.user'"),
        (["shelf:calc", "-b", "tcp://0.0.0.0:0"], 2, "or pass --insecure where"),
        (["shelf:calc", "-b", "tls://127.0.0.1:0"], 2, "tls"),
        (["shelf:calc", "-b", "unix:missing/s"], 3, "No such file or directory: missing/s"),
        (["shelf:calc", "-b", "tcp://192.0.2.1:1", "--insecure"], 3, "cannot listen on tcp://192.0.2.1:1"),
    ],
)
def test_what_cannot_be_served_is_one_line(here: Path, words: list[str], code: int, told: str) -> None:
    result = rpc_command("serve", *words)
    assert result.exit_code == code
    assert told in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


LIFESPAN = """
import rpc
broken = rpc.Service("broken")
@broken.lifespan
async def open_nothing():
    raise {exception}("no database")
    yield
"""


@pytest.mark.parametrize("exception", ["OSError", "ValueError", "RuntimeError"])
def test_a_lifespan_that_fails_is_no_wrong_usage(here: Path, exception: str) -> None:
    module = f"shelf_{exception.lower()}"
    (here / f"{module}.py").write_text(LIFESPAN.format(exception=exception))
    words = ["serve", f"{module}:broken", "-b", "unix:s"]
    result = rpc_command(*words)
    assert result.exit_code == 1
    told = f"error: serving raised {exception}: no database ({here}/{module}.py, line 6)"
    assert result.stderr == f"{told}; --debug shows more\n"
    debugged = rpc_command(*words, "--debug")
    assert debugged.stderr.startswith("Traceback (most recent call last):\n")
    assert debugged.stderr.endswith(f"{told}\n")


def test_users_by_name_and_number() -> None:
    me = pwd.getpwuid(os.getuid())
    assert to_uid(me.pw_name) == me.pw_uid
    assert to_uid("4294967294") == 4294967294
    with pytest.raises(click.BadParameter, match="no user 'no such'"):
        to_uid("no such")


def test_the_announcement_has_a_line_for_each_address() -> None:
    service = rpc.Service("calc.basic")

    @service.method
    def add(a: int, b: int) -> int:
        return a + b

    @service.notification
    def observe() -> None: ...

    @click.command()
    def announce() -> None:
        Announcement([service]).started(["unix:/a", "udp://127.0.0.1:9", "unixgram:/b"])

    assert CliRunner().invoke(announce).stderr.splitlines() == [
        "serving calc.basic: add, observe",
        "listening on unix:/a",
        "listening on udp://127.0.0.1:9 (notifications only)",
        "listening on unixgram:/b (notifications only)",
    ]


# --- Two terminals -------------------------------------------------------------------------------------------------


def test_two_terminals(here: Path) -> None:
    """One program serves on three transports, others call it, and it drains when it is told to stop."""
    binds = ["-b", "unix:calc.sock", "-b", "tcp://127.0.0.1:0", "-b", "udp://127.0.0.1:0"]
    with Program("serve", "shelf:calc", "shelf:shop", *binds, directory=here) as server:
        unix, tcp, udp = (server.wait_for("listening on").split()[2] for _ in range(3))
        assert (here / "calc.sock").is_socket()

        for address in (unix, tcp):
            assert rpc_command("call", address, "calc.add", "2", "b=3").stdout == "5\n"
        assert rpc_command("notify", udp, "shop.observe", "fps", "59.9").exit_code == 0
        server.wait_for("observed fps 59.9")

        with Program("call", unix, "calc.slow", "2", directory=here) as caller:
            server.wait_for("slow begins")
            server.process.send_signal(signal.SIGTERM)
            assert caller.end() == (0, ['"slow is done"'])
        assert server.end() == (0, ["stopped"])
    assert not (here / "calc.sock").exists()


def test_a_second_server_is_refused_a_live_socket(here: Path) -> None:
    with Program("serve", "shelf:calc", "-b", "unix:calc.sock", directory=here) as server:
        server.wait_for("listening on")
        result = rpc_command("serve", "shelf:calc", "-b", "unix:calc.sock")
        assert (result.exit_code, result.stderr) == (3, "error: a live server holds this socket: calc.sock\n")
        server.process.send_signal(signal.SIGINT)
        assert server.end() == (0, ["stopped"])


def test_a_second_signal_ends_everything_at_once(here: Path) -> None:
    words = ["serve", "shelf:calc", "-b", "unix:calc.sock", "--drain-timeout", str(PATIENCE * 10)]
    with Program(*words, directory=here) as server:
        server.wait_for("listening on")
        with Program("call", "unix:calc.sock", "calc.slow", "3600", directory=here) as caller:
            server.wait_for("slow begins")
            server.process.send_signal(signal.SIGTERM)
            # Two that come before the first was taken up would count as one; the listener goes when it is.
            server.wait_until(lambda: not (here / "calc.sock").exists())
            server.process.send_signal(signal.SIGTERM)
            code, lines = caller.end()
            assert code == 1
            assert lines[0].startswith("error: ")
        assert server.end()[0] == 128 + signal.SIGTERM
    assert not (here / "calc.sock").exists()
