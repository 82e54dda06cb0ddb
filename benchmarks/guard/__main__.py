"""``python -m benchmarks.guard``: count what each workload does, and fail where that has risen."""

from __future__ import annotations

import json

import click

from benchmarks.guard.ceilings import HERE, VERSION, Ceilings, falls, nearest, rises, updated, written
from benchmarks.guard.counting import MEANINGS
from benchmarks.guard.measure import Counts, measure, measure_blocking

__all__ = ["main"]

_ADVICE = """
Speed was lost: one operation does more than it did, on any machine. `make profile` shows where a call's time goes.
Where it is worth its price, raise the ceilings by `make guard-update`, and say in the commit what they are raised for.
"""


@click.command()
@click.option("--update", is_flag=True, help="Make what is counted now the ceiling.")
@click.option(
    "--alone", is_flag=True, help="With --update: leave the ceilings of other versions of Python as they are."
)
def main(update: bool, alone: bool) -> None:
    """Count what one operation of each workload does, on both sides, and compare it with the ceilings."""
    ceilings: Ceilings = json.loads(HERE.read_text(encoding="utf-8"))
    counted = {**measure(), **measure_blocking()}
    click.echo(table(counted))
    if update:
        HERE.write_text(written(updated(ceilings, counted, alone=alone)), encoding="utf-8")
        click.echo(f"\nwritten to {HERE}")
        return
    known = nearest(ceilings)
    if known != VERSION:
        click.echo(f"\nPython {VERSION} has no ceilings: those of {known} hold, but for bytecodes and memory.")
    found = rises(ceilings, counted)
    if found:
        click.echo("\n" + "\n".join(map(str, found)) + "\n" + _ADVICE, err=True)
        raise SystemExit(1)
    click.echo("\nnothing has risen")
    fallen = falls(ceilings, counted)
    if fallen:
        click.echo(
            "\n" + "\n".join(map(str, fallen)) + "\n\nLower these ceilings by `make guard-update`, to keep that."
        )


def table(counted: dict[str, Counts]) -> str:
    """The counts as text, a line for each workload."""
    wide = max(map(len, counted))
    lines = [" " * wide + "".join(f"{what:>13}" for what in MEANINGS)]
    for workload, counts in counted.items():
        lines.append(workload.ljust(wide) + "".join(f"{counts.get(what, 0):>13,.4g}" for what in MEANINGS))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
