"""Figures that several workloads have."""

from __future__ import annotations

from benchmarks.workload import Measure, Round

__all__ = ["CALLS", "MEBIBYTES", "rates"]


def rates(what: str) -> tuple[Measure, ...]:
    """So much of it in a second."""
    return (Measure("rate", f"{what}/s", _rate),)


def _rate(turn: Round) -> float:
    return turn.rate


CALLS = rates("calls")
MEBIBYTES = rates("MiB")
