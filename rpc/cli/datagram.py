"""A notification as a datagram, for ``rpc notify``: the one way of sending that takes trio."""

from __future__ import annotations

import rpc
from rpc.cli.arguments import Arguments
from rpc.cli.failure import ExitCode, Failure
from rpc.cli.running import run

__all__ = ["send"]

_WHY_DROPPED = {
    "full": "its receiver does not take up what has come already",
    "refused": "nobody receives there",
    "unreachable": "there is no way to that host",
}


def send(address: rpc.Address, method: str, arguments: Arguments, key: tuple[bytes, bytes] | None) -> None:
    """Send it, sealed where there is a key.

    Raises:
        Failure: it was not sent; the message says why.
        click.UsageError: an argument cannot travel.
    """

    async def main() -> None:
        async with rpc.notifier(address, key=key) as notifier:
            notifier.send(method, *arguments.positional, **arguments.named)
            dropped = notifier.statistics().dropped
        for reason in dropped:  # one at most
            raise Failure(f"cannot send to {address}: {_WHY_DROPPED.get(reason, reason)}", ExitCode.NO_CONNECTION)

    run(main)
