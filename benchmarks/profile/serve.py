"""``python -m benchmarks.profile.serve ADDRESS``: the server's side."""

from __future__ import annotations

import click

import rpc
from benchmarks.profile.sides import timed

__all__ = ["main"]


@click.command()
@click.argument("address")
@click.option("--polling", is_flag=True, help="Poll, where that is quicker than waiting.")
def main(address: str, polling: bool) -> None:
    """Serve, until a signal comes."""
    rpc.run(timed, address, polling=polling)


if __name__ == "__main__":
    main()
