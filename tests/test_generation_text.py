from __future__ import annotations

import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.generation.text import Group, docstring, indented, literal, statement

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\"'\\\n\t \r\x0c\u2028"))

LONG = [f"argument_{number}: int" for number in range(6)]


# --- Statements ------------------------------------------------------------------------------------------------------


def test_what_fits_is_one_line() -> None:
    assert statement("a: int") == ["a: int"]
    assert statement(Group("def f(", ["self", "a: int"], ") -> int: ...")) == ["def f(self, a: int) -> int: ..."]


def test_what_does_not_is_spread_with_a_comma_at_its_end() -> None:
    assert statement(Group("def f(", LONG, ") -> int: ...")) == [
        *("def f(", *(f"    {argument}," for argument in LONG), ") -> int: ...")
    ]


def test_groups_inside_of_groups() -> None:
    inner = Group("raises=[", [f"AnExceptionWithARatherLongName{number}" for number in range(3)], "]")
    short = Group("more=[", ["A", "B"], "]")
    assert statement(Group("@method(", [inner, short], ")")) == [
        "@method(",
        "    raises=[",
        *(f"        AnExceptionWithARatherLongName{number}," for number in range(3)),
        "    ],",
        "    more=[A, B],",
        ")",
    ]


def test_the_depth_takes_room() -> None:
    wide = Group("f(", ["a" * 40, "b" * 40], ")")
    assert len(wide.flat()) == 85
    assert len(statement(wide)) == 1
    assert len(statement(wide, depth=1)) == 4


@pytest.mark.parametrize("item", ["x" * 89, Group("f(", ["x" * 84, "y" * 84], ")"), Group("f(", [], "x" * 88)])
def test_what_cannot_be_laid_out_is_marked(item: str | Group) -> None:
    assert statement(item)[-1].endswith("  # fmt: skip")


def test_indented_lines() -> None:
    assert indented(["a", "", "b"]) == ["    a", "", "    b"]


# --- Literals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ("it's", '"it\'s"'),
        ('say "a"', "'say \"a\"'"),
        ("it's \"a\" or 'b'", '"it\'s \\"a\\" or \'b\'"'),
        ("\\\n\t\x1b", '"\\\\\\n\\t\\x1b"'),
        ("é \u202e\u2028", '"é \\u202e\\u2028"'),
        (b"a\x00\xe9", 'b"a\\x00\\xe9"'),
        (b'"', "b'\"'"),
    ],
)
def test_literals(value: str | bytes, text: str) -> None:
    assert literal(value) == text


@given(TEXT | st.binary())
def test_a_literal_is_what_it_says(value: str | bytes) -> None:
    text = literal(value)
    assert ast.literal_eval(text) == value
    assert text.isprintable()


# --- Docstrings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doc", "lines"),
    [
        ("", []),
        ("  \n \n", []),
        ("One.", ['"""One."""']),
        ("One.\n\n  Two.  \n    Three.\n", ['"""One.', "", "Two.", "  Three.", '"""']),
        ('"a"', ['"""\\"a\\""""']),
        ('x """ y', ['"""x \\"\\"\\" y"""']),
        ('He said "no" to it.', ['"""He said "no" to it."""']),
        ("a\\", ['"""a\\\\"""']),
        ("a\x1b\u202e", ['"""a\\x1b\\u202e"""']),
    ],
)
def test_docstrings(doc: str, lines: list[str]) -> None:
    assert docstring(doc) == lines


@given(TEXT)
def test_a_docstring_is_what_it_says(doc: str) -> None:
    lines = docstring(doc)
    said = ast.literal_eval("\n".join(lines)) if lines else ""
    cleaned = "\n".join(line.rstrip() for line in inspect.cleandoc(doc).strip().split("\n"))
    assert said.rstrip("\n") == cleaned
    assert all(line.isprintable() for line in lines)
