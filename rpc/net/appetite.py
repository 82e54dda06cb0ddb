"""How much is read at once from one peer, so that all others have their turn soon.

What is read at once is acted on at once. A quarter of a MiB of the smallest notifications took 270 milliseconds
(measured), in which nobody else was served. Where there is nobody else, as much as there is is read: of the smallest
items of a stream, smaller reads cost up to a third of the pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Appetite"]

T = TypeVar("T")

_TURN = 0.01
"""Seconds that one turn should take."""

_LARGE = 65_536
"""Bytes of a frame from which it is no item of a stream, of which many are to be read at once."""

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

    def of(self, space: memoryview, wanted: int = 0, *, is_shared: bool) -> memoryview:
        """The part of `space` to be read into now, all of it where that is not shared with other peers.

        Little behind a frame of which many bytes are `wanted`: it is mostly followed by another fragment, which has a
        place of its own as soon as its head was read.
        """
        if wanted > _LARGE:
            return space[: self._least]
        return space[: self._size] if is_shared and self._size is not None else space

    def eat(self, handle: Callable[[T], None], what: T, count: int) -> None:
        """Act on `count` bytes that were read, and see how long that takes; of few it says nothing."""
        if count < self._least:
            handle(what)
            return
        start = time.perf_counter()
        handle(what)
        took = time.perf_counter() - start
        self._size = max(self._least, int(count * _TURN / took)) if took > _TURN or self._size is not None else None
