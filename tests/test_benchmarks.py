"""The arithmetic of the benchmarks, and one short run of the arena."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
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
from benchmarks.report import Score, Sheet, amount, as_json, ratio, summary, table
from benchmarks.runtimes.blocking import Blocking
from benchmarks.workload import Measure, Round
from benchmarks.workloads import LONG, QUICK
from benchmarks.workloads.in_flight import InFlight
from benchmarks.workloads.latency import Latency
from benchmarks.workloads.measures import rates
from benchmarks.workloads.payload import Payload
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


def test_an_unknown_contender_is_a_usage_error() -> None:
    outcome = CliRunner().invoke(main, ["--only", "carrier pigeon"])
    assert outcome.exit_code == 2
    assert "multiprocessing.connection" in outcome.output
