"""How much is tried: a tenth in the short form, ten times as much with ``FUZZ=long`` (``make fuzz``).

``FUZZ_SEED`` gives other material than usual; without it the same is made in every run.
"""

from __future__ import annotations

import os
import random

__all__ = ["LONG", "chance_of", "report", "tenth_of"]

LONG = os.environ.get("FUZZ") == "long"
"""Whether this is the long form."""

SEED = os.environ.get("FUZZ_SEED", "1")


def tenth_of(amount: int) -> int:
    """An amount in this form of the tests."""
    return amount if LONG else amount // 10


def chance_of(name: str) -> random.Random:
    """The dice of one test."""
    return random.Random(f"{SEED} {name}")


def report(what: str, **figures: float) -> None:
    """Print what was measured; the long form shows it."""
    told = ", ".join(f"{name.replace('_', ' ')} {value:,.6g}" for name, value in figures.items())
    print(f"  {what}: {told}, seed {SEED}")
