"""Leaving: how a connection comes to an end that the peer is told of."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from rpc.errors import Unavailable
from rpc.net.dispatch import Dispatcher
from rpc.net.host import Host

__all__ = ["LINGER", "drain", "linger"]

LINGER = 1.0
"""Seconds that reading goes on after a connection error, so that a reset does not eat the GOAWAY."""

_ROUND_TRIP = 1.0
"""Seconds that a drain waits for a PONG, behind which no call can come that had crossed its first GOAWAY."""

_WHY = "the server is stopping"


class Leaving(Host, Protocol):
    """A connection as it is seen here; the attributes are explained in `rpc.net.connection`."""

    dispatcher: Dispatcher

    @property
    def drained(self) -> trio.lowlevel.ParkingLot: ...

    @property
    def flushed(self) -> Callable[[], Awaitable[None]]:
        """Wait until all that is queued was given to the transport."""
        ...


async def drain(connection: Leaving) -> None:
    """Take no more calls, let open ones and notifications end, then end; the caller's scope says how long.

    GOAWAY goes in two phases (section 6), so that calls which cross the first are served. A cancelled drain
    leaves the connection open, and refusing calls.
    """
    session = connection.session
    session.drain(text=_WHY)
    with trio.move_on_after(_ROUND_TRIP), contextlib.suppress(Unavailable):
        await connection.ping()
    session.drain(last=True, text=_WHY)
    connection.flush()
    while not connection.is_over and not session.is_idle:
        await connection.drained.park()
    await connection.dispatcher.notifications.finish()
    await connection.flushed()
    connection.end("this side drained it")


async def linger(connection: Leaving, seconds: float, reason: str) -> None:
    """Have the GOAWAY of a broken session written, read on for a moment, and end."""
    await trio.lowlevel.checkpoint()
    with trio.move_on_after(seconds):
        await connection.flushed()
        if not connection.is_over:
            connection.link.shutdown_write()
        await connection.ended.wait()
    connection.end(reason)
