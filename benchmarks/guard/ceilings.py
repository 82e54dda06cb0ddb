"""The ceilings: what each workload may do at most, with a little slack.

Where a version of Python has none of its own, those of the nearest hold, but for counts that differ between versions.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs

__all__ = ["HERE", "VERSION", "Ceilings", "Change", "falls", "nearest", "rises", "updated", "written"]

HERE = Path(__file__).with_name("ceilings.json")

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

SLACK = 0.03
"""Share by which a count may be over its ceiling: what nobody notices, and other releases of what we stand on."""

_FALL = 0.1
"""Share by which a count is so far under its ceiling that the ceiling guards little."""

_LEAST: Mapping[str, float] = {"peak": 16.0, "kept": 1.0}
"""What may come on top in any case: KiB, and blocks, that the interpreter takes for itself now and then."""

_LEAST_OF_ALL = 0.01
_BY_VERSION = frozenset({"bytecodes", "peak"})
"""Counts that differ from one version of Python to the next."""

Table: TypeAlias = Mapping[str, Mapping[str, float]]
"""Counts by workload and by what is counted."""

Ceilings: TypeAlias = Mapping[str, Table]
"""Tables by the version of Python."""


@attrs.frozen
class Change:
    """A count that is not what its ceiling says."""

    workload: str
    what: str
    ceiling: float
    count: float

    def __str__(self) -> str:
        more = f"{(self.count / self.ceiling - 1) * 100:+.1f} %" if self.ceiling else "there were none"
        return f"{self.workload}: {self.what} {self.ceiling:,g} -> {self.count:,g} ({more})"


def nearest(ceilings: Ceilings, version: str = VERSION) -> str:
    """The version whose ceilings hold for `version`: its own, or those of the nearest that has some."""
    if version in ceilings:
        return version
    return min(ceilings, key=lambda known: (abs(_minor(known) - _minor(version)), known))


def rises(ceilings: Ceilings, counted: Table, version: str = VERSION) -> list[Change]:
    """What is over its ceiling; a count that has none yet may be nothing at all.

    Where the version has no ceilings of its own, only what is the same in every version is compared.
    """
    return [
        change
        for change in _changes(ceilings, counted, version)
        if change.count > change.ceiling + max(change.ceiling * SLACK, _LEAST.get(change.what, _LEAST_OF_ALL))
    ]


def falls(ceilings: Ceilings, counted: Table, version: str = VERSION) -> list[Change]:
    """What is so far under its ceiling that as much could be lost again, and nobody told."""
    return [
        change
        for change in _changes(ceilings, counted, version)
        if change.count < change.ceiling - max(change.ceiling * _FALL, _LEAST.get(change.what, _LEAST_OF_ALL))
    ]


def _changes(ceilings: Ceilings, counted: Table, version: str) -> Iterator[Change]:
    """Every count that can be compared, beside its ceiling."""
    known = nearest(ceilings, version)
    for workload, counts in counted.items():
        ceilings_here = ceilings[known].get(workload, {})
        for what, count in counts.items():
            if known == version or what not in _BY_VERSION:
                yield Change(workload, what, ceilings_here.get(what, 0.0), count)


def updated(ceilings: Ceilings, counted: Table, version: str = VERSION, *, alone: bool = False) -> Ceilings:
    """The ceilings with what was counted.

    Those of other versions are changed in proportion, for want of counting, unless this is to change `alone`.
    """
    new = {workload: {what: _rounded(count) for what, count in counts.items()} for workload, counts in counted.items()}
    old = ceilings.get(version, {})
    others = {
        other: table if alone else _in_proportion(table, old, new)
        for other, table in ceilings.items()
        if other != version
    }
    return dict(sorted({**others, version: new}.items(), key=lambda item: _minor(item[0])))


def written(ceilings: Ceilings) -> str:
    """As JSON, a line for each workload, so that a difference is read at a glance."""
    tables = [
        f'  "{version}": {{\n'
        + ",\n".join(f"    {json.dumps(workload)}: {json.dumps(counts)}" for workload, counts in table.items())
        + "\n  }"
        for version, table in ceilings.items()
    ]
    return "{\n" + ",\n".join(tables) + "\n}\n"


def _in_proportion(theirs: Table, old: Table, new: Table) -> Table:
    """The ceilings of another version, where those of this one go from `old` to `new`."""
    return {
        workload: {what: _rounded(count * _ratio(theirs, old, workload, what)) for what, count in counts.items()}
        for workload, counts in new.items()
    }


def _ratio(theirs: Table, old: Table, workload: str, what: str) -> float:
    """How much more another version counts than this one; for what is new, as with the workloads that both know."""
    ratios = {
        known: theirs[known][what] / counts[what]
        for known, counts in old.items()
        if counts.get(what) and what in theirs.get(known, {})
    }
    return ratios.get(workload) or (statistics.median(ratios.values()) if ratios else 1.0)


def _rounded(count: float) -> float:
    return float(f"{count:.4g}") if count < 10_000 else round(count)


def _minor(version: str) -> int:
    return int(version.partition(".")[2])
