"""Text of a peer's making, made safe to print."""

from __future__ import annotations

__all__ = ["indented", "quote"]


def quote(text: object, limit: int = 128) -> str:
    """Text on one line: control characters, quotes and what is not ASCII escaped, cut to `limit` characters.

    Whatever a peer sent is passed through here before it stands in a log line.
    """
    escaped = str(text)[: limit + 1].encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= limit else escaped[: limit - 3] + "..."


def indented(text: str) -> str:
    """Text of several lines, a traceback, each indented and without control characters.

    So none of them can be taken for a line of the log, whatever the message of the exception is made of.
    """
    return "\n".join(f"    {_escaped(line)}" for line in text.rstrip("\n").split("\n"))


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in line)
