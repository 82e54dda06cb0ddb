from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import rpc
from benchmarks.conversion import Case, Score, cases, main, measure, table
from rpc.service.msgspec_converter import MsgspecConverter


def test_a_score_is_what_conversion_adds() -> None:
    score = Score("two ints", 1.0, 2.5, 2.0)
    assert (score.added, score.ratio) == (1.5, 2.5)
    assert table([score, Score("other", 1.0, 1.0, None)]).splitlines()[1].split()[-5:] == [
        "1.00",
        "2.50",
        "1.50",
        "2.0",
        "2.50",
    ]


def test_both_sides_of_a_case_take_their_turns() -> None:
    calls: list[str] = []
    [score] = measure([Case("x", lambda: calls.append("plain"), lambda: calls.append("converted"), None)], 2, 1)
    assert calls == ["plain", "converted"] * 2
    assert min(score.plain, score.converted) > 0


def test_every_case_does_what_it_says() -> None:
    for case in cases({"msgspec": MsgspecConverter(), "cattrs": rpc.CattrsConverter()}):
        assert case.converted() is not None
        assert case.plain() is not None


def test_the_command_tells_all_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.conversion.measure", lambda *_: [Score("x", 1.0, 2.5, 2.0)])
    result = CliRunner().invoke(main, ["--json"])
    assert json.loads(result.output[: result.output.rindex("]") + 1])[0]["added"] == 1.5
    assert result.exit_code == 0
    monkeypatch.setattr("benchmarks.conversion.measure", lambda *_: [Score("x", 1.0, 3.5, 2.0)])
    assert "busier: x" in CliRunner().invoke(main, []).output
