"""The budget: what all connections of one server, or the one of a client, may hold together.

Calls are counted as they open and end. Bytes are not: each connection measures what it holds now and then, behind each
16 KiB that went through it. So nothing has to be given back, and nothing that somebody forgets to give back is lost for
good; and who holds less than that much is not worth the counting.
"""

from __future__ import annotations

import collections
from collections.abc import Callable

from rpc.limits import Limits

__all__ = ["STEP", "Budget", "Share"]

STEP = 16_384
"""Bytes that may go through a connection, or stay in it, unmeasured."""


class Budget:
    """What is held by all, and who was refused for it.

    Args:
        limits: how much that may be.
        parts: how many connections, each with a whole share, use it up.

    Attributes:
        calls: those that are open.
        bytes: what the connections hold, as each has measured it last.
        max_calls, max_bytes: how many there may be.
        max_share: bytes that one connection may hold: its part, but never less than two of the largest messages.
        ease: bytes up to which there is room for everybody, whoever holds them.
        refused: calls that were refused, by the name of the limit.
    """

    __slots__ = ("bytes", "calls", "ease", "max_bytes", "max_calls", "max_share", "refused")

    def __init__(self, limits: Limits, parts: int = 1) -> None:
        self.calls = 0
        self.bytes = 0
        self.max_calls = limits.max_calls_total
        self.max_bytes = limits.max_bytes_in_flight
        self.max_share = max(self.max_bytes // parts, 2 * limits.max_message)
        self.ease = min(self.max_bytes, self.max_share)
        self.refused: collections.Counter[str] = collections.Counter()


class Share:
    """What one connection holds of a budget.

    Attributes:
        budget: the whole.
        held: bytes, as measured last.
    """

    __slots__ = ("_measure", "_passed", "budget", "held")

    def __init__(self, budget: Budget, measure: Callable[[], int]) -> None:
        self.budget = budget
        self.held = 0
        self._passed = 0
        self._measure = measure

    def is_over(self, more: int = 0) -> bool:
        """Whether this connection, or all together, held too much when they last measured.

        Where it is all of them, who holds next to nothing, also with so many bytes `more`, is not meant: a few that
        hold much must not keep the others from small talk.
        """
        budget = self.budget
        return self.held > budget.max_share or (budget.bytes > budget.max_bytes and self.held + more > STEP)

    @property
    def excess(self) -> str:
        """What is too much, for who is refused because of it."""
        budget = self.budget
        if self.held > budget.max_share:
            return f"max_bytes_in_flight: {self.held} bytes are held for this connection"
        return f"max_bytes_in_flight: {budget.bytes} bytes are held for all connections"

    def is_full(self, more: int = 0) -> bool:
        """As `is_over`; where that seems so, it is measured first."""
        if not self.is_over(more):
            return False
        self.renew()
        return self.is_over(more)

    def note(self, size: int) -> None:
        """So many bytes have come or were made: measure behind each `STEP` of them."""
        self._passed += size
        if self._passed >= STEP:
            self.renew()

    def renew(self) -> None:
        """Measure."""
        self._passed = 0
        held = self._measure()
        self.budget.bytes += held - self.held
        self.held = held

    def end(self) -> None:
        """The connection has ended."""
        self._measure = int
        self.renew()
