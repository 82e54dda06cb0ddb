"""From rounds to figures: medians, ratios of neighbours, and the tables that are printed."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from statistics import median, quantiles

import attrs

from benchmarks.arena import Round
from benchmarks.contender import Contender

__all__ = ["Score", "as_json", "machine", "ratio", "table"]


@attrs.frozen
class Score:
    """What a contender came to.

    Attributes:
        rounds: its turns, in the order of the rounds: the same index is the same moment for every score.
    """

    name: str
    in_flight: int
    rounds: Sequence[Round]

    @classmethod
    def of(cls, contender: Contender, rounds: Sequence[Round]) -> Score:
        return cls(contender.name, contender.in_flight, rounds)

    @property
    def rate(self) -> float:
        """Calls a second, the median of the rounds."""
        return median(turn.rate for turn in self.rounds)

    @property
    def middle(self) -> tuple[float, float]:
        """Calls a second between which the middle half of the rounds lies."""
        low, _, high = quantiles((turn.rate for turn in self.rounds), n=4, method="inclusive")
        return low, high

    @property
    def cpu(self) -> tuple[float, float]:
        """Microseconds of processor time for one call: the client's and the server's."""
        calls = sum(turn.calls for turn in self.rounds)
        client = sum(turn.client_cpu for turn in self.rounds)
        server = sum(turn.server_cpu for turn in self.rounds)
        return client / calls * 1e6, server / calls * 1e6


def ratio(score: Score, other: Score) -> float:
    """How many times as many calls a second, the median of the ratios in each round.

    A machine that is slow for a while slows both, so this scatters far less than the rates do.
    """
    return median(ours.rate / theirs.rate for ours, theirs in zip(score.rounds, other.rounds, strict=True))


def table(scores: Sequence[Score]) -> str:
    """All scores as a Markdown table; the last columns set each beside each."""
    numbers = [str(number) for number in range(1, len(scores) + 1)]
    head = ["", "", "in flight", "calls/s", "middle half", "CPU us, client + server", *(f"x {n}" for n in numbers)]
    rows = [
        [number, *_cells(score), *(f"{ratio(score, other):.2f}" if other is not score else "" for other in scores)]
        for number, score in zip(numbers, scores, strict=True)
    ]
    return _markdown([head, *rows])


def _cells(score: Score) -> list[str]:
    low, high = score.middle
    client, server = score.cpu
    return [
        score.name,
        str(score.in_flight),
        f"{score.rate:,.0f}",
        f"{low:,.0f}-{high:,.0f}",
        f"{client:.1f} + {server:.1f}",
    ]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    head, *rest = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join([line(head), line("-" * width for width in widths), *map(line, rest)])


def machine() -> dict[str, str]:
    """What the figures hold for: the versions that matter and the kind of machine."""
    packages = {name: version(name) for name in ("triorpc", "trio", "cbor2", "msgspec")}
    return {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}", **packages}


def as_json(scores: Sequence[Score], settings: Mapping[str, object]) -> dict[str, object]:
    """Everything that was measured, round by round."""
    return {
        "machine": machine(),
        "settings": settings,
        "scores": [
            {
                "name": score.name,
                "in_flight": score.in_flight,
                "rate": score.rate,
                "cpu_us": score.cpu,
                "ratios": {f"{other.name}, {other.in_flight} in flight": ratio(score, other) for other in scores},
                "rounds": [attrs.asdict(turn) for turn in score.rounds],
            }
            for score in scores
        ],
    }
