"""Nurseries for the tasks beside a body, and for those that it stands on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import trio

__all__ = ["open_background", "open_foundation"]


@asynccontextmanager
async def open_background() -> AsyncGenerator[trio.Nursery]:
    """A nursery whose tasks are cancelled when the body ends.

    The body's own exception comes out as it is, never in a group: these tasks are not the body's business. A task
    that fails cancels the body, and its exception comes out in a group; where the body fails too, which may be for that
    very reason, that of the body comes out, unless the other is an interrupt.
    """
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            except trio.Cancelled:
                raise
            except BaseExceptionGroup as group:
                cancelled, failure = group.split(trio.Cancelled)
                if cancelled is not None:
                    raise cancelled from None  # to the scope that it belongs to, which may be the nursery's
                failure = group
            except BaseException as error:
                failure = error
            nursery.cancel_scope.cancel()
    except BaseException as error:
        if failure is None or _is_interrupt(error):
            raise
        raise failure  # noqa: B904 - its cause is its own; what the tasks raised is its context
    if failure is not None:
        raise failure


def _is_interrupt(error: BaseException) -> bool:
    """Whether anything is in it that is meant to end the program, as a KeyboardInterrupt is."""
    if not isinstance(error, BaseExceptionGroup):
        return False
    group = cast("BaseExceptionGroup[BaseException]", error)
    return group.split((Exception, trio.Cancelled))[1] is not None


@asynccontextmanager
async def open_foundation() -> AsyncGenerator[trio.Nursery]:
    """As `open_background`, for tasks that are not cancelled before the body has ended.

    A body that is cancelled may so clean up, under a shield of its own, with what these tasks keep alive.
    """
    scope = trio.CancelScope(shield=True)
    nurseries: list[trio.Nursery] = []
    is_ready = trio.Event()

    async def hold() -> None:
        with scope:
            async with trio.open_nursery() as nursery:
                nurseries.append(nursery)
                is_ready.set()
                await trio.sleep_forever()

    async with open_background() as outer:
        # Not `start`: cancelled, it would wait for this task, which no cancellation from outside reaches.
        outer.start_soon(hold)
        try:
            await is_ready.wait()
            yield nurseries[0]
        finally:
            scope.cancel()
