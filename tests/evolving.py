"""What the tests of evolving services share: the rows of the page's table, and a service in two versions."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import attrs

import rpc

__all__ = ["BREAKS", "ROWS", "SAFE", "UNTIL_USED", "Row", "clients", "row", "versions"]

SAFE = "safe"
UNTIL_USED = "until used"
"""Safe for calls that make no use of what has changed; the others fail."""
BREAKS = "breaks"

Test: TypeAlias = Callable[[], Awaitable[None]]


@attrs.frozen
class Row:
    """A change, and what it means where only the server, or only the client, has made it."""

    change: str
    old_client: str
    new_client: str


ROWS: list[Row] = []
"""Of every test that is imported, in its order."""


def row(change: str, *, old_client: str, new_client: str) -> Callable[[Test], Test]:
    """Mark a test as the one that shows a row of the table in ``docs/evolving.md``.

    Args:
        change: the first column.
        old_client: what befalls an old client with a new server.
        new_client: what befalls a new client with an old server.
    """

    def mark(test: Test) -> Test:
        ROWS.append(Row(change, old_client, new_client))
        return test

    return mark


def versions(name: str = "shop") -> tuple[rpc.Service, rpc.Service]:
    """A service as it was and as it shall be, both still empty."""
    return rpc.Service(name), rpc.Service(name)


@asynccontextmanager
async def clients(old: rpc.Service, new: rpc.Service) -> AsyncGenerator[tuple[rpc.Client, rpc.Client]]:
    """A client of the old server and one of the new."""
    async with rpc.testing.client(old, debug=False) as to_old, rpc.testing.client(new, debug=False) as to_new:
        yield to_old, to_new
