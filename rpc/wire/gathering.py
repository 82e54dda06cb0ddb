"""Gathering: a payload that comes in fragments, and the large byte string that it may end with.

Of all that is done with a megabyte, nothing costs as much as memory that the system has to give anew: 0.7 ms, where
the copy itself takes 0.1. So such a string is gathered where it stays. Joined first and copied out afterwards, it
took 3 to 5 times as long (measured, 1 and 16 MiB).
"""

from __future__ import annotations

from io import BytesIO
from typing import TypeAlias

from rpc.limits import MAX_ITEMS
from rpc.wire.heads import BYTES, Buffer, ProfileError, check_items, read_head

__all__ = ["Arrived", "Gathered", "Parts", "arrived"]


class Gathered:
    """A whole payload, the byte string that it ends with apart.

    Attributes:
        start: all of the payload before the content of that string.
        last: where in `start` its head begins.
        content: what came behind `start`.
    """

    __slots__ = ("content", "last", "start")

    def __init__(self, start: bytes, last: int, content: bytes) -> None:
        self.start = start
        self.last = last
        self.content = content

    def __len__(self) -> int:
        return len(self.start) + len(self.content)

    def __bytes__(self) -> bytes:
        return self.start + self.content

    def __eq__(self, other: object) -> bool:
        return bytes(self) == bytes(other) if isinstance(other, Gathered | bytes) else NotImplemented

    def __hash__(self) -> int:
        return hash(bytes(self))

    @property
    def is_fitting(self) -> bool:
        """Whether the content is as long as the head says."""
        return read_head(self.start, self.last)[1] == len(self.content)


Arrived: TypeAlias = bytes | Gathered
"""A payload as it has arrived."""


def arrived(payload: Buffer) -> Arrived:
    """A payload that came in one piece, whose space will be used again."""
    if isinstance(payload, bytes):
        return payload
    start, last = _opening(payload)
    return Gathered(start, last, bytes(payload[len(start) :])) if start else bytes(payload)


class Parts:
    """The fragments of one payload on their way in.

    Attributes:
        size: bytes that have come.
    """

    __slots__ = ("_content", "_last", "_start", "held", "size")

    def __init__(self) -> None:
        self.size = 0
        self.held = 0
        """Bytes that are kept: none of a payload that nobody will take."""
        self._start = b""
        self._last = 0
        self._content = BytesIO()

    def add(self, piece: Buffer) -> None:
        """Take the next fragment; nothing of its own space is kept."""
        if not self.size:
            self._start, self._last = _opening(piece)
            self._content.write(memoryview(piece)[len(self._start) :])
        else:
            self._content.write(piece)
        self.size += len(piece)
        self.held += len(piece)

    def join(self) -> Arrived:
        """The payload, once the last fragment was added."""
        content = self._content.getvalue()
        return Gathered(self._start, self._last, content) if self._start else content

    def forget(self) -> None:
        """Keep nothing of what has come: nobody will take it."""
        self._start = b""
        self._content = BytesIO()
        self.held = 0


def _opening(piece: Buffer) -> tuple[bytes, int]:
    """Of a first piece that ends with a byte string, or within one: all before its content, and where its head begins.

    Nothing where it ends otherwise, or is wrong: the payload will be judged when it is whole.
    """
    try:
        last = check_items(piece, MAX_ITEMS)
        major, size, start = read_head(piece, last)
    except (ProfileError, IndexError):
        return b"", 0
    if major != BYTES or start + size < len(piece):
        return b"", 0
    return bytes(piece[:start]), last
