"""Notifications, on the connection or as datagrams: those that have arrived are counted, by the server."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.workload import Client, Measure, Turn
from benchmarks.workloads.measures import rates

__all__ = ["Notifications"]

_BURST = 16  # sent between two looks at the clock
_ROUND = 2000  # sent before the server is asked how many it has: what it has not read lies in buffers


@attrs.frozen
class Notifications:
    datagrams: bool

    @property
    def name(self) -> str:
        return "notifications, UDP" if self.datagrams else "notifications"

    @property
    def measures(self) -> Sequence[Measure]:
        return rates("delivered")

    async def work(self, client: Client, turn: Turn) -> None:
        caller = await client.caller()
        send = caller.send_datagram if self.datagrams else caller.notify
        before = await caller.notified()
        turn.begin()
        while turn.lasts():
            sent = 0
            while turn.lasts() and sent < _ROUND:
                for _ in range(_BURST):
                    await send(59.9)
                sent += _BURST
            turn.count = await caller.notified() - before
        while (count := await caller.notified() - before) > turn.count:
            turn.count = count  # some datagrams were still to be read
