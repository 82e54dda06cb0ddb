"""Health: what an application says of itself, and what its server tells of that."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import trio

from rpc.service.service import Service

__all__ = ["DRAINING", "SERVING", "Condition", "Health", "HealthReport"]

SERVING = "serving"
DRAINING = "draining"


@attrs.frozen
class Condition:
    """How one thing is.

    Attributes:
        status: ``serving``, ``draining``, or whatever word the application has for it.
        message: more about it, for a person; may be empty.
    """

    status: str
    message: str = ""


@attrs.frozen(kw_only=True)
class HealthReport:
    """How a server is.

    Attributes:
        status, message: of the server, see `Condition`.
        services: the condition of each service, by its name; that of the server where nothing else was said.
    """

    status: str
    message: str
    services: dict[str, Condition]


class Health:
    """What an application says of itself; a new one says ``serving``.

    Give it to a server and change it whenever something changes::

        health = rpc.Health()
        await rpc.serve(calc, "unix:/run/calc.sock", health=health)
        ...
        health.set("degraded", "the disk is full")
        health.set("serving")

    Peers ask for it with ``rpc.health``, and stream ``rpc.watch`` for its changes. A server that is told to stop says
    ``draining`` by itself. It belongs to the task that serves: from a thread, call it by `trio.from_thread.run_sync`.
    """

    def __init__(self) -> None:
        self._condition = Condition(SERVING)
        self._services: dict[str, Condition] = {}
        self._watchers = trio.lowlevel.ParkingLot()

    def __repr__(self) -> str:
        return f"<Health: {self._condition.status}>"

    def set(self, status: str, message: str = "", *, service: Service | str | None = None) -> None:
        """Say how things are, until something else is said.

        Args:
            status: one word: ``serving``, or one of the application's own, ``degraded`` for example.
            message: more about it, for a person.
            service: what it is said of, a service or its name; None for the server, and for all services of which
                nothing else was said.

        Raises:
            ValueError: the status is empty.
        """
        if not status:
            raise ValueError("a status is a word, such as 'serving' or 'degraded'")
        condition = Condition(status, message)
        if service is None:
            self._condition = condition
        else:
            self._services[service.name if isinstance(service, Service) else service] = condition
        self.wake()

    def report(self, services: Iterable[str], *, is_draining: bool = False) -> HealthReport:
        """What a server of these services tells now; a server that drains has nothing else to say of any."""
        own, said = self._condition, self._services
        if is_draining:
            own, said = Condition(DRAINING, "the server is stopping"), {}
        conditions = {name: said.get(name, own) for name in (*services, *said)}
        return HealthReport(status=own.status, message=own.message, services=conditions)

    def wake(self) -> None:
        """Let those who wait for a change look again."""
        self._watchers.unpark_all()

    async def changed(self) -> None:
        """Wait until something was said, the same as before perhaps."""
        await self._watchers.park()
