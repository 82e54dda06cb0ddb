"""The service ``rpc``, by which a server describes itself: it is served beside the application's own.

Its handlers are called by name, as all are, or by the handles here, which make the values anew::

    from rpc.server.builtin import describe

    description = await client.call(describe)
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import AsyncIterator

import attrs
import trio

from rpc.errors import NotFound
from rpc.server.health import DRAINING, HealthReport
from rpc.server.serving import Serving
from rpc.service import describing
from rpc.service.context import Context
from rpc.service.description import Description
from rpc.service.near import near
from rpc.service.service import Service
from rpc.service.table import Table
from rpc.text import quote

__all__ = ["Account", "Statistics", "add_builtin", "builtin", "describe", "health", "stats", "watch"]


@attrs.frozen(kw_only=True)
class Statistics:
    """What a server has had to do since it began to listen.

    Attributes:
        uptime: seconds since then.
        connections: open now.
        connections_total: those that were accepted, also the refused ones.
        connections_refused: those that were turned away, by the reason.
        connections_cut: those that were broken off for what the peer did, by the reason.
        calls: open now.
        calls_total: those that have arrived.
        calls_refused: those of them that no handler saw: unknown names, arguments that do not fit.
        calls_shed: calls that were refused as soon as they came, by the name of the limit.
        calls_failed: those of them that a handler began and that were answered with an error.
        bytes_in_flight: bytes of payloads that are held for all connections, as last measured.
        notifications_total: those that have arrived, over connections and as datagrams.
        notifications_dropped: those of them that no handler saw, by the reason.
        datagrams_dropped: datagrams that were of no use, by the reason; see `rpc.wire.datagrams.Drop`.
        datagrams_lost: those that are missing in the numbers of their senders.
    """

    uptime: float
    connections: int
    connections_total: int
    connections_refused: dict[str, int]
    connections_cut: dict[str, int]
    calls: int
    calls_total: int
    calls_refused: int
    calls_shed: dict[str, int]
    calls_failed: int
    bytes_in_flight: int
    notifications_total: int
    notifications_dropped: dict[str, int]
    datagrams_dropped: dict[str, int]
    datagrams_lost: int


class Account:
    """What the service tells of one server: the state of its handlers."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._services = serving.handlers.table.services

    @functools.cached_property
    def description(self) -> Description:
        """Everything that the server serves, but for this service."""
        return describing.describe(self._services)

    def report(self) -> HealthReport:
        """How the server is."""
        names = [service.name for service in self._services]
        return self._serving.health.report(names, is_draining=self._serving.is_stopping)

    async def watch(self) -> AsyncIterator[HealthReport]:
        """How the server is, and how it is after each change, until it drains: this call is one that must end then."""
        told: HealthReport | None = None
        while told is None or told.status != DRAINING:
            report = self.report()
            if report == told:
                await self._serving.health.changed()
            else:
                told = report
                yield report

    def statistics(self) -> Statistics:
        """What the server has had to do."""
        serving, counts = self._serving, self._serving.handlers.counts
        datagrams = [receiver.statistics() for receiver in serving.receivers]
        return Statistics(
            uptime=trio.current_time() - serving.began,
            connections=len(serving.connections),
            connections_total=serving.accepted,
            connections_refused=serving.refusals(),
            connections_cut=dict(counts.cut),
            calls=sum(len(connection.session.callee.calls) for connection in serving.connections),
            calls_total=counts.calls,
            calls_refused=counts.refused,
            calls_shed=dict(serving.budget.refused),
            calls_failed=counts.failed,
            bytes_in_flight=serving.budget.bytes,
            notifications_total=counts.notifications,
            notifications_dropped=dict(serving.handlers.dropped),
            datagrams_dropped=dict(sum((Counter(each.dropped) for each in datagrams), Counter[str]())),
            datagrams_lost=sum(each.lost for each in datagrams),
        )


def add_builtin(serving: Serving, describe: bool | None) -> None:
    """Serve the service ``rpc`` beside the others.

    Args:
        serving: the server; it accepts nothing yet.
        describe: whether all peers may call it, or none; None for those of this host.
    """
    handlers = serving.handlers
    handlers.describe = describe
    if describe is not False:
        handlers.described = Table((*handlers.table.services, builtin))
        handlers.states = {**handlers.states, builtin.name: Account(serving)}


class _Builtin(Service):
    _reserved = ""


builtin = _Builtin("rpc", doc="What this server serves, and how it is.")


@builtin.method(idempotent=True, thread=True)  # 500 methods take a quarter of a second, once
def describe(context: Context[Account], method: str | None = None) -> Description:
    """Tell what is served: methods, their signatures and docs, and JSON Schema of what they take and give.

    With the full name of a method, or of a service, only that is told, with the classes that it needs. This service
    is left out where it is not named.
    """
    description = context.state.description
    if method is None:
        return description
    part = describing.part_of(description, method) or describing.part_of(describing.describe([builtin]), method)
    if part is None:
        names = [each.name for service in description.services for each in service.methods]
        alike = near(method, [*names, *builtin.handles])
        hint = f"; did you mean {' or '.join(alike)}?" if alike else ""
        raise NotFound(f"there is no method or service {quote(method)}{hint}")
    return part


@builtin.method(idempotent=True)
def health(context: Context[Account]) -> HealthReport:
    """Tell how the server is."""
    return context.state.report()


@builtin.method(idempotent=True)
async def watch(context: Context[Account]) -> AsyncIterator[HealthReport]:
    """Stream how the server is: at once, and after each change, until it is about to stop."""
    async for report in context.state.watch():
        yield report


@builtin.method(idempotent=True)
def stats(context: Context[Account]) -> Statistics:
    """Tell what the server has had to do since it began."""
    return context.state.statistics()
