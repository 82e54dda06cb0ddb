"""``python -m benchmarks.profile``: where the time of a call goes, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click
import trio

from benchmarks.profile.sides import WORKLOADS, Profile, profile
from benchmarks.profile.steps import REST, STEPS

__all__ = ["main", "table"]


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Of which the medians count.")
@click.option("--count", type=click.IntRange(min=64), default=512, show_default=True, help="Calls of one turn.")
@click.option("--polling", is_flag=True, help="Let both sides poll; else they wait, and nothing is done in vain.")
@click.argument("workloads", nargs=-1, type=click.Choice(tuple(WORKLOADS)), metavar="[WORKLOAD]...")
def main(rounds: int, count: int, polling: bool, workloads: Sequence[str]) -> None:
    """Where the processor time of a call goes, between two processes: microseconds for each step of each side.

    The steps are timed one by one, and what timing costs is subtracted; the sums are of the same calls without it.
    """
    for name in workloads or WORKLOADS:
        measured = trio.run(partial(profile, name, rounds=rounds, count=count, polling=polling))
        click.echo(table(name, measured) + "\n")


def table(name: str, measured: Profile) -> str:
    """A profile as text."""
    client, server = measured.client, measured.server
    rows = [(step.name, client.steps[step.name], server.steps[step.name], step.where) for step in STEPS]
    rows.append((REST.name, client.rest, server.rest, REST.where))
    wide = max(len(step) for step, *_ in rows)
    lines = [f"{name}: {measured.wall * 1e6:.0f} us each by the clock", ""]
    lines.append(f"{'':{wide}}{'client':>9}{'server':>9}  us of processor time")
    for step, here, there, where in rows:
        lines.append(f"{step:{wide}}{_cell(here)}{_cell(there)}  {where}")
    lines.append(f"{'in all':{wide}}{_cell(client.cpu)}{_cell(server.cpu)}")
    return "\n".join(lines)


def _cell(seconds: float) -> str:
    """Microseconds; nothing where a side has no such step."""
    return f"{seconds * 1e6:9.1f}" if seconds > 5e-8 else " " * 9


if __name__ == "__main__":
    main()
