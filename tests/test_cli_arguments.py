from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from rpc.cli.arguments import Arguments, WordsCommand, value_of


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("1.5e3", 1500.0),
        ("true", True),
        ("null", None),
        ('"5"', "5"),
        ('{"a": [1, null]}', {"a": [1, None]}),
        (" [1] ", [1]),
        ("text", "text"),
        ("", ""),
        ("True", "True"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("[NaN]", "[NaN]"),
        ('{"a": 1', '{"a": 1'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_word_is_json_or_text(word: str, value: Any) -> None:
    found = value_of(word)
    assert found == value
    assert type(found) is type(value)


def test_words_become_arguments() -> None:
    words = ["2", "b=3", "text", "c=x=y", "größe=true", '"a=b"', "http://host/?a=b", "=5", "2x=1", "d="]
    assert Arguments.of(words) == Arguments(
        positional=[2, "text", "a=b", "http://host/?a=b", "=5", "2x=1"],
        named={"b": 3, "c": "x=y", "größe": True, "d": ""},
    )


def test_a_named_argument_may_have_lines() -> None:
    assert Arguments.of(["text=one\ntwo"]).named == {"text": "one\ntwo"}


def test_a_name_is_given_once() -> None:
    with pytest.raises(click.UsageError, match="'a' is given twice"):
        Arguments.of(["a=1", "a=2"])


@click.command(cls=WordsCommand)
@click.argument("first")
@click.argument("words", nargs=-1)
@click.option("-t", "--timeout", type=float)
@click.option("-f", "--flag", is_flag=True)
def command(first: str, words: tuple[str, ...], timeout: float | None, flag: bool) -> None:
    click.echo(f"{first} {words} {timeout} {flag}")


def invoke(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a"], "a () None False"),
        (["a", "-5", "-1e5", "-0.5"], "a ('-5', '-1e5', '-0.5') None False"),
        (["a", "-5", "--timeout", "-3", "-f"], "a ('-5',) -3.0 True"),
        (["-t", "1", "a", "b"], "a ('b',) 1.0 False"),
        (["a", "--", "--timeout", "-x"], "a ('--timeout', '-x') None False"),
        (["-f", "--", "-a", "-b"], "-a ('-b',) None True"),
        (["a", "b", "--", "--"], "a ('b', '--') None False"),
    ],
)
def test_options_stand_anywhere_and_numbers_are_none(words: list[str], told: str) -> None:
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (0, f"{told}\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a", "--timout", "3"], "no such option --timout: did you mean --timeout?"),
        (["--timout=3", "a"], "no such option --timout: did you mean --timeout?"),
        (["a", "b", "-x"], "no such option -x: text that begins with '-' stands after '--'"),
        (["a", "-x", "--", "-y"], "no such option -x: text that begins with '-' stands after '--'"),
        (["-"], "no such option -: text that begins with '-' stands after '--'"),
        ([], "Missing argument 'FIRST'"),
        (["a", "--timeout"], "Option '--timeout' requires an argument"),
    ],
)
def test_a_misspelt_option_is_no_word(words: list[str], told: str) -> None:
    result = invoke(*words)
    assert result.exit_code == 2
    assert told in result.stderr
