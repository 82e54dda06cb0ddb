"""The arithmetic of the benchmarks, and one short run of the arena."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks.actor import Failed
from benchmarks.arena import Pinning, arena, play
from benchmarks.compare import main
from benchmarks.contender import Contender, Kind, Place
from benchmarks.contenders import contenders
from benchmarks.contenders.raw_sockets import CONTENDERS as RAW_SOCKETS
from benchmarks.contenders.triorpc import CONTENDERS as OURS
from benchmarks.report import Score, Sheet, amount, as_json, ratio, summary, table
from benchmarks.runtimes.blocking import Blocking
from benchmarks.workload import Measure, Round
from benchmarks.workloads import LONG, QUICK
from benchmarks.workloads.in_flight import InFlight
from benchmarks.workloads.latency import Latency
from benchmarks.workloads.measures import rates

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


def test_triorpc_does_everything_that_is_measured() -> None:
    with arena(OURS[:1], Pinning.NONE) as pairs:
        for workload in QUICK:
            [result] = play(pairs, workload, rounds=1, seconds=0.005, progress=lambda _: None)
            assert not isinstance(result, Failed), result.reason
            assert workload.measures[0].of(result[0]) >= 0


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


def test_every_contender_has_a_name_of_its_own() -> None:
    names = [each.name for each in contenders()]
    assert len({*names}) == len(names)
    assert contenders()[0].kind is Kind.OURS


def test_every_workload_has_a_name_of_its_own() -> None:
    for workloads in (QUICK, LONG):
        assert len({workload.name for workload in workloads}) == len(workloads)


def test_an_unknown_contender_is_a_usage_error() -> None:
    outcome = CliRunner().invoke(main, ["--only", "carrier pigeon"])
    assert outcome.exit_code == 2
    assert "multiprocessing.connection" in outcome.output
