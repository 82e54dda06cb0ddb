"""A walk over one CBOR item that knows every rule of structure of protocol section 8.

It takes several times as long as decoding with cbor2, and is meant for what cbor2 refused, to tell what broke, and
for what it must not see unchecked: maps with other keys than text, whose hashes can be made to collide.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from rpc.wire.heads import (
    ARRAY,
    BYTES,
    MAP,
    NEGATIVE,
    SIMPLE_HEADS,
    TAG,
    TEXT,
    UINT,
    ProfileError,
    read_head,
    refuse_simple,
)

__all__ = ["scan"]

_SET_TAG: Final = 258


def scan(data: bytes, tags: Container[int], max_depth: int, max_items: int) -> None:
    """Check that `data` is one item that keeps the rules; what tags hold and doubled keys are left to the decoder.

    Raises:
        ProfileError: names the first rule that is broken, and the byte where.
    """
    walk = _Walk(data, tags, max_depth, max_items)
    try:
        walk.item(0)
    except IndexError:
        raise ProfileError(f"byte {len(data)}: the data ends too early") from None
    if walk.position < len(data):
        raise ProfileError(f"byte {walk.position}: bytes follow the end of the item")


class _Walk:
    """Where the walk is. Each method goes over one item; `depth` counts the levels around it."""

    def __init__(self, data: bytes, tags: Container[int], max_depth: int, max_items: int) -> None:
        self.data = data
        self.tags = tags
        self.max_depth = max_depth
        self.max_items = self.items_left = max_items
        self.position = 0

    def item(self, depth: int) -> None:
        start = self.position
        major, argument = self.head()
        if major in (UINT, NEGATIVE):
            return
        if major in (BYTES, TEXT):
            self.string(major, argument)
        elif major in (ARRAY, MAP, TAG):
            if depth >= self.max_depth:
                raise ProfileError(f"byte {start}: more than {self.max_depth} levels")
            self.container(major, argument, depth + 1, start)
        elif self.data[start] not in SIMPLE_HEADS:
            refuse_simple(argument, start)

    def head(self) -> tuple[int, int]:
        self.items_left -= 1
        if self.items_left < 0:
            raise ProfileError(f"more than {self.max_items} items")
        major, argument, self.position = read_head(self.data, self.position)
        return major, argument

    def string(self, major: int, size: int) -> None:
        start = self.position
        self.position = end = start + size
        if end > len(self.data):
            raise IndexError
        if major == TEXT:
            try:
                self.data[start:end].decode()
            except UnicodeDecodeError as error:
                raise ProfileError(f"byte {start + error.start}: text that is not UTF-8") from None

    def container(self, major: int, argument: int, depth: int, start: int) -> None:
        if major == ARRAY:
            for _ in range(argument):
                self.item(depth)
        elif major == MAP:
            for _ in range(argument):
                self.hashable("a map key")
                self.item(depth)
        elif argument not in self.tags:
            raise ProfileError(f"byte {start}: tag {argument} is not allowed here")
        elif argument == _SET_TAG:
            self.members(depth)
        else:
            self.item(depth)

    def members(self, depth: int) -> None:
        """The array that tag 258 holds."""
        start = self.position
        major, argument = self.head()
        if major != ARRAY:
            raise ProfileError(f"byte {start}: tag {_SET_TAG} holds no array")
        if depth >= self.max_depth:
            raise ProfileError(f"byte {start}: more than {self.max_depth} levels")
        for _ in range(argument):
            self.hashable("a set member")

    def hashable(self, role: str) -> None:
        """A map key or set member: no others than these are hashed before they are looked at."""
        start = self.position
        major, argument = self.head()
        if major in (BYTES, TEXT):
            self.string(major, argument)
        elif major not in (UINT, NEGATIVE):
            raise ProfileError(f"byte {start}: {role} that is no text, byte string or integer")
