"""The parts of the benchmarks: the page and its plots, clocks, runtimes, processes, and the venv of the peers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
import trio

from benchmarks import peers
from benchmarks.actor import Failed
from benchmarks.contender import Kind
from benchmarks.page import page
from benchmarks.picture import picture
from benchmarks.plots import Line, bars, lines
from benchmarks.processes import cpu_time, family, kill_group
from benchmarks.report import Score, Sheet
from benchmarks.runtimes.asyncio_loop import Asyncio
from benchmarks.runtimes.blocking import Blocking
from benchmarks.ticks import ticks
from benchmarks.workload import Round, Workload
from benchmarks.workloads.cancel import Cancel
from benchmarks.workloads.in_flight import InFlight
from benchmarks.workloads.latency import Latency
from benchmarks.workloads.payload import LARGEST, Payload


def _about() -> dict[str, dict[str, str]]:
    return {"machine": {"python": "3"}, "settings": {"rounds": "2"}, "absent": {"<odd>": "not & here"}}


class _Page(HTMLParser):
    """Checks that every element ends, and gathers what is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.lines = 0
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.lines += tag == "polyline"
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.lines += tag == "polyline"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_has_the_plots_and_asks_for_nothing_from_elsewhere() -> None:
    def sheet(workload: Workload, factor: int, samples: tuple[float, ...] = ()) -> Sheet:
        kinds = {"triorpc": Kind.OURS, "sockets": Kind.LIMIT, "a <peer>": Kind.PEER}
        rounds = [Round(100.0 * factor, 0.5, 0.1, 0.1, samples)] * 2
        scores = [Score(name, kind, workload.measures, rounds) for name, kind in kinds.items()]
        return Sheet(workload, scores, {"ill": Failed("OSError: <no>")})

    in_flight = [sheet(InFlight(count), count) for count in (1, 64)]
    payloads = [sheet(Payload(size, up), size) for size in (65536, LARGEST) for up in (True, False)]
    latency = sheet(Latency(2000), 1, tuple(number / 1e6 for number in range(100, 1100)))
    parser = _Page()
    parser.feed(page([*in_flight, *payloads, latency, Sheet(Cancel(), [], {})], _about()))
    parser.close()
    assert parser.open == []
    assert parser.references == []
    assert parser.lines == 4 * 3
    titles = {"Throughput by concurrency", "Payloads up, one at a time", "Payloads down, one at a time"}
    assert titles < {*parser.texts}
    assert {"<odd> does not take part: not & here", "a <peer>", "ill failed: OSError: <no>", "99.9%"} < {*parser.texts}


def test_a_page_without_any_of_the_plots_is_a_page_too() -> None:
    assert "<svg" not in page([Sheet(Cancel(), [], {})], _about())


def test_names_beside_lines_do_not_stand_on_each_other() -> None:
    every = [Line(f"line {number}", number, [(1, 10), (10, 10 + number / 10)]) for number in range(30)]
    drawn = ElementTree.fromstring(lines("many", every, across="x", up="y"))
    heights = sorted(float(text.attrib["y"]) for text in drawn.iter() if text.attrib.get("class") == "name")
    assert len(heights) == 30
    assert all(lower - upper > 12 for upper, lower in pairwise(heights))
    assert 0 < heights[0] < heights[-1] < 420


def test_bars_are_as_long_as_their_values() -> None:
    drawn = ElementTree.fromstring(bars("rate", [("a", 100.0, True), ("b", 50.0, False)], str))
    widths = [float(bar.attrib["width"]) for bar in drawn.iter() if bar.tag.endswith("rect")]
    assert widths[0] == 2 * widths[1]


def test_the_picture_has_a_bar_for_each_peer_the_longest_first() -> None:
    def sheet(workload: Workload, **rates: float) -> Sheet:
        kinds = {"triorpc": Kind.OURS, "sockets": Kind.LIMIT, "batches": Kind.BATCH}
        scores = [
            Score(name, kinds.get(name, Kind.PEER), workload.measures, [Round(rate, 1.0, 0.1, 0.1, ())])
            for name, rate in rates.items()
        ]
        return Sheet(workload, scores, {})

    alone = sheet(InFlight(1), triorpc=900.0, slow=100.0, sockets=2000.0, quick=1000.0)
    drawn = ElementTree.fromstring(
        picture([alone, sheet(InFlight(64), triorpc=5.0, batches=9.0), sheet(Cancel(), a=1)])
    )
    texts = [text.text for text in drawn.iter() if text.tag.endswith("text")]
    assert [text for text in texts if text and text.isalpha()] == ["quick", "triorpc", "slow", "triorpc"]
    assert len([text for text in texts if text and "calls" in text]) == 2


def test_ticks_come_when_they_are_due() -> None:
    with ticks(0.001) as (clock, first):
        assert int.from_bytes(os.read(clock, 8), "little") >= 1
        assert time.monotonic() >= first
    with pytest.raises(OSError, match="Bad file"):
        os.read(clock, 8)


def test_a_blocking_client_runs_coroutines_that_do_not_wait() -> None:
    async def wait() -> None:
        await trio.lowlevel.checkpoint()

    with pytest.raises(RuntimeError, match="there is no loop"):
        Blocking().run(wait)


def test_what_fails_in_a_thread_fails_the_whole() -> None:
    async def fail() -> None:
        raise ValueError("in a thread")

    begun: list[None] = []
    with pytest.raises(ValueError, match="in a thread"):
        Blocking().run(lambda: Blocking().parallel([fail, fail], lambda: begun.append(None)))
    assert begun == [None]


def test_asyncio_waits_and_does_several_things_at_once() -> None:
    done: list[str] = []
    reader, writer = os.pipe()

    async def work() -> None:
        runtime = Asyncio()
        async with runtime.tasks() as start:
            start(read)
            os.write(writer, b"x")
        await runtime.parallel([tell, tell], lambda: done.append("begun"))

    async def read() -> None:
        await Asyncio().readable(reader)
        done.append("read")

    async def tell() -> None:
        done.append("told")

    Asyncio().run(work)
    os.close(reader)
    os.close(writer)
    assert done == ["read", "begun", "told", "told"]


def test_a_server_s_children_count_as_the_server() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        members = family(os.getpid())
        assert child.pid in members
        assert cpu_time([os.getpid()]) > 0
        child.communicate(b"\n")


def test_who_dies_in_between_is_no_member() -> None:
    assert family(2**22 + 1) == [2**22 + 1]
    kill_group(2**22 + 1)


class TestPeers:
    @pytest.fixture
    def venv(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(peers, "_VENV", tmp_path)
        return tmp_path

    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        """The commands that are run; pip does not find RPyC."""
        calls: list[list[str]] = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            calls.append(command)
            failed = "rpyc" in command
            return subprocess.CompletedProcess(command, int(failed), "", "ERROR: one\nERROR: two\n" if failed else "")

        def execute(python: str, command: list[str]) -> None:
            calls.append([python, *command])

        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setattr(os, "execv", execute)
        monkeypatch.setattr(os, "chdir", lambda _: None)
        return calls

    def test_packages_are_installed_once(self, venv: Path, calls: list[list[str]]) -> None:
        peers.enter("benchmarks.compare")
        peers.enter("benchmarks.compare")
        python = str(venv / "bin" / "python")
        assert len(calls) == 1 + 1 + len(peers.packages()) + 2
        assert all(command[:2] == [sys.executable, "-m"] for command in calls[:-2])
        assert calls[-2][:4] == calls[-1][:4] == [python, python, "-m", "benchmarks.compare"]
        assert peers.not_installed() == {"rpyc": "ERROR: two"}

    def test_nothing_is_done_in_the_venv(
        self, venv: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "prefix", str(venv))
        peers.enter("benchmarks.compare")
        assert calls == []

    def test_without_this_package_there_is_no_run(
        self, venv: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failed = subprocess.CompletedProcess([], 1, "", "no network\n")
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
        with pytest.raises(click.ClickException, match="no network"):
            peers.enter("benchmarks.compare")
        assert calls == []
