"""A walk over one CBOR item that knows the rules of structure of protocol section 8.

It takes longer than decoding with cbor2, and is meant for what cbor2 refused, to tell what broke, and for what it
must not see unchecked: maps with other keys than text, whose hashes can be made to collide.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from rpc.wire.heads import ARRAY, BYTES, HOPS, MAP, TAG, TEXT, ProfileError, read_head, refuse_simple

__all__ = ["scan"]

_SET_TAG: Final = 258

_SCALAR_HOPS: Final = tuple(0 if head >> 5 in (ARRAY, MAP, TAG) else hop for head, hop in enumerate(HOPS))
_KEY_HOPS: Final = tuple(hop if head >> 5 <= TEXT else 0 for head, hop in enumerate(HOPS))
"""As `HOPS`, and 0 where the item is no scalar, or nothing that may be hashed."""


def scan(data: bytes, tags: Container[int], max_depth: int) -> None:
    """Check that `data` is one item that keeps the rules.

    What is left to the decoder: UTF-8, doubled keys, and what tags hold.

    Raises:
        ProfileError: names the first rule that is broken, and the byte where.
    """
    walk = _Walk(data, tags, max_depth)
    try:
        walk.items(1, 0)
        end = walk.position
    except IndexError:
        end = len(data) + 1
    if end > len(data):
        raise ProfileError(f"byte {len(data)}: the data ends too early")
    if end < len(data):
        raise ProfileError(f"byte {end}: bytes follow the end of the item")


class _Walk:
    """Where the walk is. `depth` counts the levels around the items that a method goes over."""

    def __init__(self, data: bytes, tags: Container[int], max_depth: int) -> None:
        self.data = data
        self.tags = tags
        self.max_depth = max_depth
        self.position: int = 0

    def items(self, count: int, depth: int) -> None:
        for _ in range(count):
            hop = _SCALAR_HOPS[self.data[self.position]]
            if hop:
                self.position += hop
            else:
                self.item(depth)

    def item(self, depth: int) -> None:
        start = self.position
        major, argument, self.position = read_head(self.data, start)
        if major in (BYTES, TEXT):
            self.position += argument
        elif major == ARRAY:
            self.items(argument, self.deeper(depth, start))
        elif major == MAP:
            depth = self.deeper(depth, start)
            for _ in range(argument):
                self.keys(1, "a map key")
                self.items(1, depth)
        elif major == TAG:
            self.tagged(argument, self.deeper(depth, start), start)
        else:
            refuse_simple(argument, start)

    def deeper(self, depth: int, start: int) -> int:
        if depth >= self.max_depth:
            raise ProfileError(f"byte {start}: more than {self.max_depth} levels")
        return depth + 1

    def tagged(self, tag: int, depth: int, start: int) -> None:
        if tag not in self.tags:
            raise ProfileError(f"byte {start}: tag {tag} is not allowed here")
        if tag != _SET_TAG:
            self.items(1, depth)
            return
        start = self.position
        major, count, self.position = read_head(self.data, start)
        if major != ARRAY:
            raise ProfileError(f"byte {start}: tag {_SET_TAG} holds no array")
        self.deeper(depth, start)
        self.keys(count, "a set member")

    def keys(self, count: int, role: str) -> None:
        for _ in range(count):
            start = self.position
            hop = _KEY_HOPS[self.data[start]]
            if hop:
                self.position += hop
                continue
            major, argument, self.position = read_head(self.data, start)
            if major not in (BYTES, TEXT):
                raise ProfileError(f"byte {start}: {role} that is no text, byte string or integer")
            self.position += argument
