"""``python -m benchmarks.compare``: calls between two processes of one host, beside other ways to make them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import attrs
import click

from benchmarks import peers
from benchmarks.arena import Pinning, arena, play
from benchmarks.contender import Contender
from benchmarks.contenders import contenders
from benchmarks.page import page
from benchmarks.picture import picture
from benchmarks.report import Sheet, as_json, machine, summary, table
from benchmarks.workload import Workload
from benchmarks.workloads import LONG, QUICK
from benchmarks.workloads.startup import Startup

__all__ = ["Settings", "compare", "main"]


@attrs.frozen
class Settings:
    """How long to measure.

    Attributes:
        seconds: one turn: long enough to wake up and settle, short enough that neighbours share the machine's mood.
        pin: where the processes run.
    """

    rounds: int
    seconds: float
    pin: Pinning = Pinning.NONE


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)

_QUICK = Settings(2, 0.02)
_LONG = Settings(12, 0.2)


@click.command()
@click.option("--quick", is_flag=True, help="All kinds of workloads in under a minute; without it about half an hour.")
@click.option("--rounds", type=click.IntRange(min=1), help="How many rounds to count.")
@click.option("--seconds", type=click.FloatRange(min=0.001), help="How long a turn is.")
@click.option(
    "--pin",
    type=click.Choice([pinning.value for pinning in Pinning]),
    default=Pinning.NONE.value,
    show_default=True,
    help="Keep server and client on two processors, or on one.",
)
@click.option("--only", multiple=True, metavar="TEXT", help="Only contenders whose name holds this; may be repeated.")
@click.option("--workload", "wanted", multiple=True, metavar="TEXT", help="The same for workloads.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every round to this file too.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write a page with plots to this file too.")
@click.option(
    "--svg", "svg_file", type=click.Path(path_type=Path), help="Write the picture of the README to this file."
)
def main(
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    pin: str,
    only: tuple[str, ...],
    wanted: tuple[str, ...],
    json_file: Path | None,
    html_file: Path | None,
    svg_file: Path | None,
) -> None:
    """Measure calls, streams, payloads, notifications and more over a Unix socket, where a contender can use one.

    All contenders are alive at once and take turns. Figures are medians of the rounds; ratios are medians of the
    ratios in each round. Everything runs in the venv of the peers, which is made if need be.
    """
    usual = _QUICK if quick else _LONG
    settings = Settings(rounds or usual.rounds, seconds or usual.seconds, Pinning(pin))
    workloads = _named(QUICK if quick else LONG, wanted, "workload")
    present, absent = _present(_named(contenders(), only, "contender"))
    sheets = compare(present, workloads, settings)
    about = {"machine": machine(peers.packages()), "settings": _told(settings), "absent": absent}
    show(sheets, about)
    if json_file:
        _write(json_file, json.dumps(as_json(sheets, about), indent=1) + "\n")
    if html_file:
        _write(html_file, page(sheets, about))
    if svg_file:
        _write(svg_file, picture(sheets))


def compare(who: Sequence[Contender], workloads: Sequence[Workload], settings: Settings) -> list[Sheet]:
    """Let them all do all workloads, one workload after the other."""
    sheets: list[Sheet] = []
    with arena(who, settings.pin) as pairs:
        for workload in workloads:
            results = play(
                pairs,
                workload,
                rounds=settings.rounds,
                seconds=settings.seconds,
                progress=_progress,
                warm_up=not isinstance(workload, Startup),  # each of its turns is a process of its own
            )
            sheets.append(Sheet.of(workload, who, results))
    _progress("")
    return sheets


def show(sheets: Sequence[Sheet], about: dict[str, dict[str, str]]) -> None:
    """Print what was measured, and what could not be."""
    versions = ", ".join(f"{name} {value}" for name, value in {**about["machine"], **about["settings"]}.items())
    click.echo(versions)
    for name, reason in about["absent"].items():
        click.echo(f"{name} does not take part: {reason}")
    for sheet in sheets:
        click.echo(f"\n## {sheet.workload.name}\n\n{table(sheet) if sheet.scores else 'Nobody offers this.'}")
        for name, failed in sheet.failures.items():
            if failed.offered:
                click.echo(f"{name} failed: {failed.reason}")
    if len(sheets) > 1:
        click.echo(f"\n## Summary\n\n{summary(sheets)}")


def _present(wanted: Sequence[Contender]) -> tuple[list[Contender], dict[str, str]]:
    """Those that can take part, and why the others cannot."""
    failed = peers.not_installed()
    absent: dict[str, str] = {}
    for each in wanted:
        reasons = [f"{package}: {failed[package]}" for package in each.packages if package in failed]
        if reason := "; ".join(reasons) or each.missing():
            absent[each.name] = reason
    return [each for each in wanted if each.name not in absent], absent


def _named(every: Sequence[N], texts: Sequence[str], what: str) -> list[N]:
    chosen = [each for each in every if not texts or any(text in each.name for text in texts)]
    if not chosen:
        raise click.UsageError(f"no {what} is called so; there are: {'; '.join(each.name for each in every)}")
    return chosen


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _told(settings: Settings) -> dict[str, str]:
    return {
        "rounds": str(settings.rounds),
        "seconds": str(settings.seconds),
        "pin": settings.pin.value,
        "processors": str(len(os.sched_getaffinity(0))),
    }


def _progress(done: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done[:100]:100}\r", nl=False, err=True)


if __name__ == "__main__":
    peers.enter("benchmarks.compare")
    main()
