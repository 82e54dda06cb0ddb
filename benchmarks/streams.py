"""``python -m benchmarks.streams``: items a second from one process to another, beside other ways to carry them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from benchmarks import peers
from benchmarks.arena import Pinning, arena, play
from benchmarks.contender import Contender
from benchmarks.contenders.grpc_streams import GrpcStreams
from benchmarks.contenders.streams import BareTrio, Direction, RawBlocks, Triorpc
from benchmarks.report import Score, machine, ratio

_SECONDS = 0.3


@click.command()
@click.option("--rounds", type=click.IntRange(min=2), default=20, show_default=True, help="How many rounds to count.")
def main(rounds: int) -> None:
    """Measure streams of small integers, and of 64 KiB, in both directions over a Unix socket.

    All contenders of a table are alive at once and take turns. Items a second are medians of the rounds; a ratio is
    the median of the ratios within each round. Everything runs in the venv of the peers, which is made if need be.
    """
    click.echo(", ".join(f"{name} {value}" for name, value in {**machine(), "rounds": rounds}.items()))
    for large in (False, True):
        for direction in Direction:
            contenders: list[Contender] = [Triorpc(direction, large), BareTrio(direction, large)]
            if large:
                contenders.append(RawBlocks(direction))
            elif "grpcio" not in peers.not_installed():
                contenders.append(GrpcStreams(direction))
            with arena(contenders, Pinning.NONE) as pairs:
                results = play(pairs, rounds=rounds, seconds=_SECONDS, progress=_progress)
            scores = [Score.of(contender, turns) for contender, turns in zip(contenders, results, strict=True)]
            click.echo(f"\n{'64 KiB' if large else 'small integers'}, {direction.value}")
            _show(scores)


def _show(scores: Sequence[Score]) -> None:
    ours = scores[0]
    for score in scores:
        low, high = score.middle
        client, server = score.cpu
        beside = "" if score is ours else f"   triorpc: {ratio(ours, score):.2f} of it"
        click.echo(
            f"  {score.name:28} {score.rate:>9,.0f}/s ({low:,.0f}-{high:,.0f})"
            f"   CPU {client:.2f} + {server:.2f} us{beside}"
        )


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\rround {done}", nl=False, err=True)


if __name__ == "__main__":
    peers.enter("benchmarks.streams")
    main()
