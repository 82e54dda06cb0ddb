"""The log tail: a file that grows, on trio's clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
import trio.testing

import rpc
from examples import log_tail
from tests.example_tools import serving


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(log_tail, "FOLDER", tmp_path)
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\nthree\nfour\n")
    return path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_log_is_followed_as_it_grows(log: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(log_tail.logs) as client, client.stream(log_tail.follow, "app.log", last=2) as lines:
        assert [await anext(lines), await anext(lines)] == ["three", "four"]
        append(log, b"five\nsi")
        assert await anext(lines) == "five"
        await trio.sleep(60)
        append(log, b"x\n\n\xff\n")
        assert [await anext(lines), await anext(lines), await anext(lines)] == ["six", "", "\N{REPLACEMENT CHARACTER}"]
        log.rename(log.with_name("app.log.1"))
        append(log.with_name("app.log.1"), b"seven\n")
        assert await anext(lines) == "seven"


@pytest.mark.parametrize(("last", "seen"), [(1, ["four"]), (100, ["one", "two", "three", "four"])])
async def test_the_last_lines_come_first(
    last: int, seen: list[str], log: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with rpc.testing.client(log_tail.logs) as client, client.stream(log_tail.follow, "app.log", last) as lines:
        for line in seen:
            assert await anext(lines) == line
        append(log, b"five\n")
        assert await anext(lines) == "five"


async def test_the_last_lines_of_a_large_log_are_found_from_its_end(
    log: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    monkeypatch.setattr(log_tail, "BACK", 9)  # "three" is cut
    async with rpc.testing.client(log_tail.logs) as client, client.stream(log_tail.follow, "app.log", last=1) as lines:
        assert await anext(lines) == "four"
        append(log, b"a line that takes several reads\n")
        assert await anext(lines) == "a line that takes several reads"


async def test_the_file_is_closed_when_the_caller_leaves(log: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(log_tail.logs) as client:
        before = open_files()
        async with client.stream(log_tail.follow, "app.log") as lines:
            assert await anext(lines) == "one"
            assert open_files() == before + 1
        assert open_files() == before


@pytest.mark.parametrize("name", ["../app.log", "/etc/passwd", "..", ""])
async def test_nobody_gets_out_of_the_folder(name: str, log: Path) -> None:
    async with rpc.testing.client(log_tail.logs) as client:
        with pytest.raises((rpc.InvalidArgument, rpc.NotFound)):
            async with client.stream(log_tail.follow, name) as lines:
                await anext(lines)


async def test_a_log_that_is_not_there(log: Path) -> None:
    async with rpc.testing.client(log_tail.logs) as client:
        with pytest.raises(rpc.NotFound, match=r"there is no log 'other\.log'"):
            async with client.stream(log_tail.follow, "other.log") as lines:
                await anext(lines)


async def test_a_log_is_shown_over_a_socket(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_tail, "PAUSE", 0.001)
    async with serving(log_tail.logs, f"unix:{log.parent}/logs.sock") as [address], trio.open_nursery() as nursery:
        nursery.start_soon(log_tail.show, "app.log", address)
        shown = ""
        while shown != "one\ntwo\nthree\nfour\n":
            await trio.sleep(0.001)
            shown += capsys.readouterr().out
        append(log, b"five\n")
        while not shown.endswith("five\n"):
            await trio.sleep(0.001)
            shown += capsys.readouterr().out
        nursery.cancel_scope.cancel()
