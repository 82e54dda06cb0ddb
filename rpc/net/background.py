"""A nursery for the tasks beside a body."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

__all__ = ["open_background"]


@asynccontextmanager
async def open_background() -> AsyncGenerator[trio.Nursery]:
    """A nursery whose tasks are cancelled when the body ends.

    The body's own exception comes out as it is, never in a group: these tasks are not the body's business. A task
    that fails cancels the body, and its exception comes out in a group.
    """
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            except trio.Cancelled:
                raise
            except BaseException as error:
                failure = error
            nursery.cancel_scope.cancel()
    finally:
        if failure is not None:
            raise failure
