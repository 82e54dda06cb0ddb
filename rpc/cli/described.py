"""What a server tells of its services, asked for by a command."""

from __future__ import annotations

import rpc
from rpc.cli.failure import ExitCode, Failure
from rpc.cli.running import connected, run, within
from rpc.server.builtin import describe
from rpc.service.description import Description

__all__ = ["ask"]

_LONGEST = 30.0
"""Seconds for the answer: it is one call, and nobody but the server has a part in it."""


def ask(address: rpc.Address, wait: float, name: str | None = None) -> Description:
    """Ask a server to describe itself, or one method or service.

    Raises:
        Failure: it does not, there is nothing of that name, or there is no connection.
    """

    async def main() -> Description:
        async with connected(address, wait) as client:
            with within(_LONGEST, str(address)):
                return await client.call(describe, name)

    try:
        return run(main)
    except Failure as failure:
        if isinstance(failure.__cause__, rpc.Unimplemented):
            raise Failure(
                f"{address} does not describe itself: a server does so for callers on its own host, unless it was "
                "started with --no-describe, and for others where it was started with --describe",
                ExitCode.MISCALLED,
            ) from failure
        if isinstance(failure.__cause__, rpc.NotFound):
            raise Failure(failure.__cause__.message, ExitCode.MISCALLED) from failure
        raise
