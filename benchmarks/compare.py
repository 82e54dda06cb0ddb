"""``python -m benchmarks.compare``: small calls between two processes of one host, beside other ways to make them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from benchmarks.arena import Pinning, arena, play
from benchmarks.contenders import CONTENDERS
from benchmarks.report import Score, as_json, machine, table

_ROUNDS = 40
_QUICK_ROUNDS = 9
_SECONDS = 0.3  # long enough to wake up and settle, short enough that neighbours share the machine's mood


@click.command()
@click.option("--quick", is_flag=True, help=f"{_QUICK_ROUNDS} rounds instead of {_ROUNDS}: under a minute.")
@click.option("--rounds", type=click.IntRange(min=2), help="How many rounds to count.")
@click.option(
    "--pin",
    type=click.Choice([pinning.value for pinning in Pinning]),
    default=Pinning.NONE.value,
    show_default=True,
    help="Keep server and client on two processors, or on one.",
)
@click.option("--only", multiple=True, metavar="TEXT", help="Only contenders whose name holds this; may be repeated.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write every round to this file too.")
def main(quick: bool, rounds: int | None, pin: str, only: tuple[str, ...], target: Path | None) -> None:
    """Measure one-at-a-time and 64-in-flight calls over a Unix socket.

    All contenders are alive at once and take turns. Calls a second are medians of the rounds; the columns "x N" are
    medians of the ratios to contender N in the same round.
    """
    contenders = [each for each in CONTENDERS if not only or any(text in each.name for text in only)]
    if not contenders:
        raise click.UsageError(f"no contender is called so; there are: {', '.join(c.name for c in CONTENDERS)}")
    rounds = rounds or (_QUICK_ROUNDS if quick else _ROUNDS)
    with arena(contenders, Pinning(pin)) as pairs:
        results = play(pairs, rounds=rounds, seconds=_SECONDS, progress=lambda done: _progress(done, rounds))
    scores = [Score.of(contender, turns) for contender, turns in zip(contenders, results, strict=True)]
    settings = {"rounds": rounds, "seconds": _SECONDS, "pin": pin, "processors": len(os.sched_getaffinity(0))}
    told = ", ".join(f"{name} {value}" for name, value in {**machine(), **settings}.items())
    click.echo(f"{told}\n\n{table(scores)}")
    if target:
        target.write_text(json.dumps(as_json(scores, settings), indent=1) + "\n", encoding="utf-8")


def _progress(done: int, rounds: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == rounds else ""
        click.echo(f"\rround {done} of {rounds}", nl=False, err=True)
        click.echo(end, nl=False, err=True)


if __name__ == "__main__":
    main()
