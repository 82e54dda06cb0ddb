"""Items that have arrived and were not taken, packed.

Their number is bounded by the window of the session alone, and a Python object for each of 131,072 two-byte items
would be twenty times their size. So the small ones are kept in one buffer.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

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

    def put_all(self, items: Sequence[bytes]) -> None:
        """Add small items at the end."""
        self._data += b"".join(items)
        self._items.extend(map(len, items))

    def take(self) -> Arrived:
        """Take the first item."""
        [item] = self.take_some(1)
        return item

    def take_some(self, most: int) -> list[Arrived]:
        """Take the first items: one that is large, or small ones, at most so many and 8 KiB; there must be one."""
        first = self._items.popleft()
        if not isinstance(first, int):
            return [first]
        data, items = self._data, self._items
        start = self._start
        end = start + first
        taken: list[Arrived] = [bytes(data[start:end])]
        full = start + _LARGE
        while len(taken) < most and items and end < full:
            size = items[0]
            if not isinstance(size, int):
                break
            items.popleft()
            start, end = end, end + size
            taken.append(bytes(data[start:end]))
        if end == len(data):
            data.clear()
            self._start = 0
        elif end > 65536 and 2 * end > len(data):
            del data[:end]
            self._start = 0
        else:
            self._start = end
        return taken
