"""The arithmetic of the benchmarks, and one short run of the arena."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
import trio
from click.testing import CliRunner

from benchmarks import peers
from benchmarks.actor import Failed
from benchmarks.arena import Pinning, arena, play
from benchmarks.compare import main
from benchmarks.contender import Caller, Contender, Kind, Place
from benchmarks.contenders import contenders
from benchmarks.contenders.bare_trio import CONTENDERS as BARE_TRIO
from benchmarks.contenders.raw_sockets import CONTENDERS as RAW_SOCKETS
from benchmarks.contenders.triorpc import CONTENDERS as OURS
from benchmarks.page import page
from benchmarks.plots import Line, bars, lines
from benchmarks.processes import cpu_time, family, kill_group
from benchmarks.report import Score, Sheet, amount, as_json, ratio, summary, table
from benchmarks.runtimes.asyncio_loop import Asyncio
from benchmarks.runtimes.blocking import Blocking
from benchmarks.ticks import ticks
from benchmarks.workload import Measure, Round, Workload
from benchmarks.workloads import LONG, QUICK
from benchmarks.workloads.cancel import Cancel
from benchmarks.workloads.in_flight import InFlight
from benchmarks.workloads.latency import Latency
from benchmarks.workloads.measures import rates
from benchmarks.workloads.payload import LARGEST, Payload
from benchmarks.workloads.records import Records
from benchmarks.workloads.startup import Startup

_LESS = (Measure("time", "ms", lambda turn: 1000 / turn.rate, less_is_better=True),)


def _score(name: str, *counts: int, kind: Kind = Kind.PEER, measures: tuple[Measure, ...] = rates("calls")) -> Score:
    return Score(name, kind, measures, [Round(count, 0.5, client_cpu=0.1, server_cpu=0.2) for count in counts])


def _sheet() -> Sheet:
    scores = [
        _score("triorpc", 200, 200, kind=Kind.OURS),
        _score("sockets", 400, 400, kind=Kind.LIMIT),
        _score("slow", 50, 50),
        _score("quick", 100, 100),
    ]
    return Sheet(InFlight(1), scores, {"mute": Failed("not offered", offered=False), "ill": Failed("OSError: no")})


def test_a_score_is_the_median_of_its_rounds() -> None:
    score = _score("sockets", 100, 400, 200, 300, 900)
    assert score.value() == 600
    assert score.middle == (400.0, 800.0)
    assert score.cpu == pytest.approx((0.5 / 1900 * 1e6, 1.0 / 1900 * 1e6))


def test_the_middle_of_one_round_is_that_round() -> None:
    assert _score("sockets", 100).middle == (200, 200)


def test_a_ratio_is_the_median_of_the_ratios_in_each_round() -> None:
    # The third round was slow for both: it moves the medians of the rates, and not the ratio.
    assert ratio(_score("ours", 200, 200, 20), _score("theirs", 100, 100, 10)) == 2
    assert ratio(_score("ours", 100, 300, 800), _score("theirs", 100, 100, 100)) == 3


def test_where_less_is_better_the_ratio_is_turned_over() -> None:
    ours, theirs = _score("ours", 200, measures=_LESS), _score("theirs", 100, measures=_LESS)
    assert ours.value() == 2.5
    assert ratio(ours, theirs) == 2
    sheet = Sheet(Latency(10), [ours, theirs], {})
    assert sheet.best(Kind.PEER) is ours
    assert sheet.best(Kind.LIMIT) is None


def test_the_table_sets_ours_beside_each() -> None:
    lines = table(_sheet()).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")][1:4] == ["triorpc", "400", "400-400"]
    assert [cell.split("|")[-2].strip() for cell in lines[2:]] == ["", "x 0.50", "x 4.00", "x 2.00"]
    assert len({len(line) for line in lines}) == 1


def test_the_summary_names_the_best_peer_and_the_limit() -> None:
    row = [cell.strip() for cell in summary([_sheet()]).splitlines()[2].split("|")][1:-1]
    assert row == ["one at a time", "calls/s", "400", "quick", "200", "x 2.00", "800", "x 0.50"]


@pytest.mark.parametrize(
    ("value", "told"), [(12345.6, "12,346"), (100, "100"), (99.94, "99.9"), (9.994, "9.99"), (0.5, "0.50")]
)
def test_amounts_have_three_digits_that_count(value: float, told: str) -> None:
    assert amount(value) == told


def test_every_round_is_told_as_json() -> None:
    told = json.loads(json.dumps(as_json([_sheet()], {"settings": {"rounds": 2}})))
    assert told["settings"] == {"rounds": 2}
    [workload] = told["workloads"]
    assert workload["name"] == "one at a time"
    assert workload["scores"][0]["rounds"][1]["count"] == 200
    assert workload["scores"][3]["ours_to_it"] == 2
    assert workload["failed"] == {"mute": "not offered", "ill": "OSError: no"}


def test_the_arena_lets_all_take_their_turns() -> None:
    done: list[str] = []
    who = [OURS[0], *RAW_SOCKETS]
    with arena(who, Pinning.TOGETHER) as pairs:
        results = play(pairs, InFlight(1), rounds=2, seconds=0.01, progress=done.append)
    assert len(done) == 3 * 3
    for result in results:
        assert not isinstance(result, Failed)
        assert len(result) == 2
        for turn in result:
            assert turn.count > 0
            assert turn.client_cpu > 0
            assert turn.server_cpu > 0
    assert not any(process.is_alive() for pair in pairs for process in (pair.server, pair.client))


def test_triorpc_does_everything_that_is_measured_and_the_limits_what_they_offer() -> None:
    who = [OURS[0], *RAW_SOCKETS, *BARE_TRIO]
    offered: set[str] = set()
    with arena(who, Pinning.NONE) as pairs:
        for workload in QUICK:
            taking_part = pairs[:1] if isinstance(workload, Startup) else pairs
            first, *others = play(taking_part, workload, rounds=1, seconds=0.004, progress=lambda _: None)
            assert not isinstance(first, Failed), first.reason
            assert workload.measures[0].of(first[0]) >= 0
            for other in others:
                assert not (isinstance(other, Failed) and other.offered), other.reason
                offered |= {workload.name} if not isinstance(other, Failed) else set()
    assert {workload.name for workload in QUICK} - offered == {"call + cancel", "start, one call, end"}


class _Broken(Contender):
    name = "broken"
    runtime = Blocking()

    def serve(self, place: Place, ready: object) -> None:
        raise SystemExit("no server today")


def test_a_server_that_does_not_start_is_told_of() -> None:
    with arena([_Broken(), RAW_SOCKETS[0]], Pinning.NONE) as pairs:
        broken, whole = play(pairs, InFlight(1), rounds=1, seconds=0.01, progress=lambda _: None)
    assert broken == Failed("the server did not start; its traceback may stand above")
    assert not isinstance(whole, Failed)


class _Fragile(Caller):
    async def add(self, a: int, b: int) -> int:
        raise ExceptionGroup("of a nursery", [ValueError("it is broken\nand more")])

    async def upload(self, data: bytes) -> int:
        return len(data)


class _Fragments(Contender):
    name = "fragments"
    runtime = Blocking()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        ready()
        time.sleep(60)  # until it is killed

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        yield _Fragile()
        raise OSError("nor can it be closed")


def test_what_fails_is_told_and_the_next_workload_goes_on() -> None:
    with arena([_Fragments()], Pinning.NONE) as pairs:
        results = [
            play(pairs, workload, rounds=1, seconds=0.001, progress=lambda _: None)[0]
            for workload in (InFlight(1), Records(3), Payload(10, up=True), InFlight(2))
        ]
    assert results[0] == Failed("ValueError: it is broken")
    assert results[1] == Failed("not offered", offered=False)
    assert not isinstance(results[2], Failed)
    assert results[3] == Failed("not offered", offered=False)


def test_a_client_that_ends_is_told_of() -> None:
    with arena([RAW_SOCKETS[0]], Pinning.NONE) as pairs:
        pairs[0].client.kill()
        results = [play(pairs, InFlight(count), rounds=1, seconds=0.001, progress=lambda _: None) for count in (1, 2)]
    assert results == [[Failed("the client ended in 'one at a time'")]] * 2


def test_every_contender_has_a_name_of_its_own() -> None:
    names = [each.name for each in contenders()]
    assert len({*names}) == len(names)
    assert contenders()[0].kind is Kind.OURS


def test_every_workload_has_a_name_of_its_own() -> None:
    for workloads in (QUICK, LONG):
        assert len({workload.name for workload in workloads}) == len(workloads)


def test_a_new_contender_needs_no_more_than_its_file() -> None:
    assert {"RPyC", "grpc.aio", "multiprocessing.connection"} <= {each.name for each in contenders()}
    assert {"grpcio", "pycapnp"} <= {*peers.packages()}


def test_one_run_prints_a_table_and_writes_json_and_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "not_installed", lambda: {"rpyc": "no such package"})
    json_file, html_file = tmp_path / "new" / "bench.json", tmp_path / "bench.html"
    short = ["--quick", "--rounds", "1", "--seconds", "0.001", "--pin", "together"]
    wanted = ["--only", "no codec", "--only", "RPyC", "--workload", "one at a time", "--workload", "records"]
    outcome = CliRunner().invoke(main, [*short, *wanted, "--json", str(json_file), "--html", str(html_file)])
    assert outcome.exit_code == 0, outcome.output
    assert "RPyC does not take part: rpyc: no such package" in outcome.output
    assert "| blocking sockets, no codec |" in outcome.output
    assert "## 100 records, echoed\n\nNobody offers this." in outcome.output
    assert json.loads(json_file.read_text())["workloads"][0]["scores"][0]["name"] == "blocking sockets, no codec"
    assert "blocking sockets, no codec" in html_file.read_text()


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


def test_an_unknown_contender_is_a_usage_error() -> None:
    outcome = CliRunner().invoke(main, ["--only", "carrier pigeon"])
    assert outcome.exit_code == 2
    assert "multiprocessing.connection" in outcome.output
