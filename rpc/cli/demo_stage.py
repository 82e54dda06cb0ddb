"""How ``rpc demo`` prints: what is run, and what came of it."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Awaitable
from time import perf_counter
from typing import Any

import attrs
import click

from rpc.cli.output import visible

__all__ = ["Stage", "describe", "duration"]

_INDENT = "    "
_REMARKS = 49
"""The column of comments beside code."""


def _encodable(wanted: str, plain: str) -> str:
    """A nicer form of a sign, where the terminal can show it."""
    try:
        wanted.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return wanted


@attrs.define
class Stage:
    """Prints the acts of the demo.

    Attributes:
        width: columns that may be used.
    """

    width: int = attrs.field(factory=lambda: min(shutil.get_terminal_size().columns, 100))

    def heading(self, text: str) -> None:
        click.echo()
        click.secho(text, bold=True)

    def note(self, text: str) -> None:
        """A remark for the reader."""
        click.secho(textwrap.fill(text, self.width, initial_indent="  ", subsequent_indent="  "), dim=True)

    def code(self, text: str, remark: str = "") -> None:
        """Lines of Python, as a person would write them."""
        *lines, last = textwrap.indent(text, "  ").splitlines()
        for line in lines:
            click.secho(line, fg="cyan")
        click.secho(f"{last:{_REMARKS if remark else 0}}", fg="cyan", nl=not remark)
        if remark:
            click.secho(f"  # {remark}", dim=True)

    def result(self, text: str, *, time: str = "", good: bool = True) -> None:
        """What came of it, and how long it took."""
        arrow = _encodable("→", "->")
        lines = textwrap.wrap(visible(text), self.width - len(_INDENT) - len(arrow) - len("  100.00 ms"))
        for number, line in enumerate(lines):
            mark = " " * len(arrow) if number else arrow
            click.secho(f"{_INDENT}{mark} {line}", fg="green" if good else "yellow", nl=number + 1 < len(lines))
        click.secho(f"  {time}" if time else "", dim=True)

    async def play(self, code: str, outcome: Awaitable[Any], *, remark: str = "", told: str = "") -> None:
        """Show a piece of code, await what it stands for, and show what came of it.

        Args:
            code: as a person would write it.
            outcome: the same, to be awaited.
            remark: a comment beside the code.
            told: what to say of the outcome in place of its repr.
        """
        self.code(code, remark)
        start = perf_counter()
        try:
            value = await outcome
        except Exception as error:
            self.result(describe(error), time=duration(perf_counter() - start), good=False)
        else:
            self.result(told or repr(value), time=duration(perf_counter() - start))


def describe(error: Exception) -> str:
    """An exception by the name that a program catches it with, and its message or its fields."""
    cls = type(error)
    if attrs.has(cls):
        return repr(error)
    package = {"rpc.errors": "rpc.", "trio": "trio."}.get(cls.__module__, "")
    return f"{package}{cls.__name__}: {error}".removesuffix(": ")


def duration(seconds: float) -> str:
    """A time with as many digits as are of interest."""
    if seconds < 0.01:
        return f"{seconds * 1000:.2f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
