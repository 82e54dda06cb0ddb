"""Plots as SVG, drawn by hand: lines over two logarithmic axes, and horizontal bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

import attrs

__all__ = ["STYLE", "Line", "bars", "bars_height", "lines", "stacked"]

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 250, 30, 50
_COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b"),
    *("#7f7f7f", "#bcbd22", "#9467bd", "#17becf", "#e377c2", "#393b79", "#637939"),
)
STYLE = """
svg text { font: 11px system-ui, sans-serif } svg .title { font-weight: 600; font-size: 14px }
svg .middle { text-anchor: middle } svg .end { text-anchor: end }
svg .grid { stroke: #ddd } svg .leader { stroke: #ccc; stroke-width: 0.7 }
"""
"""How the texts and lines of a plot look; what shows a plot has it beside."""

_OURS = "#c00000"
_BAR, _GAP, _NAMES = 18, 6, 260


@attrs.frozen
class Line:
    """Points to be joined; `ours` is drawn thicker than the rest, and a limit dashed.

    Attributes:
        number: lines of the same number have the same colour in every plot.
    """

    name: str
    number: int
    points: Sequence[tuple[float, float]]
    ours: bool = False
    limit: bool = False


@attrs.frozen
class _Axis:
    """A logarithmic scale from one place on the page to another."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        low, high = min(values), max(values)
        return cls(low / 1.1, high * 1.1, start, end)

    def place(self, value: float) -> float:
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """1, 2 and 5 times the powers of ten, or the powers alone where there are many."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if len(powers) <= 4 else (1,)
        every = [factor * 10.0**power for power in powers for factor in factors]
        return [tick for tick in every if self.low <= tick <= self.high]


def lines(title: str, every: Sequence[Line], *, across: str, up: str, marks: Mapping[float, str] | None = None) -> str:
    """Lines in one plot; `marks` names places on the axis across where its values are not the names."""
    drawn = [line for line in every if line.points]
    if not drawn:
        return ""
    x = _Axis.over([x for line in drawn for x, _ in line.points], _LEFT, _WIDTH - _RIGHT)
    y = _Axis.over([y for line in drawn for _, y in line.points], _HEIGHT - _BOTTOM, _TOP)
    columns = marks or {tick: _short(tick) for tick in x.ticks()}
    parts = [_text(_LEFT, 18, title, "title")]
    parts += [_column(x.place(value), name) for value, name in columns.items()]
    parts += [_row(y.place(tick), _short(tick)) for tick in y.ticks()]
    parts += [
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, across, "middle"),
        _text(_LEFT - 60, _TOP - 8, up, "unit"),
    ]
    names = _beside([y.place(line.points[-1][1]) for line in drawn])
    parts += [_line(line, x.place, y.place, name_at) for line, name_at in zip(drawn, names, strict=True)]
    return _svg(_WIDTH, _HEIGHT, parts)


def bars(title: str, values: Sequence[tuple[str, float, bool]], unit: Callable[[float], str]) -> str:
    """A bar for each name and value, from zero; True marks ours."""
    height = bars_height(len(values))
    longest = max((value for _, value, _ in values), default=0) or 1
    parts = [_text(0, 18, title, "title")]
    for number, (name, value, ours) in enumerate(values):
        top = 30 + number * (_BAR + _GAP)
        width = max(1.0, value / longest * (_WIDTH - _NAMES - 110))
        parts.append(_text(_NAMES - 8, top + 13, name, "end"))
        fill = _OURS if ours else _COLOURS[0]
        parts.append(f'<rect x="{_NAMES}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{fill}"/>')
        parts.append(_text(_NAMES + width + 6, top + 13, unit(value), "value"))
    return _svg(_WIDTH, height, parts)


def stacked(plots: Sequence[tuple[int, str]]) -> str:
    """Plots of these heights, one under the other, as a picture that stands by itself, also on a dark page."""
    height = sum(height for height, _ in plots) + 30
    parts = [f"<style>{STYLE} svg text {{ fill: #222 }}</style>", '<rect width="100%" height="100%" fill="#fff"/>']
    top = 10
    for size, plot in plots:
        parts.append(plot.replace("<svg ", f'<svg x="10" y="{top}" width="{_WIDTH}" height="{size}" ', 1))
        top += size + 10
    return _svg(_WIDTH + 20, height, parts)


def bars_height(count: int) -> int:
    """How high so many bars are."""
    return 30 + count * (_BAR + _GAP)


def _line(line: Line, x: Callable[[float], float], y: Callable[[float], float], name_at: float) -> str:
    colour = _OURS if line.ours else _COLOURS[line.number % len(_COLOURS)]
    points = [(x(across), y(up)) for across, up in line.points]
    path = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
    style = f'stroke="{colour}" stroke-width="{3 if line.ours else 1.5}"' + (' stroke-dasharray="5 4"' * line.limit)
    dots = "".join(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="2.5" fill="{colour}"/>' for across, up in points)
    end = points[-1]
    leader = (
        f'<line x1="{end[0]:.1f}" y1="{end[1]:.1f}" x2="{_WIDTH - _RIGHT + 14}" y2="{name_at:.1f}" class="leader"/>'
    )
    name = _text(_WIDTH - _RIGHT + 18, name_at + 4, line.name, "name", colour)
    return f'{leader}<polyline points="{path}" fill="none" {style}/>{dots}{name}'


def _beside(wanted: Sequence[float]) -> list[float]:
    """Where names stand that would like to stand at these heights: in the same order, and not on each other."""
    least = 13.0
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places = [0.0] * len(wanted)
    below = _TOP - least
    for index in order:
        below = places[index] = max(wanted[index], below + least)
    # What does not fit pushes those above it up.
    above = _HEIGHT - 5 + least
    for index in reversed(order):
        above = places[index] = min(places[index], above - least)
    return places


def _column(x: float, name: str) -> str:
    line = f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}" class="grid"/>'
    return line + _text(x, _HEIGHT - _BOTTOM + 16, name, "middle")


def _row(y: float, name: str) -> str:
    line = f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" class="grid"/>'
    return line + _text(_LEFT - 6, y + 4, name, "end")


def _text(x: float, y: float, text: str, kind: str, colour: str = "") -> str:
    fill = f' fill="{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{fill}>{escape(text)}</text>'


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
