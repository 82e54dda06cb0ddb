"""Every example runs: in memory where time is the point, over real sockets and processes where those are."""

from __future__ import annotations

import math
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from examples import metrics, privileged_helper, quickstart, two_services
from tests.example_tools import EXAMPLES, serving

# --- As programs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "arguments", "client_says", "server_says"),
    [
        (
            "quickstart.py",
            ["client"],
            "2 + 3 is 5\n17 / 5 is 3 and 2 remain\n2 + 3 is 5\n2 + 3 is 5\n"
            "refused: nothing can be divided by zero\ngave up: True\n",
            "temperature is 21.5\n",
        ),
        ("jobs.py", ["echo one; echo two >&2"], "one\ntwo\n", ""),
        ("two_services.py", ["client"], "paint the fence -> painted white\n", ""),
        ("lease.py", ["backup", "echo saved"], "backup is held, with the token 1\nsaved\n", ""),
        ("model_server.py", ["be", "to"], "to be \n", ""),
    ],
)
async def test_two_terminals(
    program: str, arguments: list[str], client_says: str, server_says: str, tmp_path: Path
) -> None:
    command = [sys.executable, str(EXAMPLES / program)]
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            start_server = partial(trio.run_process, command, cwd=tmp_path, stdout=subprocess.PIPE)
            server: trio.Process = await nursery.start(start_server)
            client = await trio.run_process([*command, *arguments], cwd=tmp_path, capture_stdout=True)
            server.terminate()
            assert server.stdout is not None
            async with server.stdout:
                assert b"".join([data async for data in server.stdout]).decode() == server_says
    assert client.stdout.decode() == client_says
    assert server.returncode == 0
    assert os.listdir(tmp_path) == []


# --- The quickstart ------------------------------------------------------------------------------------------------


async def test_quickstart_in_memory(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(quickstart.calc) as client:
        assert await client.call(quickstart.add, 2) == 2
        assert await client.call(quickstart.divide, 17, 5) == quickstart.Division(3, 2)
        assert await client.call("calc.divide", 17, 5) == {"quotient": 3, "remainder": 2}
        with pytest.raises(rpc.InvalidArgument, match="nothing can be divided by zero"):
            await client.call(quickstart.divide, 1, 0)
        assert await client.call(quickstart.ponder, 3600) == "42"
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.2):
            await client.call(quickstart.ponder, 60)
        assert trio.current_time() == pytest.approx(3600.2)


# --- Metrics ---------------------------------------------------------------------------------------------------------


async def test_metrics_are_summed_up(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(metrics.metrics) as client:
        for value in (3, 1.5, 6):
            await client.notify(metrics.observe, "request.ms", value)
        await trio.sleep(60)
        await client.notify(metrics.observe, "request.ms", 10)
        await client.notify(metrics.observe, "cache.misses", 1)
        assert await client.call(metrics.summary, "request.ms") == metrics.Summary(4, 5.125, 1.5, 10)
        assert await client.call(metrics.summary, "request.ms", seconds=30) == metrics.Summary(1, 10, 10, 10)
        assert await client.call(metrics.names) == ["cache.misses", "request.ms"]
        await trio.sleep(60)
        with pytest.raises(rpc.NotFound, match=r"nothing was observed under 'request\.ms'"):
            await client.call(metrics.summary, "request.ms", seconds=30)


async def test_metrics_remember_no_more_names_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_NAMES", 1)
    async with rpc.testing.client(metrics.metrics) as client:
        for name in ("first", "second", "first"):
            await client.notify(metrics.observe, name, 1)
        assert await client.call(metrics.names) == ["first"]
        assert (await client.call(metrics.summary, "first")).count == 2


async def test_metrics_come_by_udp_and_are_asked_for_over_a_unix_socket(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(metrics.metrics, "udp://127.0.0.1:0", f"unix:{tmp_path}/metrics.sock") as [observe, ask]:
        await metrics.report(observe, count=20)
        async with rpc.connect(ask) as client:
            while not await client.call(metrics.names):
                pass  # each call lets the server read once
            while (await client.call(metrics.summary, "request.ms")).count < 20:
                pass
        await metrics.show(ask)
    assert capsys.readouterr().out.startswith("request.ms: 20 times, ")


# --- The privileged helper -------------------------------------------------------------------------------------------


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the helper writes, and us among those whom it trusts."""
    file = tmp_path / "brightness"
    file.write_text("70\n")
    monkeypatch.setattr(privileged_helper, "FILE", file)
    monkeypatch.setattr(privileged_helper, "TRUSTED", {os.geteuid()})
    return file


def contents(file: Path) -> str:
    return file.read_text()


async def test_the_helper_serves_who_is_trusted(
    screen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "backlight.sock"
    users = {os.geteuid(), *privileged_helper.USERS}
    async with serving(privileged_helper.backlight, f"unix:{path}", allow_uids=users) as [address]:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
        await privileged_helper.adjust(40, address)
    assert capsys.readouterr().out == "it was 70\nit is 40\n"
    assert contents(screen) == "40"


async def test_the_helper_refuses_who_is_not(screen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileged_helper, "TRUSTED", {os.geteuid() + 1})
    async with (
        serving(privileged_helper.backlight, f"unix:{tmp_path}/backlight.sock") as [address],
        rpc.connect(address) as client,
    ):
        assert await client.call(privileged_helper.brightness) == 70
        with pytest.raises(rpc.PermissionDenied, match=f"user {os.geteuid()} may not do this"):
            await client.call(privileged_helper.set_brightness, 100)
    assert contents(screen) == "70\n"


def test_the_helper_refuses_who_cannot_be_known(screen: Path) -> None:
    stranger = rpc.Peer(address="tcp://127.0.0.1:51002", transport="tcp")
    nobody: Any = None
    context = rpc.Context(peer=stranger, metadata={}, deadline=math.inf, state=None, client=nobody)
    with pytest.raises(rpc.PermissionDenied, match="user None"):
        privileged_helper.set_brightness(context, 40)


async def test_the_helper_keeps_the_screen_readable(screen: Path) -> None:
    async with rpc.testing.client(privileged_helper.backlight) as client:
        with pytest.raises(rpc.InvalidArgument, match="in the dark"):
            await client.call(privileged_helper.set_brightness, 0)


# --- Two services ----------------------------------------------------------------------------------------------------


async def test_two_services_on_one_connection(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client([two_services.queue, two_services.cache]) as client:
        queue, cache = client.stub("queue"), client.stub("cache")
        await queue.put("first")
        await queue.put("second")
        assert [await queue.get(), await queue.get()] == ["first", "second"]
        with pytest.raises(trio.TooSlowError), trio.fail_after(5):
            await queue.get()
        await queue.put("third")
        assert await queue.get() == "third"

        await cache.put("color", "red", seconds=10)
        await trio.sleep(9)
        assert await cache.get("color") == "red"
        await trio.sleep(1)
        with pytest.raises(rpc.NotFound, match="there is no result for 'color'"):
            await cache.get("color")
