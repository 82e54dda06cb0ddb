"""Who takes part: one file each, found by itself, with a tuple ``CONTENDERS`` of the ways to use it."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from benchmarks.contender import Contender, Kind

__all__ = ["contenders"]


def contenders() -> tuple[Contender, ...]:
    """All that have a file here: ours, then the limits, then the peers, then their batches."""
    found: list[Contender] = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found += import_module(module.name).CONTENDERS
    return tuple(sorted(found, key=lambda each: list(Kind).index(each.kind)))
