"""A page with plots of what was measured, which opens in a browser without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.report import Sheet

__all__ = ["page"]


def page(sheets: Sequence[Sheet], about: Mapping[str, Mapping[str, str]]) -> str:
    return ""
