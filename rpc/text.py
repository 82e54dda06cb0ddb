"""Text of a peer's making, made safe to print."""

from __future__ import annotations

__all__ = ["quote"]


def quote(text: object, limit: int = 128) -> str:
    """Text on one line: control characters, quotes and what is not ASCII escaped, cut to `limit` characters.

    Whatever a peer sent is passed through here before it stands in a log line.
    """
    escaped = str(text)[: limit + 1].encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= limit else escaped[: limit - 3] + "..."
