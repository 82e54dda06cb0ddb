"""``docs/limits.md``: the table has every field of `rpc.Limits`, in its order, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

import rpc

PAGE = (Path(__file__).parent.parent / "docs" / "limits.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)


def shown(default: float | None) -> str:
    return str(default) if default is None else f"{default:,.10g}"


def test_every_limit_is_there_with_its_default() -> None:
    fields = attrs.fields(rpc.Limits)
    assert [(name, default) for name, default, _, _ in ROWS] == [(field.name, shown(field.default)) for field in fields]


def test_times_are_seconds_and_sizes_are_bytes() -> None:
    units = {name: unit for name, _, unit, _ in ROWS}
    assert {units[name] for name in units if name.endswith("timeout")} == {"seconds"}
    assert units["min_ping"] == "milliseconds"
    assert {units[name] for name in ("max_frame", "max_message", "window", "max_unread")} == {"bytes"}
