"""Calls that are cancelled while their handlers run; the server counts the handlers that it has stopped.

Between its start and its end another call is made, whose answer tells that the handler is there.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.workload import Client, Measure, Turn
from benchmarks.workloads.measures import rates

__all__ = ["Cancel"]

_LEAST = 8  # cancels in a turn, however short
_PATIENCE = 100  # times to ask whether the last handlers have stopped


@attrs.frozen
class Cancel:
    name: str = "call + cancel"

    @property
    def measures(self) -> Sequence[Measure]:
        return rates("cancels")

    async def work(self, client: Client, turn: Turn) -> None:
        caller = await client.caller()
        before = await caller.cancelled()
        cancels = 0
        turn.begin()
        while turn.lasts() or cancels < _LEAST:
            await caller.cancel()
            cancels += 1
        turn.end()
        for _ in range(_PATIENCE):
            turn.count = await caller.cancelled() - before
            if turn.count == cancels:
                return
        # A handler that was cancelled before it had begun is none that was stopped; most must have been.
        if turn.count < cancels / 2:
            raise RuntimeError(f"of {cancels} cancelled handlers, {turn.count} were stopped")
