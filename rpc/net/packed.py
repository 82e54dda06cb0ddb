"""Items that have arrived and were not taken, packed.

Their number is bounded by the window of the session alone, and a Python object for each of 131,072 two-byte items
would be twenty times their size. So the small ones are kept in one buffer.
"""

from __future__ import annotations

import collections

from rpc.wire.gathering import Arrived

__all__ = ["Packed"]

_LARGE = 4096
"""Bytes from which an item stays an object of its own: it is copied no more, and its object weighs nothing."""


class Packed:
    """Byte strings in the order of their arrival, without an object for each small one."""

    __slots__ = ("_data", "_items", "_start")

    def __init__(self) -> None:
        self._data = bytearray()
        self._items: collections.deque[int | Arrived] = collections.deque()
        self._start = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Arrived) -> None:
        """Add an item at the end."""
        size = len(item)
        if size >= _LARGE:
            self._items.append(item)
        else:
            self._data += bytes(item)
            self._items.append(size)

    def take(self) -> Arrived:
        """Take the first item."""
        first = self._items.popleft()
        if not isinstance(first, int):
            return first
        end = self._start + first
        item = bytes(self._data[self._start : end])
        if end == len(self._data):
            self._data.clear()
            self._start = 0
        elif end > 65536 and 2 * end > len(self._data):
            del self._data[:end]
            self._start = 0
        else:
            self._start = end
        return item
