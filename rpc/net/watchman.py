"""The watchman: looks after idle connections, for signs of life and for use, in one task for all of them.

A task for each would be three KiB of memory for each, which is as much as half of what an idle connection costs.
"""

from __future__ import annotations

import heapq
import itertools
import math

import trio

from rpc.errors import Reason
from rpc.net.host import Host
from rpc.net.waiting import Sleeper

__all__ = ["Watch", "Watchman"]

_LOOKS = 20
"""How often in its time an idle connection is looked at: it lives a twentieth longer at most."""

_TOKEN = 0
"""Of the pings that ask for a sign of life: whatever comes is one, so nobody looks for the answer."""

_BATCH = 64
"""Connections that are looked at before others get their turn: each may be sent a ping."""

_FEW = 64
"""Watches that are over and may stay in the list until their time comes, beside as many as are not over."""


class Watch:
    """What is seen of one connection, from its greeting to its end.

    A peer that has been silent is pinged, and the connection is ended when it stays so; any byte counts as life. A
    connection on which nothing but pings has happened for a while is ended, too, where that is wanted.
    """

    __slots__ = ("_asked_at", "_connection", "_interval", "_reads", "_since", "_uses")

    def __init__(self, connection: Host, interval: float) -> None:
        self._connection: Host | None = connection
        self._interval = interval
        self._asked_at: float | None = None
        self._reads = 0
        self._uses = connection.session.uses
        self._since = trio.current_time()

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended."""
        return self._connection is None

    def end(self) -> None:
        """The connection has ended: let go of it."""
        self._connection = None

    def look(self, now: float) -> float:
        """Look, do what is to be done, and tell when to look again; infinity is never."""
        connection = self._connection
        if connection is None:
            return math.inf
        try:
            return min(self._look_for_life(connection, now), self._look_for_use(connection, now))
        except Exception:
            connection.fail()
            return math.inf

    def _look_for_life(self, connection: Host, now: float) -> float:
        timeout = connection.limits.keepalive_timeout
        if self._asked_at is not None and connection.reads == self._reads:
            dead = self._asked_at + timeout
            if now < dead:
                return dead
            connection.end(f"no sign of life for {self._interval + timeout:g} s")
            return math.inf
        self._asked_at = None
        due = connection.heard_at + self._interval
        if now < due:
            return due
        self._asked_at, self._reads = now, connection.reads
        connection.session.ping(_TOKEN)
        connection.flush()
        return now + min(self._interval, timeout)

    def _look_for_use(self, connection: Host, now: float) -> float:
        seconds, uses = connection.limits.idle_timeout, connection.session.uses
        if seconds is None:
            return math.inf
        if uses != self._uses or not connection.is_quiet:
            self._uses, self._since = uses, now
        elif now >= self._since + seconds:
            connection.abort(Reason.TOO_SLOW, f"nothing has happened for {seconds:g} s")
            return math.inf
        return min(self._since + seconds, now + seconds / _LOOKS)


class Watchman:
    """Keeps the watches of a group of connections; its one task is there while there are any."""

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._due: list[tuple[float, int, Watch]] = []
        self._over = 0
        self._numbers = itertools.count()
        self._sleeper = Sleeper()
        self._is_running = False

    def start(self, nursery: trio.Nursery) -> None:
        """Look from now on, with a task in this nursery; watches have only waited until now."""
        self._nursery = nursery
        self._run_if_needed()

    def stop(self) -> None:
        """The nursery is over; what is watched is looked at when there is another."""
        self._nursery = None

    def watch(self, connection: Host) -> Watch | None:
        """Look after a connection that has greeted; None where there is nothing to look after.

        Who is watched must be told of to `forget` at its end.
        """
        limits = connection.limits
        interval = math.inf
        if connection.peer.transport not in ("unix", "memory"):  # there the kernel, or nobody, tells
            assert connection.settings is not None
            interval = max(limits.keepalive, connection.settings.min_ping / 1000)
        elif limits.idle_timeout is None:
            return None
        watch = Watch(connection, interval)
        self._look_at(watch, trio.current_time())
        if self._is_running and self._due and self._due[0][2] is watch:
            self._sleeper.wake()
        self._run_if_needed()
        return watch

    def forget(self, watch: Watch) -> None:
        """A connection has ended."""
        watch.end()
        self._over += 1
        if self._over >= len(self._due) or 2 * self._over > len(self._due) + _FEW:
            self._due = [entry for entry in self._due if not entry[2].is_over]
            heapq.heapify(self._due)
            self._over = 0
            if not self._due:
                self._sleeper.wake()  # its task has nothing to do any more

    def _run_if_needed(self) -> None:
        if self._due and not self._is_running and self._nursery is not None:
            self._is_running = True
            self._nursery.start_soon(self._run)

    def _look_at(self, watch: Watch, now: float) -> None:
        when = watch.look(now)
        if when != math.inf:
            heapq.heappush(self._due, (when, next(self._numbers), watch))

    async def _run(self) -> None:
        """Look at each connection when its time has come, until none is left."""
        try:
            while self._due:
                with trio.move_on_at(self._due[0][0]):
                    await self._sleeper.sleep()
                await self._look_at_due()
        finally:
            self._is_running = False

    async def _look_at_due(self) -> None:
        for count in itertools.count(1):
            now = trio.current_time()
            if not self._due or self._due[0][0] > now:
                return
            _, _, watch = heapq.heappop(self._due)
            if watch.is_over:
                self._over -= 1
            else:
                self._look_at(watch, now)
            if not count % _BATCH:
                await trio.lowlevel.checkpoint()
