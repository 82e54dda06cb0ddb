"""When a call that failed is made a second time by itself (protocol section 5): never where it may have run twice."""

from __future__ import annotations

import random

import trio

from rpc.client.line import Line
from rpc.errors import Error, Processed, ResourceExhausted, Unavailable
from rpc.net.connection import Connection

__all__ = ["is_worth_another"]

_LONGEST_PAUSE = 1.0
"""Seconds that a call waits by itself where its callee names a time; the application knows better what to do longer."""

_SPREAD = 1.5
"""Up to so many times what was named, so that not all who were told the same come back in one moment."""


async def is_worth_another(error: Error, line: Line, connection: Connection, *, is_idempotent: bool) -> bool:
    """Whether a call that failed is to be made once more; waits for the moment of that.

    It is so where its handler was not started, or may be started twice, and besides something is different the second
    time: calls go by another connection, or the callee has named the time at which it will take one.

    Args:
        error: what it failed with.
        line: what it was made on.
        connection: by which it went.
        is_idempotent: whether its method is declared so.
    """
    if not isinstance(error, Unavailable | ResourceExhausted):
        return False
    if error.processed is not Processed.NOT_PROCESSED:
        may_have_run = error.processed is Processed.UNKNOWN and isinstance(error, Unavailable)
        return may_have_run and is_idempotent and line.is_off(connection)
    if error.retry_after is None:
        return isinstance(error, Unavailable) and line.is_off(connection)
    pause = error.retry_after * random.uniform(1, _SPREAD)
    if error.retry_after > _LONGEST_PAUSE or trio.current_time() + pause >= trio.current_effective_deadline():
        return False
    await trio.sleep(pause)
    return True
