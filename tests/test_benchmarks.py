"""The arithmetic of the benchmarks, and one short run of the arena."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks.arena import Pinning, Round, arena, play
from benchmarks.compare import main
from benchmarks.contenders.raw_socket import RawSocket
from benchmarks.report import Score, as_json, ratio, table


def _score(name: str, *calls: int) -> Score:
    return Score(name, 1, [Round(count, 0.5, client_cpu=0.1, server_cpu=0.2) for count in calls])


def test_a_score_is_the_median_of_its_rounds() -> None:
    score = _score("sockets", 100, 400, 200, 300, 900)
    assert score.rate == 600
    assert score.middle == (400.0, 800.0)
    assert score.cpu == pytest.approx((0.5 / 1900 * 1e6, 1.0 / 1900 * 1e6))


def test_a_ratio_is_the_median_of_the_ratios_in_each_round() -> None:
    # The third round was slow for both: it moves the medians of the rates, and not the ratio.
    assert ratio(_score("ours", 200, 200, 20), _score("theirs", 100, 100, 10)) == 2
    assert ratio(_score("ours", 100, 300, 800), _score("theirs", 100, 100, 100)) == 3


def test_the_table_sets_each_score_beside_each() -> None:
    lines = table([_score("ours", 200, 200), _score("theirs", 100, 100)]).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")][2:5] == ["ours", "1", "400"]
    assert [cell.strip() for cell in lines[2].split("|")][-3:-1] == ["", "2.00"]
    assert [cell.strip() for cell in lines[3].split("|")][-3:-1] == ["0.50", ""]
    assert len({len(line) for line in lines}) == 1


def test_every_round_is_told_as_json() -> None:
    told = json.loads(json.dumps(as_json([_score("ours", 200, 200)], {"rounds": 2})))
    assert told["settings"] == {"rounds": 2}
    assert told["scores"][0]["rounds"][1]["calls"] == 200


def test_the_arena_lets_all_take_their_turns() -> None:
    done: list[int] = []
    with arena([RawSocket("one"), RawSocket("two")], Pinning.TOGETHER) as pairs:
        results = play(pairs, rounds=2, seconds=0.01, progress=done.append)
    assert [len(rounds) for rounds in results] == [2, 2]
    assert done == [0, 1, 2]
    for turn in [*results[0], *results[1]]:
        assert turn.calls > 0
        assert turn.client_cpu > 0
        assert turn.server_cpu > 0
    assert not any(process.is_alive() for pair in pairs for process in (pair.server, pair.client))


def test_an_unknown_contender_is_a_usage_error() -> None:
    outcome = CliRunner().invoke(main, ["--only", "carrier pigeon"])
    assert outcome.exit_code == 2
    assert "multiprocessing.connection" in outcome.output
