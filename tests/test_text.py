from __future__ import annotations

import pytest

from rpc.text import indented, quote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain words", "plain words"),
        ("", ""),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x1b[31mred\x00", "\\x1b[31mred\\x00"),
        ("back\\slash", "back\\\\slash"),
        ("Zürich", "Z\\xfcrich"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\U0001f600", "\\U0001f600"),
        ("\ud800", "\\ud800"),
        (KeyError("x"), "'x'"),
    ],
)
def test_text_stands_on_one_line_of_ascii(text: object, quoted: str) -> None:
    assert quote(text) == quoted
    assert quoted.isascii()
    assert quoted.isprintable()


@pytest.mark.parametrize(("text", "size"), [("x" * 128, 128), ("x" * 129, 128), ("\n" * 100, 128), ("\n" * 64, 128)])
def test_text_is_cut(text: str, size: int) -> None:
    assert len(quote(text)) == size
    assert quote(text).endswith("...") == (len(text) > 64 and text != "x" * 128)


def test_the_limit_is_the_callers() -> None:
    assert quote("abcdefgh", 8) == "abcdefgh"
    assert quote("abcdefghi", 8) == "abcde..."


def test_indented_lines_hold_nothing_but_text() -> None:
    assert (
        indented("Traceback:\n  é\x1b[0m\u2028x\r\n\ud800\n")
        == "    Traceback:\n      é\\x1b[0m\\u2028x\\r\n    \\ud800"
    )
