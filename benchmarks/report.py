"""From rounds to figures: medians, ratios of neighbours, and the tables that are printed."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from statistics import median, quantiles

import attrs

from benchmarks.actor import Failed
from benchmarks.contender import Contender, Kind
from benchmarks.workload import Measure, Round, Workload

__all__ = ["Score", "Sheet", "amount", "as_json", "machine", "ratio", "rows", "summary", "summary_rows", "table"]


@attrs.frozen
class Score:
    """What a contender came to in one workload.

    Attributes:
        rounds: its turns, in the order of the rounds: the same index is the same moment for every score.
    """

    name: str
    kind: Kind
    measures: Sequence[Measure]
    rounds: Sequence[Round]

    def value(self, measure: Measure | None = None) -> float:
        """The median of the rounds, of the first measure if none is named."""
        return median(map((measure or self.measures[0]).of, self.rounds))

    @property
    def middle(self) -> tuple[float, float]:
        """Between which values of the first measure the middle half of the rounds lies."""
        values = [*map(self.measures[0].of, self.rounds)]
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        return low, high

    @property
    def cpu(self) -> tuple[float, float]:
        """Microseconds of processor time for one of what was counted: the client's and the server's."""
        count = sum(turn.count for turn in self.rounds) or float("inf")  # or nothing was done, at no cost each
        client = sum(turn.client_cpu for turn in self.rounds)
        server = sum(turn.server_cpu for turn in self.rounds)
        return client / count * 1e6, server / count * 1e6


@attrs.frozen
class Sheet:
    """One workload: who took part and what came of it, and why others did not."""

    workload: Workload
    scores: Sequence[Score]
    failures: Mapping[str, Failed]

    @classmethod
    def of(
        cls, workload: Workload, contenders: Sequence[Contender], results: Sequence[Sequence[Round] | Failed]
    ) -> Sheet:
        scores: list[Score] = []
        failures: dict[str, Failed] = {}
        for contender, result in zip(contenders, results, strict=True):
            if isinstance(result, Failed):
                failures[contender.name] = result
            else:
                scores.append(Score(contender.name, contender.kind, workload.measures, result))
        return cls(workload, scores, failures)

    @property
    def ours(self) -> Score | None:
        return next((score for score in self.scores if score.kind is Kind.OURS), None)

    def best(self, kind: Kind) -> Score | None:
        less = self.workload.measures[0].less_is_better
        scores = [score for score in self.scores if score.kind is kind]
        return (min if less else max)(scores, key=Score.value, default=None)


def ratio(score: Score, other: Score, number: int = 0) -> float:
    """How many times as good: the median of the ratios in each round. For what should be small it is turned over.

    A machine that is slow for a while slows both, so this scatters far less than the rates do.
    """
    measure = score.measures[number]
    pairs = [(measure.of(ours), measure.of(theirs)) for ours, theirs in zip(score.rounds, other.rounds, strict=True)]
    if measure.less_is_better:
        pairs = [(theirs, ours) for ours, theirs in pairs]
    return median(mine / yours if yours else float("inf") for mine, yours in pairs)


def table(sheet: Sheet) -> str:
    """One workload as a Markdown table, with how many times as good ours is as each."""
    return markdown(rows(sheet))


def rows(sheet: Sheet) -> list[list[str]]:
    """The cells of that table, its head first."""
    ours = sheet.ours
    measures = sheet.workload.measures
    head = ["", *(_title(measure, single=len(measures) == 1) for measure in measures), "middle half"]
    head += ["CPU us, client + server", "triorpc / it"]
    body = [
        [
            score.name,
            *(amount(score.value(measure)) for measure in measures),
            "-".join(map(amount, score.middle)),
            "{:,.1f} + {:,.1f}".format(*score.cpu),
            f"x {ratio(ours, score):.2f}" if ours and score is not ours else "",
        ]
        for score in sheet.scores
    ]
    return [head, *body]


def summary(sheets: Sequence[Sheet]) -> str:
    """All workloads as a Markdown table: ours, the best peer, and the best that anything without calls does."""
    return markdown(summary_rows(sheets))


def summary_rows(sheets: Sequence[Sheet]) -> list[list[str]]:
    """The cells of that table, its head first."""
    head = ["", "unit", "triorpc", "best peer", "", "triorpc / it", "limit", "triorpc / it"]
    return [head, *(_summed(sheet) for sheet in sheets if sheet.scores)]


def _summed(sheet: Sheet) -> list[str]:
    ours, peer, limit = sheet.ours, sheet.best(Kind.PEER), sheet.best(Kind.LIMIT)
    measure = sheet.workload.measures[0]
    return [
        sheet.workload.name,
        _title(measure, single=len(sheet.workload.measures) == 1),
        amount(ours.value()) if ours else "",
        peer.name if peer else "",
        amount(peer.value()) if peer else "",
        f"x {ratio(ours, peer):.2f}" if ours and peer else "",
        amount(limit.value()) if limit else "",
        f"x {ratio(ours, limit):.2f}" if ours and limit else "",
    ]


def _title(measure: Measure, *, single: bool) -> str:
    return measure.unit if single else f"{measure.name}, {measure.unit}"


def amount(value: float) -> str:
    """Three digits that count, in full."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    head, *rest = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join([line(head), line("-" * width for width in widths), *map(line, rest)])


def machine(packages: Iterable[str] = ()) -> dict[str, str]:
    """What the figures hold for: the versions that matter and the kind of machine."""
    versions = {name: _version(name) for name in ("triorpc", "trio", "cbor2", "msgspec", *packages)}
    return {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}", **versions}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def as_json(sheets: Sequence[Sheet], about: Mapping[str, object]) -> dict[str, object]:
    """Everything that was measured, round by round."""
    return {**about, "workloads": [_sheet_as_json(sheet) for sheet in sheets]}


def _sheet_as_json(sheet: Sheet) -> dict[str, object]:
    return {
        "name": sheet.workload.name,
        "measures": [{"name": each.name, "unit": each.unit} for each in sheet.workload.measures],
        "scores": [
            {
                "name": score.name,
                "kind": score.kind.value,
                "values": {measure.name: score.value(measure) for measure in score.measures},
                "cpu_us": score.cpu,
                "ours_to_it": ratio(sheet.ours, score) if sheet.ours else None,
                "rounds": [attrs.asdict(turn) for turn in score.rounds],
            }
            for score in sheet.scores
        ],
        "failed": {name: failed.reason for name, failed in sheet.failures.items()},
    }
