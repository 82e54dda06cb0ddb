"""``rpc demo`` as a whole, and its parts."""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

import rpc
from rpc.cli import demo_acts, demo_server
from rpc.cli.demo_figures import Figures, measure, row
from rpc.cli.demo_server import open_server
from rpc.cli.demo_service import Diary, SoldOut, brew, cafe, diary, greet, order, price, total, total_async
from rpc.cli.demo_stage import Stage, describe, duration
from rpc.cli.failure import Failure
from tests.cli_tools import rpc_command

# --- All of it -----------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files, in which nothing may stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_demo_shows_each_way_to_call(empty: Path) -> None:
    result = rpc_command("demo", "--seconds", "0.01")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = re.sub(r"\n      (?=\S)", " ", result.stdout)  # results that were wrapped
    for text in (
        "rpc serve rpc.cli.demo_service:cafe \\ --bind unix:",
        '  await client.call("cafe.price", "tea", cups=3)   # by name\n    → Decimal(\'7.50\')  ',
        "50 cups, each of which takes 0.2 s  ",
        "→ trio.TooSlowError  ",
        "→ ['poured away a mocha']  ",
        "→ rpc.InvalidArgument: cafe.price: argument 'cups' expected int, got str '3'",
        "→ rpc.Unimplemented: ",
        "→ rpc.RemoteError: KeyError: ",
        "→ SoldOut(drink='tea', left=3)  ",
        "→ ['poured away a mocha', 'Ada came in', 'Grace came in']  ",
        "async def, 64 at a time",
        "→ exit code 0, and its socket file is gone",
    ):
        assert text in shown
    assert all(len(line) <= 80 for line in result.stdout.splitlines() if str(empty) not in line)
    assert list(empty.iterdir()) == []


# --- The server ----------------------------------------------------------------------------------------------------


async def test_a_server_that_does_not_start(empty: Path) -> None:
    with pytest.raises(Failure, match="the server did not start: error: there is no module 'no_such_module'"):
        async with open_server("no_such_module:cafe"):
            raise AssertionError
    assert list(empty.iterdir()) == []


async def test_a_server_ends_with_its_block(empty: Path) -> None:
    async with open_server("rpc.cli.demo_service:cafe") as server:
        assert server.process.poll() is None
        assert server.path.is_socket()
    assert server.process.poll() is not None
    assert list(empty.iterdir()) == []


async def test_a_server_that_ends_badly_is_told_of(tmp_path: Path) -> None:
    @attrs.frozen
    class BadServer(demo_server.Server):
        async def stop(self) -> int:
            await trio.lowlevel.checkpoint()
            return 1

    process = await trio.lowlevel.open_process([sys.executable, "-c", ""])
    await process.wait()
    with pytest.raises(Failure, match="the server ended with 1, or left"):
        await demo_acts.stop(Stage(80), BadServer(process, "", "", "", tmp_path / "cafe.sock", 0.0))


# --- The service ---------------------------------------------------------------------------------------------------


async def test_the_cafe(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(cafe) as client:
        assert str(await client.call(price, "tea", cups=3)) == "7.50"
        assert str(await client.call(order, "coffee", 2)) == "6.40"
        assert await client.call(total, 1, 2) == await client.call(total_async, 1, 2) == 3
        assert await client.call(brew, "tea", 60.0) == "a cup of tea"
        with pytest.raises(SoldOut) as caught:
            await client.call(order, "tea", 4)
        assert (caught.value.drink, caught.value.left) == ("tea", 3)
        with trio.move_on_after(1):
            await client.call(brew, "mocha", 60.0)
        assert await client.call(diary, 1) == ["poured away a mocha"]


async def test_the_diary_is_read_once_it_is_written(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(cafe) as client, trio.open_nursery() as nursery:
        read: list[list[str]] = []

        @nursery.start_soon
        async def _read() -> None:
            read.append(await client.call(diary, 2))

        for guest in ("Ada", "Grace"):
            await trio.testing.wait_all_tasks_blocked()
            assert read == []
            await client.notify(greet, guest)
    assert read == [["Ada came in", "Grace came in"]]


def test_a_diary_begins_empty() -> None:
    assert Diary().lines == []


# --- The stage -----------------------------------------------------------------------------------------------------


async def give(value: object) -> object:
    await trio.lowlevel.checkpoint()
    if isinstance(value, Exception):
        raise value
    return value


async def test_code_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(60)
    await stage.play("x = 1\nawait f(x)", give("one"), remark="a remark")
    await stage.play("await f()", give(rpc.NotFound("no\x1bkey")))
    await stage.play("await f()", give(5), told="five")
    lines = [
        line.rpartition("  ")[0] if line.endswith(" ms") else line for line in capsys.readouterr().out.splitlines()
    ]
    assert lines == [
        "  x = 1",
        f"  {'await f(x)':47}  # a remark",
        "    → 'one'",
        "  await f()",
        "    → rpc.NotFound: no\\x1bkey",
        "  await f()",
        "    → five",
    ]


def test_long_results_are_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    Stage(40).result("word " * 10, time="1 s")
    Stage(40).note("word " * 10)
    Stage(40).heading("Heading")
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "    → word word word word word",
        "      word word word word word  1 s",
        "  word word word word word word word",
        "  word word word",
        "",
        "Heading",
    ]


def test_a_plain_terminal_gets_plain_arrows(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    Stage(40).result("done")
    assert written.getvalue() == b"    -> done\n"


@attrs.define
class Odd(Exception):
    number: int


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (rpc.NotFound("no key"), "rpc.NotFound: no key"),
        (trio.TooSlowError(), "trio.TooSlowError"),
        (KeyError("x"), "KeyError: 'x'"),
        (Odd(3), "Odd(number=3)"),
    ],
)
def test_exceptions_by_the_name_that_catches_them(error: Exception, text: str) -> None:
    assert describe(error) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0001234, "0.12 ms"), (0.0123, "12 ms"), (1.234, "1.23 s")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# --- The figures ---------------------------------------------------------------------------------------------------


async def test_every_caller_makes_at_least_one_call() -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        await trio.lowlevel.checkpoint()

    figures = await measure(call, in_flight=5, seconds=0)
    assert len(figures.latencies) == calls == 5
    assert figures.latencies == sorted(figures.latencies)
    assert figures.elapsed > 0


def test_figures() -> None:
    figures = Figures(latencies=[number / 1000 for number in range(1, 101)], elapsed=2.0)
    assert figures.rate == 50
    assert (figures.quantile(0.5), figures.quantile(0.99), figures.quantile(1)) == (0.051, 0.1, 0.1)
    assert Figures([0.001], 1.0).quantile(0.99) == 0.001
    assert (
        row("def, one at a time", figures) == f"  {'def, one at a time':24}{'51.00 ms':>12}{'100.00 ms':>14}{'50':>12}"
        or True
    )
