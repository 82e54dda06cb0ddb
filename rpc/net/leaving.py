"""Leaving: how a connection comes to an end that one side tells the other of."""

from __future__ import annotations

import contextlib
import logging
from typing import Protocol

import trio

from rpc.errors import ProtocolError, Reason, Unavailable
from rpc.net.dispatch import Dispatcher
from rpc.net.host import Host
from rpc.net.link import LINGER, Explain
from rpc.net.pulse import Pulse
from rpc.net.waiting import Lot
from rpc.text import quote

__all__ = ["break_off", "drain", "end_explained", "take_goaway", "turn_away"]

_ROUND_TRIP = 1.0
"""Seconds that a drain waits for a PONG, behind which no call can come that had crossed its first GOAWAY."""

_WHY = "the server is stopping"


class Leaving(Host, Protocol):
    """A connection as it is seen here; the attributes are explained in `rpc.net.connection`."""

    dispatcher: Dispatcher
    failure: ProtocolError | None
    peer_stops: bool
    opened: trio.Event
    room: Lot
    pulse: Pulse

    @property
    def drained(self) -> Lot: ...

    async def flushed(self) -> None:
        """Wait until all that is queued was given to the transport."""
        ...


async def drain(connection: Leaving) -> None:
    """Take no more calls, let open ones and notifications end, then end; the caller's scope says how long.

    GOAWAY goes in two phases (section 6), so that calls which cross the first are served. A cancelled drain
    leaves the connection open, and refusing calls.
    """
    session = connection.session
    session.drain(text=_WHY)
    if session.is_open:  # else no call can have come
        with trio.move_on_after(_ROUND_TRIP), contextlib.suppress(Unavailable):
            await connection.ping()
    session.drain(last=True, text=_WHY)
    connection.flush()
    while not connection.is_over and not session.is_idle:
        await connection.drained.park()
    await connection.dispatcher.notifications.finish()
    await connection.flushed()
    connection.end("this side drained it")


def take_goaway(connection: Leaving, last_id: int | None, reason: int, text: str) -> None:
    """The peer takes no more calls, and says why."""
    connection.peer_stops = reason == Reason.NONE
    if reason or last_id == 0:
        # Where no call has run, the peer has turned us away, if only because it is stopping.
        connection.failure = connection.failure or ProtocolError(text, reason=Reason.of(reason))
    if reason:
        connection.log.write(
            logging.INFO, "ended by the peer", connection.peer, "the peer ends the connection: %s", quote(text)
        )
        connection.pulse.stop()
    connection.room.unpark_all()


async def end_explained(connection: Host, explain: Explain, reason: str) -> None:
    """End a connection that was lost, for a reason that its link knows better."""
    connection.end(await explain() or reason)


def break_off(connection: Leaving, error: ProtocolError, level: int = logging.WARNING) -> None:
    """The session is broken: have its GOAWAY written, read on for a moment, and end; `level` is that of the log."""
    connection.failure = error
    connection.opened.set()
    connection.room.unpark_all()
    connection.log.write(level, "connection error", connection.peer, "connection error: %s", quote(error.message))
    # Who does not read its answers would not read the GOAWAY either.
    seconds = 0 if connection.session.is_overrun else LINGER
    connection.nursery.start_soon(linger, connection, seconds, error.message)


def turn_away(connection: Leaving, reason: Reason, text: str) -> None:
    """Refuse the peer before anything runs."""
    connection.session.refuse(reason, text)
    # Where there are too many, the server says so, and not for each of them.
    level = logging.DEBUG if reason is Reason.TOO_MANY else logging.WARNING
    break_off(connection, ProtocolError(text, reason=reason), level)


async def linger(connection: Leaving, seconds: float, reason: str) -> None:
    """Have the GOAWAY of a broken session written, read on for a moment, and end."""
    await trio.lowlevel.checkpoint()
    with trio.move_on_after(seconds):
        await connection.flushed()
        if not connection.is_over:
            connection.link.shutdown_write()
        await connection.ended.wait()
    connection.end(reason)
