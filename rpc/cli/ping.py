"""``rpc ping``: the round trip to a server, without any handler."""

from __future__ import annotations

import statistics
import time

import click

import rpc
from rpc.cli.calling import connected
from rpc.cli.options import address_argument, to_seconds, wait_option
from rpc.cli.security import connecting_options

__all__ = ["command"]


_EXAMPLES = """
\b
Examples:
  rpc ping :9000 --count 5
  rpc ping unix:/run/calc.sock --wait 5 && echo ready
"""


@click.command("ping", epilog=_EXAMPLES)
@address_argument
@click.option("-c", "--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many pings.")
@click.option(
    "-i",
    "--interval",
    type=click.FloatRange(min=1),
    default=1,
    show_default=True,
    metavar="SECONDS",
    help="Between two pings; servers take more than one a second for a flood.",
)
@click.option(
    "-t",
    "--timeout",
    type=to_seconds,
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="For each try to connect, and for each answer.",
)
@wait_option
@connecting_options
def command(address: rpc.Address, count: int, interval: float, timeout: float, wait: float) -> None:
    """Measure the round trip to a server.

    No handler runs: what answers is the connection itself.
    """
    times: list[float] = []

    try:
        with connected(address, wait, timeout) as client:
            view = client.with_options(timeout=timeout)
            for number in range(1, count + 1):
                if times:
                    time.sleep(interval)
                times.append(view.ping())
                click.echo(f"{view.peer.address}: {'' if count == 1 else f'{number}: '}{_milliseconds(times[-1])}")
    finally:  # also after Ctrl-C
        if len(times) > 1:
            click.echo(_summary(times))


def _summary(times: list[float]) -> str:
    least, middle, most = (_milliseconds(seconds) for seconds in (min(times), statistics.median(times), max(times)))
    return f"{len(times)} answers: least {least}, median {middle}, most {most}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
