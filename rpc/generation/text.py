"""Python text that needs no formatting, and that nothing inside it can escape from.

Lines are laid out as ``ruff format`` leaves them alone at any width from 88 characters on. What does not fit on one
line stands one item to a line, with a comma behind the last one; what cannot be laid out so is marked to be skipped.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TypeAlias

import attrs

__all__ = ["Group", "docstring", "indented", "literal", "statement"]

_WIDTH = 88
_INDENT = "    "
_SKIP = "  # fmt: skip"


@attrs.frozen
class Group:
    """Items with commas between them, in brackets: on one line where there is room, or one to a line.

    Attributes:
        head: what stands before them, the opening bracket too.
        items: text, or groups.
        tail: the closing bracket and what stands behind it.
    """

    head: str
    items: Sequence[Item]
    tail: str

    def flat(self) -> str:
        """All of it on one line."""
        return f"{self.head}{', '.join(map(_flat, self.items))}{self.tail}"

    def lines(self, room: int = _WIDTH) -> list[str]:
        """As few lines as its layout allows, each without the indentation of the whole."""
        if len(self.flat()) <= room or not self.items:
            return [self.flat()]
        return self.spread(room)

    def spread(self, room: int = _WIDTH) -> list[str]:
        """One item to a line, whether there is room or not."""
        lines = [self.head]
        for item in self.items:
            inner = [item] if isinstance(item, str) else item.lines(room - len(_INDENT) - 1)
            lines += indented([*inner[:-1], f"{inner[-1]},"])
        return [*lines, self.tail]


Item: TypeAlias = str | Group


def _flat(item: Item) -> str:
    return item if isinstance(item, str) else item.flat()


def indented(lines: Sequence[str]) -> list[str]:
    """Lines one level deeper."""
    return [f"{_INDENT}{line}" if line else "" for line in lines]


def statement(item: Item, *, depth: int = 0) -> list[str]:
    """The lines of a simple statement, or of the head of a compound one, that is to stand at some depth."""
    room = _WIDTH - depth * len(_INDENT)
    lines = [item] if isinstance(item, str) else item.lines(room)
    if any(len(line) > room for line in lines):
        lines[-1] += _SKIP
    return lines


def literal(value: str | bytes) -> str:
    """A string or bytes literal, of printable characters only, in the quotes that need fewer escapes."""
    text = value if isinstance(value, str) else value.decode("latin-1")
    quote = "'" if text.count('"') > text.count("'") else '"'
    prefix = "" if isinstance(value, str) else "b"
    body = "".join(_escaped(character, ascii_only=bool(prefix)) for character in text)
    return f"{prefix}{quote}{body.replace(quote, chr(92) + quote)}{quote}"


def _escaped(character: str, *, ascii_only: bool = False) -> str:
    if character.isprintable() and character != "\\" and (character.isascii() or not ascii_only):
        return character
    return character.encode("unicode_escape").decode("ascii")


def docstring(text: str) -> list[str]:
    """The lines of a docstring, whatever it says; none where it says nothing."""
    lines = [_quoted(line.rstrip()) for line in inspect.cleandoc(text).strip().split("\n")]
    if not any(lines):
        return []
    end = [] if len(lines) == 1 else [""]
    lines = [f'"""{lines[0]}', *lines[1:], *end]
    return [*lines[:-1], f'{lines[-1]}"""']


def _quoted(line: str) -> str:
    """A line of a docstring, in which no quotes stand side by side, nor at an end, without being escaped."""
    around = f'"{line}"'
    return "".join(
        r"\"" if character == '"' in (around[index], around[index + 2]) else _escaped(character)
        for index, character in enumerate(line)
    )
