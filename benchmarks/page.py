"""A page with plots and tables of what was measured, which opens in a browser without a network."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from statistics import median

import attrs

from benchmarks.contender import Kind
from benchmarks.plots import STYLE, Line, bars, lines
from benchmarks.report import Score, Sheet, amount, rows, summary_rows
from benchmarks.workloads.in_flight import InFlight
from benchmarks.workloads.latency import Latency
from benchmarks.workloads.payload import Payload, size_text

__all__ = ["page"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1000px; margin: 2em auto; padding: 0 1em }
svg { width: 100%; height: auto; margin: 1em 0 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { padding: 3px 10px; text-align: right; border-bottom: 1px solid #ddd } td:first-child { text-align: left }
tr.ours { font-weight: 600 } .scroll { overflow-x: auto } small { color: #666 }
"""
_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


def page(sheets: Sequence[Sheet], about: Mapping[str, Mapping[str, str]]) -> str:
    """The whole page as one HTML document."""
    told = ", ".join(f"{name} {value}" for part in ("machine", "settings") for name, value in about[part].items())
    plots = _Plots(sheets)
    absent = [f"<p>{escape(name)} does not take part: {escape(why)}</p>" for name, why in about["absent"].items()]
    body = [
        "<h1>triorpc beside other ways to call a process</h1>",
        f"<p><small>{escape(told)}</small></p>",
        *absent,
        _table(summary_rows(sheets)),
        plots.concurrency(),
        plots.latency(),
        plots.payloads(up=True),
        plots.payloads(up=False),
        *map(_section, sheets),
    ]
    head = f'<meta charset="utf-8"><title>triorpc, measured</title><style>{_STYLE}{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


class _Plots:
    """The plots, in which each contender has one colour."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._sheets = sheets
        names = [score.name for sheet in sheets for score in sheet.scores]
        self._numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}

    def concurrency(self) -> str:
        curves = _Curves()
        for sheet in self._sheets:
            if isinstance(sheet.workload, InFlight):
                curves.add(sheet, sheet.workload.count, str(sheet.workload.count))
        title = "Throughput by concurrency"
        return lines(title, self._joined(curves), across="calls in flight", up="calls/s", marks=curves.marks)

    def payloads(self, *, up: bool) -> str:
        curves = _Curves()
        for sheet in self._sheets:
            if isinstance(sheet.workload, Payload) and sheet.workload.up is up:
                curves.add(sheet, sheet.workload.size, size_text(sheet.workload.size))
        title = f"Payloads {'up' if up else 'down'}, one at a time"
        return lines(title, self._joined(curves), across="bytes in one call", up="MiB/s", marks=curves.marks)

    def latency(self) -> str:
        """Across stands the part of the calls that took longer, so that the tail has the room that it needs."""
        marks = {1 / (1 - part): f"{part:.1%}".replace(".0%", "%") for part in _QUANTILES}
        for sheet in self._sheets:
            if isinstance(sheet.workload, Latency):
                every = [self._line(score, _distribution(score)) for score in sheet.scores]
                title = f"Distribution of latency at {sheet.workload.rate:,} calls/s, open loop"
                return lines(title, every, across="of the calls are quicker", up="us", marks=marks)
        return ""

    def _joined(self, curves: _Curves) -> list[Line]:
        return [self._line(curves.scores[name], joined) for name, joined in curves.points.items()]

    def _line(self, score: Score, points: Sequence[tuple[float, float]]) -> Line:
        ours, limit = score.kind is Kind.OURS, score.kind is Kind.LIMIT
        return Line(score.name, self._numbers[score.name], points, ours=ours, limit=limit)


@attrs.define
class _Curves:
    """Points of several contenders, from sheets that differ in one number."""

    points: dict[str, list[tuple[float, float]]] = attrs.field(factory=dict[str, list[tuple[float, float]]])
    scores: dict[str, Score] = attrs.field(factory=dict[str, Score])
    marks: dict[float, str] = attrs.field(factory=dict[float, str])

    def add(self, sheet: Sheet, across: float, mark: str) -> None:
        self.marks[across] = mark
        for score in sheet.scores:
            self.scores[score.name] = score
            self.points.setdefault(score.name, []).append((across, score.value()))


def _distribution(score: Score) -> list[tuple[float, float]]:
    """For each part of the calls, in how many microseconds it is answered: the median of the rounds."""
    ordered = [sorted(turn.samples) for turn in score.rounds]
    return [
        (1 / (1 - part), median(each[min(len(each) - 1, int(part * len(each)))] for each in ordered) * 1e6)
        for part in _QUANTILES
    ]


def _section(sheet: Sheet) -> str:
    measure = sheet.workload.measures[0]
    failures = "".join(
        f"<p><small>{escape(name)} failed: {escape(failed.reason)}</small></p>"
        for name, failed in sheet.failures.items()
        if failed.offered
    )
    if not sheet.scores:
        return f"<h2>{escape(sheet.workload.name)}</h2><p>Nobody offers this.</p>{failures}"
    title = f"{measure.name}, {measure.unit}" + (" (less is better)" if measure.less_is_better else "")
    values = [(score.name, score.value(), score.kind is Kind.OURS) for score in sheet.scores]
    values.sort(key=lambda each: each[1], reverse=not measure.less_is_better)
    ours = {score.name for score in sheet.scores if score.kind is Kind.OURS}
    table = _table(rows(sheet), ours)
    return f"<h2>{escape(sheet.workload.name)}</h2>{bars(title, values, amount)}{table}{failures}"


def _table(cells: Sequence[Sequence[str]], ours: Collection[str] = ()) -> str:
    head, *rest = cells
    lines_of_it = [_row("th", head, ours=False), *(_row("td", row, ours=row[0] in ours) for row in rest)]
    return f'<div class="scroll"><table>{"".join(lines_of_it)}</table></div>'


def _row(tag: str, cells: Sequence[str], *, ours: bool) -> str:
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"<tr{' class=ours' if ours else ''}>{inner}</tr>"
