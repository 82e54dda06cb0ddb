"""Admission: how many connections a server has, from whom, and how many of them have not yet said who they are."""

from __future__ import annotations

import collections
import math

import attrs
import trio

from rpc.errors import Reason
from rpc.limits import Limits
from rpc.net.access import is_own, origin_of
from rpc.net.connection import Connection
from rpc.net.greeting import Refusal
from rpc.net.system import descriptor_limit
from rpc.net.tls_link import TlsLink
from rpc.peer import Peer

__all__ = ["Admission", "Guest", "most_connections"]

_MOST, _BESIDE = 1024, 64
"""Connections at most by default, and files that the process may want to open beside them."""

_SILENCE = 1.0
"""Seconds in which who connects has greeted, where others wait for its place."""

_COMPLAINT_INTERVAL = 5.0
"""Seconds between two lines about connections that are too many."""


def most_connections(limits: Limits) -> int:
    """`Limits.max_connections`, or what this process has room for."""
    if limits.max_connections is not None:
        return limits.max_connections
    files = descriptor_limit()
    return _MOST if files is None else max(1, min(_MOST, max(files - _BESIDE, files // 2)))


class Admission:
    """The door of one server.

    Attributes:
        most: connections at once.
        open: connections that were let in and have not ended.
        leaving: connections that were turned away and have not ended.
        gave_way: how many had to go before they had greeted.
    """

    def __init__(self, limits: Limits) -> None:
        self.most = most_connections(limits)
        self.open = 0
        self.leaving = 0
        self.gave_way = 0
        self._limits = limits
        self._origins: collections.Counter[str] = collections.Counter()
        self._greeting: dict[Guest, None] = {}
        self._changed = trio.Event()
        self._next_complaint = -math.inf

    @property
    def is_crowded(self) -> bool:
        """Whether so many are being turned away that the next ones are told in one word, without a connection."""
        return self.leaving >= self._limits.max_greeting

    def refusal(self, peer: Peer) -> Refusal | None:
        """Why there is no room for one more connection of a peer, or None where there is."""
        if self.open >= self.most:
            return Reason.TOO_MANY, f"max_connections: {self.open} are open"
        count = self._origins[origin_of(peer)]
        if count >= self._limits.max_connections_per_peer and not is_own(peer):
            return Reason.TOO_MANY, f"max_connections_per_peer: {count} are open from {origin_of(peer)}"
        return None

    def complains(self) -> bool:
        """Whether it is time to say again that connections are turned away."""
        now = trio.current_time()
        if now < self._next_complaint:
            return False
        self._next_complaint = now + _COMPLAINT_INTERVAL
        return True

    async def room(self) -> None:
        """Wait until one more may begin to greet."""
        while len(self._greeting) >= self._limits.max_greeting:
            silent = next((guest for guest in self._greeting if guest.is_silent), None)
            deadline = math.inf if silent is None else silent.came + _SILENCE
            if silent is not None and deadline <= trio.current_time():
                silent.give_way()
                continue
            with trio.move_on_at(deadline):
                await self._changed.wait()

    def enter(self, connection: Connection, *, is_refused: bool) -> Guest:
        """A connection begins."""
        guest = Guest(self, connection, origin_of(connection.peer), is_refused, trio.current_time())
        if is_refused:
            self.leaving += 1
        else:
            self.open += 1
            self._origins[guest.origin] += 1
        self._greeting[guest] = None
        return guest

    def greeted(self, guest: Guest) -> None:
        """A connection has greeted, or has ended before."""
        if guest in self._greeting:
            del self._greeting[guest]
            self._changed.set()
            self._changed = trio.Event()

    def leave(self, guest: Guest) -> None:
        """A connection has ended."""
        self.greeted(guest)
        if guest.is_refused:
            self.leaving -= 1
            return
        self.open -= 1
        self._origins[guest.origin] -= 1
        if not self._origins[guest.origin]:
            del self._origins[guest.origin]


@attrs.frozen(eq=False)
class Guest:
    """One connection of a server, from its beginning to its end; it is the `task_status` of `Connection.run`."""

    admission: Admission
    connection: Connection
    origin: str
    is_refused: bool
    came: float

    @property
    def is_silent(self) -> bool:
        """Whether its HELLO has not come; who has sent one may wait for `authenticate`."""
        return self.connection.settings is None

    def started(self, value: None = None) -> None:
        """It has greeted, or will not."""
        self.admission.greeted(self)

    def give_way(self) -> None:
        """Make room for another one."""
        self.admission.gave_way += 1
        self.admission.greeted(self)
        text = "max_greeting: no HELLO came, and others wait"
        if isinstance(self.connection.link, TlsLink):
            self.connection.end(text)  # before the handshake there is no way to tell
        else:
            self.connection.abort(Reason.TOO_MANY, text)
