"""Serving: what one call of `serve` holds while it runs, and what it does with each link that was accepted."""

from __future__ import annotations

import collections
import logging
from collections.abc import Collection

import attrs
import trio

from rpc.client.client import Client
from rpc.client.line import Line
from rpc.errors import Reason
from rpc.limits import Limits
from rpc.net.access import refusal_of
from rpc.net.connection import Connection
from rpc.net.datagrams import DatagramReceiver
from rpc.net.greeting import Authenticate, Refusal
from rpc.net.handlers import Handlers
from rpc.net.link import Link, SocketLink
from rpc.net.listen import Listener
from rpc.net.notifications import Notifications
from rpc.net.readiness import Readiness
from rpc.net.reserve import dismiss, farewell
from rpc.net.tls_link import TlsLink
from rpc.net.workers import Run
from rpc.server.admission import Admission
from rpc.server.health import Health
from rpc.session.budget import Budget
from rpc.session.session import Session
from rpc.text import quote
from rpc.version import AGENT

__all__ = ["Serving"]

_logger = logging.getLogger("rpc")

_PARTS = 4
"""Shares of the budget: one connection holds a quarter of it at most."""


@attrs.define(eq=False)
class Serving:
    """The connections of one server.

    Attributes:
        handlers: what is served.
        limits: for each connection.
        allow_uids: users of this host that may connect to Unix sockets; None for our own and root.
        authenticate: who a peer is, by its credential; None where nobody asks.
        readiness: reads and flushes the connections; its `run` must be running.
        connections: those that are open, refused ones among them for a moment.
        receiving: the notifications of each datagram socket.
        receivers: the datagram sockets.
        health: what the application says of itself.
        admission: how many may connect.
        listeners: where they do.
        budget: what their calls may hold together.
        began: when this was made, on trio's clock.
        accepted: how many connections there were.
        refused: those of them that were turned away, by the reason.
        is_stopping: whether `drain` has begun.
    """

    handlers: Handlers
    limits: Limits
    allow_uids: Collection[int] | None = None
    authenticate: Authenticate | None = None
    readiness: Readiness = attrs.field(factory=Readiness)
    connections: set[Connection] = attrs.field(factory=set[Connection])
    receiving: list[Notifications] = attrs.field(factory=list[Notifications])
    receivers: list[DatagramReceiver] = attrs.field(factory=list[DatagramReceiver])
    health: Health = attrs.field(factory=Health)
    listeners: list[Listener] = attrs.field(factory=list[Listener])
    admission: Admission = attrs.field(init=False)
    budget: Budget = attrs.field(init=False)
    began: float = attrs.field(factory=trio.current_time)
    accepted: int = 0
    refused: collections.Counter[str] = attrs.field(factory=collections.Counter[str])
    is_stopping: bool = False

    def __attrs_post_init__(self) -> None:
        self.admission = Admission(self.limits)
        self.budget = Budget(self.limits, _PARTS)

    async def accept(self, listener: Listener, nursery: trio.Nursery) -> None:
        """Accept connections until the listener is closed; each has a task in `nursery`."""
        self.listeners.append(listener)
        while True:
            try:
                link = await listener.accept()
            except trio.ClosedResourceError:
                return
            try:
                await self.admission.room()
            except trio.Cancelled:
                link.close()
                raise
            nursery.start_soon(self.serve_link, link)

    async def serve_link(self, link: Link) -> None:
        """Serve one connection until it ends."""
        refusal = self._refusal(link)
        self.accepted += 1
        if refusal is not None:
            self._count(link, *refusal)
            if self.admission.is_crowded and isinstance(link, SocketLink):
                _dismiss(link, *refusal)
                return
        session = Session(is_connector=False, limits=self.limits, agent=AGENT, budget=self.budget)
        connection = Connection(link, session, self.readiness, self.handlers, self.limits)
        connection.client = Client(Line(connection))
        guest = self.admission.enter(connection, is_refused=refusal is not None)
        self.connections.add(connection)
        try:
            await connection.run(refusal=refusal, authenticate=self.authenticate, task_status=guest)
        finally:
            self.connections.discard(connection)
            self.admission.leave(guest)
            if refusal is None and self.authenticate is not None and link.peer.identity is None:
                self.refused["unidentified"] += 1
            reason = quote(connection.end_reason)
            self.handlers.log.write(logging.DEBUG, "connection ended", link.peer, "connection ended: %s", reason)

    def _count(self, link: Link, reason: Reason, text: str) -> None:
        """A connection is turned away; where that is because there are too many, it is told now and then."""
        self.refused["stopping" if self.is_stopping else reason.name.lower()] += 1
        if reason is Reason.TOO_MANY and self.admission.complains():
            self.handlers.log.write(logging.WARNING, "turned away", link.peer, "turned away: %s", quote(text))

    def refusals(self) -> dict[str, int]:
        """How many connections were turned away, by the reason."""
        dismissed = sum(listener.dismissed for listener in self.listeners)
        others = {"no_descriptors": dismissed, "silent": self.admission.gave_way}
        return {**self.refused, **{reason: count for reason, count in others.items() if count}}

    def _refusal(self, link: Link) -> Refusal | None:
        """Why a link is turned away before anything runs."""
        if self.is_stopping:
            return Reason.NONE, "the server is stopping"
        user = refusal_of(link.peer, self.allow_uids)
        return self.admission.refusal(link.peer) if user is None else (Reason.CREDENTIAL, user)

    async def drain(self) -> None:
        """Let calls and notifications end, for as long as `Limits.drain_timeout`, then end every connection."""
        self.is_stopping = True
        self.health.wake()
        with trio.move_on_after(self.limits.drain_timeout) as time:
            async with trio.open_nursery() as nursery:
                for connection in self.connections:
                    nursery.start_soon(connection.drain)
                for notifications in self.receiving:
                    nursery.start_soon(notifications.finish)
        if time.cancelled_caught:
            self._tell_of_the_slow()
        for connection in list(self.connections):
            connection.end("the server has stopped")

    def _tell_of_the_slow(self) -> None:
        """Log which handlers have not ended by the end of a drain."""
        calls = [call for connection in self.connections for call in connection.session.callee.calls.values()]
        names = {call.method for call in calls if isinstance(call.owner, Run)}
        received = [*self.receiving, *(connection.dispatcher.notifications for connection in self.connections)]
        if any(notifications.is_running for notifications in received):
            names.add("notifications")
        if names:
            message = "not ended when drain_timeout (%g s) was over, and cancelled: %s"
            _logger.warning(message, self.limits.drain_timeout, ", ".join(sorted(names)))


def _dismiss(link: SocketLink, reason: Reason, text: str) -> None:
    """Turn a peer away in one word; within TLS there is none before the handshake."""
    dismiss(link.socket, b"" if isinstance(link, TlsLink) else farewell(reason, text))
