"""What the tests of the examples have in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

import rpc

__all__ = ["EXAMPLES", "serving"]

EXAMPLES = Path(__file__).parent.parent / "examples"


@asynccontextmanager
async def serving(
    services: rpc.Service | Sequence[rpc.Service], *bind: str, allow_uids: Collection[int] | None = None
) -> AsyncGenerator[list[str]]:
    """The bound addresses of services, which are served while the block runs; it has 30 seconds."""
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            yield await nursery.start(partial(rpc.serve, services, bind, allow_uids=allow_uids))
            nursery.cancel_scope.cancel()
