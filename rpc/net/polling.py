"""Polling: looking again at once for what comes soon, where that is quicker than waiting for it.

Most of a lone call's latency is the processor going to sleep and being woken. A reader that looks again for a moment
spares that, if its peer runs on another processor; on the same one it keeps the peer from running. Nobody tells
which it is, so both ways are timed, and the quicker is kept. Who knows that the processors have other things to do
turns it off.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

__all__ = ["IN_A_ROW", "Polling"]

_MOST = 100e-6
"""Seconds of one poll: about the time that the peer needs for its turn. With less a lone call was no quicker than by
waiting, with more no better than with this (measured; docs/performance.md has what it gains)."""

_IDLE = 1e-3
"""Seconds of waiting from which a connection counts as idle: it is then waited for, and costs nothing."""

_WEIGHT, _WEIGHT_OF_TRIES = 0.1, 0.3
"""Of the newest time in its average: what is tried seldom must tell soon."""

_ROUND, _LONGEST_ROUND, _TRIES = 64, 1024, 4
"""How often the way that was slower is tried again: a few times in each round, and rounds become longer as long as it
stays the slower one. Rounds that stay short cost each call more than that (docs/performance.md)."""

IN_A_ROW = 16
"""Polls with success behind which a checkpoint must follow: others want to run too."""


class Polling:
    """Two ways to come by the next bytes of one connection, and the average time of each.

    Args:
        is_allowed: False to wait always.
        clock: tells seconds.
    """

    __slots__ = (
        "_clock",
        "_is_allowed",
        "_is_idle",
        "_is_polling",
        "_polled",
        "_round",
        "_since",
        "_turn",
        "_waited",
        "_was_quicker",
    )

    def __init__(self, is_allowed: bool = True, clock: Callable[[], float] = perf_counter) -> None:
        self._is_allowed = is_allowed
        self._clock = clock
        self._polled = 0.0
        self._waited = 0.0
        self._turn = 0
        self._round = _ROUND
        self._was_quicker = True
        self._since = 0.0
        self._is_polling = False
        self._is_idle = True

    def starts(self) -> bool:
        """There is nothing to read now: whether to poll for it, while `goes_on`."""
        if not self._is_allowed:
            return False
        self._since = self._clock()
        is_quicker = self._polled <= self._waited
        self._turn += 1
        if self._turn >= self._round:
            self._turn = 0
            self._round = min(2 * self._round, _LONGEST_ROUND) if is_quicker is self._was_quicker else _ROUND
            self._was_quicker = is_quicker
        self._is_polling = not self._is_idle and is_quicker is (self._turn >= _TRIES)
        return self._is_polling

    def goes_on(self) -> bool:
        """Whether to look once more."""
        return self._clock() - self._since < _MOST

    def arrived(self) -> None:
        """Something was there to read, found by polling or by waiting behind it."""
        if not self._is_allowed:
            return
        seconds = self._clock() - self._since
        self._is_idle = seconds > _IDLE
        if self._is_idle:
            return
        weight = _WEIGHT if self._turn >= _TRIES else _WEIGHT_OF_TRIES
        if self._is_polling:
            self._polled += (seconds - self._polled) * weight
        else:
            self._waited += (seconds - self._waited) * weight
