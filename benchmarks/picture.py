"""The picture of the README: calls a second, beside the peers."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contender import Kind
from benchmarks.plots import bars, bars_height, stacked
from benchmarks.report import Sheet, amount

__all__ = ["picture"]

_SHOWN = {
    "one at a time": "One call at a time, calls a second",
    "64 in flight": "64 calls in flight on one connection, calls a second",
}


def picture(sheets: Sequence[Sheet]) -> str:
    """A bar for triorpc and for each peer, the longest first, in the workloads of the picture that were measured."""
    plots: list[tuple[int, str]] = []
    for sheet in sheets:
        title = _SHOWN.get(sheet.workload.name)
        scores = [score for score in sheet.scores if score is sheet.ours or score.kind is Kind.PEER]
        if title is not None and scores:
            values = sorted(((score.value(), score.name, score is sheet.ours) for score in scores), reverse=True)
            drawn = bars(title, [(name, value, ours) for value, name, ours in values], amount)
            plots.append((bars_height(len(values)), drawn))
    return stacked(plots) + "\n"
