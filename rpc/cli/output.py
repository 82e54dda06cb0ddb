"""What goes to the terminal: text of another process's making, and results as JSON.

A result may hold what JSON has no form for:

====================================  =================================================================
datetime, date                        text, ISO 8601: ``"2026-11-25T20:14:00+00:00"``
bytes                                 text, base64
Decimal, UUID                         text: a JSON number would lose digits in many a reader
an array of numbers                   an array, of arrays where it has several dimensions
set                                   an array, in order where its members have one
a key of a map that is no text        text; if two keys would become one, an array of [key, value] pairs
a float that is no number             text: ``"NaN"``, ``"Infinity"``, ``"-Infinity"``
====================================  =================================================================
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

import click

from rpc.wire.shapes import is_list, is_map

__all__ = ["plain", "print_raw", "print_result", "render", "visible"]


def plain(value: Any) -> Any:
    """A value that came over the wire, in nothing but the types of JSON; the table above says how."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _unreal(value)
    if is_list(value):
        return [plain(item) for item in value]
    if is_map(value):
        return _plain_map(value)
    if hasattr(value, "tolist"):  # an array of numbers; asking the codec would import it before it is needed
        return plain(value.tolist())
    if isinstance(value, set | frozenset):
        return [plain(member) for member in _in_order(cast("Iterable[Any]", value))]
    return _text(value)


def _plain_map(value: dict[Any, Any]) -> Any:
    items = {_text(key): plain(item) for key, item in value.items()}
    if len(items) < len(value):
        return [[plain(key), plain(item)] for key, item in value.items()]
    return items


def _in_order(members: Iterable[Any]) -> list[Any]:
    members = list(members)
    try:
        return sorted(members)
    except TypeError:
        return sorted(members, key=lambda member: (type(member).__name__, _text(member)))


def _unreal(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def render(value: Any, *, width: int = 0, ascii_only: bool = False) -> str:
    """A value as JSON: on one line, or indented where that line is wider than `width` (0: never)."""
    value = plain(value)
    line = _visible_json(json.dumps(value, ensure_ascii=ascii_only))
    if not width or len(line) <= width:
        return line
    return _visible_json(json.dumps(value, ensure_ascii=ascii_only, indent=2))


def _visible_json(text: str) -> str:
    """The same JSON, with what a terminal acts upon escaped as JSON escapes it."""
    return visible(text, keep="\n", form=lambda character: json.dumps(character)[1:-1])


def print_result(value: Any) -> None:
    """Print a result: on one line into a pipe, and with line breaks on a terminal that is too narrow for that."""
    width = os.get_terminal_size().columns if sys.stdout.isatty() else 0
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    click.echo(render(value, width=width, ascii_only=ascii_only))


def print_raw(value: Any) -> None:
    """Print text without its quotes and bytes as they are; anything else as JSON."""
    if isinstance(value, bytes):
        click.echo(value, nl=False)
    elif isinstance(value, str):
        click.echo(value)
    else:
        print_result(value)


_UNSAFE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]|[\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal acts upon, or what makes text look like another: control characters and overrides of direction."""


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def visible(text: str, *, keep: str = "", form: Callable[[str], str] = _escape) -> str:
    r"""Text that another process made, for a terminal: what it would act upon is escaped, as in ``\x1b``.

    Args:
        text: what to show.
        keep: characters that stay as they are nevertheless.
        form: how a character is escaped.
    """
    return _UNSAFE.sub(lambda match: match[0] if match[0] in keep else form(match[0]), text)
