"""What the parts of a connection (its dispatcher, its timers) see of it: the contract between them, on one screen."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio

from rpc.errors import Reason
from rpc.limits import Limits
from rpc.net.handlers import Counts
from rpc.net.link import Link
from rpc.net.logs import PeerLog
from rpc.net.waiting import Lot
from rpc.net.workers import Workers
from rpc.peer import Peer
from rpc.session.session import Session
from rpc.wire.hello import Settings

__all__ = ["Host"]


class Host(Protocol):
    """A connection as its parts see it; the attributes are explained in `rpc.net.connection`."""

    link: Link
    session: Session
    limits: Limits
    settings: Settings | None
    context: contextvars.Context
    nursery: trio.Nursery
    workers: Workers
    log: PeerLog
    counts: Counts
    client: Any
    reads: int
    heard_at: float
    ended: trio.Event
    end_reason: str
    is_lost: bool

    @property
    def peer(self) -> Peer: ...

    @property
    def is_over(self) -> bool: ...

    @property
    def is_quiet(self) -> bool: ...

    @property
    def flush(self) -> Callable[[], None]:
        """Send what is queued, as far as the transport takes it without waiting."""
        ...

    def is_slow(self) -> bool:
        """Whether the peer has not taken for a while what waits for it, and that is much."""
        ...

    @property
    def drained(self) -> Lot:
        """Where tasks wait for the moment when all that is queued was given to the transport."""
        ...

    def flush_soon(self) -> None:
        """Have what is queued leave in the next pass of the loop."""
        ...

    def abort(self, reason: Reason, text: str) -> None:
        """End the connection for something that the peer did, and tell it why."""
        ...

    def end(self, reason: str) -> None:
        """End the connection at once."""
        ...

    def lose(self, reason: str) -> None:
        """End the connection since the peer is gone."""
        ...

    def fail(self) -> None:
        """End the connection for the exception at hand, which is a fault of this library."""
        ...

    @property
    def read_until(self) -> Callable[[Callable[[], bool]], Awaitable[bool]]:
        """Have the calling task read what it waits for; False where it cannot."""
        ...

    async def ping(self) -> float:
        """Ask the peer for a sign of life."""
        ...
