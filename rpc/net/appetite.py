"""How much is read at once from one peer, so that all others have their turn soon.

What is read at once is acted on at once. Of items of a stream a quarter of a MiB takes a few milliseconds; of the
smallest notifications it took 270 (measured), in which nobody else was served.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Appetite"]

T = TypeVar("T")

_TURN = 0.005
"""Seconds that one turn should take."""

_LEAST = 4096
"""Bytes that are always read at once: a read costs something, too."""


class Appetite:
    """What one peer is given.

    Args:
        least: bytes that its link must be able to give at once.
    """

    __slots__ = ("_least", "_size")

    def __init__(self, least: int = _LEAST) -> None:
        self._least = max(least, _LEAST)
        self._size: int | None = None

    def of(self, space: memoryview) -> memoryview:
        """The part of `space` to be read into now."""
        return space if self._size is None else space[: self._size]

    def eat(self, handle: Callable[[T], None], what: T, count: int) -> None:
        """Act on `count` bytes that were read, and see how long that takes; of few it says nothing."""
        if count < self._least:
            handle(what)
            return
        start = time.perf_counter()
        handle(what)
        took = time.perf_counter() - start
        self._size = max(self._least, int(count * _TURN / took)) if took > _TURN or self._size is not None else None
