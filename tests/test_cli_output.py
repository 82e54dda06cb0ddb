from __future__ import annotations

import datetime
import io
import json
import os
import uuid
from array import array
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from rpc.cli.output import plain, print_raw, print_result, render, visible

NOON = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (1.5, 1.5),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        ("text", "text"),
        (b"\x00\xff", "AP8="),
        (Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (NOON, "2026-11-25T12:00:00+00:00"),
        (NOON.date(), "2026-11-25"),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a", 1, b"x"}, ["eA==", 1, "a"]),
        ([1, [b"x"]], [1, ["eA=="]]),
        ({"a": {1: NOON}}, {"a": {"1": "2026-11-25T12:00:00+00:00"}}),
        ({b"x": 1}, {"eA==": 1}),
        (array("d", [1.5, float("nan")]), [1.5, "NaN"]),
        ([np.array([[1, 2], [3, 4]])], [[[1, 2], [3, 4]]]),
    ],
)
def test_plain_values_are_all_that_is_left(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_keys_that_would_become_one_stay_apart() -> None:
    assert plain({1: "int", "1": "text", "c": {b"x": 2}}) == [[1, "int"], ["1", "text"], ["c", {"eA==": 2}]]


def test_json_is_on_one_line_while_it_fits() -> None:
    value = {"a": [1, 2], "b": "Grüße"}
    line = '{"a": [1, 2], "b": "Grüße"}'
    assert render(value) == line
    assert render(value, width=len(line)) == line
    broken = render(value, width=len(line) - 1)
    assert broken == json.dumps(value, indent=2, ensure_ascii=False)
    assert render("Grüße", ascii_only=True) == '"Gr\\u00fc\\u00dfe"'


def test_json_holds_nothing_that_a_terminal_acts_upon() -> None:
    value = {"esc\x1b[31m": "\x7f\x9b31m\u202e\u2028\u00a0é😀"}
    text = render(value)
    assert text == '{"esc\\u001b[31m": "\\u007f\\u009b31m\\u202e\\u2028\u00a0é😀"}'
    assert json.loads(text) == value


def test_visible_text_is_on_one_line() -> None:
    assert visible("a\nb\tc\x1b[2J\x9b\u2066é😀") == "a\\nb\\tc\\x1b[2J\\x9b\\u2066é😀"
    assert visible("a\nb\r", keep="\n") == "a\nb\\r"
    assert visible("a\x00b", form=lambda character: f"<{ord(character)}>") == "a<0>b"


def test_results_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"a": "é"})
    print_raw("plain text")
    print_raw(["no text"])
    assert capsys.readouterr().out == '{"a": "é"}\nplain text\n["no text"]\n'


def test_raw_bytes_are_what_they_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print_raw(b"\x00\xff\n")
    assert capfdbinary.readouterr().out == b"\x00\xff\n"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_a_narrow_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    terminal = Terminal(written, encoding="ascii", write_through=True)
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("os.get_terminal_size", lambda: os.terminal_size((20, 24)))
    print_result(["é", "a" * 20])
    assert written.getvalue() == b'[\n  "\\u00e9",\n  "' + b"a" * 20 + b'"\n]\n'
