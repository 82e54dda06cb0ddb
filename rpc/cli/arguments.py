"""Words of a command line -> the arguments of a call."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn, cast

import attrs
import click
from click.exceptions import NoSuchOption

__all__ = ["Arguments", "WordsCommand", "value_of"]

_NAMED = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)
_NUMBER = re.compile(r"-\d")


def value_of(word: str) -> Any:
    """The value that a word stands for: what it is as JSON, or else the text itself.

    ``NaN`` and ``Infinity``, which Python's JSON takes and the standard does not know, are text.
    """
    try:
        return json.loads(word, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return word


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


@attrs.frozen
class Arguments:
    """The arguments of a call, by position and by name."""

    positional: list[Any]
    named: dict[str, Any]

    @classmethod
    def of(cls, words: Sequence[str]) -> Arguments:
        """Read words: ``name=value`` is an argument by name, any other word one by position.

        Raises:
            click.UsageError: a name is given twice.
        """
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for word in words:
            match = _NAMED.fullmatch(word)
            if match is None:
                positional.append(value_of(word))
            elif match[1] in named:
                raise click.UsageError(f"the argument {match[1]!r} is given twice")
            else:
                named[match[1]] = value_of(match[2])
        return cls(positional, named)


class WordsCommand(click.Command):
    """A command among whose words negative numbers are no options.

    Click itself would take ``-5`` for an option, or else, where unknown options are let through, a misspelt option
    for a word. After ``--`` nothing is an option.
    """

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.ignore_unknown_options = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        literal = len(args) - args.index("--") - 1 if "--" in args else 0
        words = self._words(ctx, args)
        for word in words[: len(words) - literal]:
            if word.startswith("-") and not _NUMBER.match(word):
                self._refuse_option(ctx, word)
        return super().parse_args(ctx, args)

    def _words(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What the parser takes for arguments, as it was typed."""
        taken, _, _ = self.make_parser(ctx).parse_args(list(args))
        words: list[str] = []
        for parameter in self.params:
            value: object = taken.get(parameter.name or "") if isinstance(parameter, click.Argument) else None
            if isinstance(value, str):
                words.append(value)
            elif isinstance(value, tuple):  # anything else stands for none
                words.extend(cast("tuple[str, ...]", value))
        return words

    def _refuse_option(self, ctx: click.Context, word: str) -> NoReturn:
        name = word.partition("=")[0]
        known = [option for parameter in self.params for option in parameter.opts if option.startswith("--")]
        near = difflib.get_close_matches(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else "text that begins with '-' stands after '--'"
        raise NoSuchOption(name, f"no such option {name}: {hint}", ctx=ctx)
