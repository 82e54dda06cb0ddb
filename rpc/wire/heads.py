"""The heads of CBOR items (RFC 8949, section 3), written and read without building a value."""

from __future__ import annotations

import struct
from itertools import repeat
from typing import Final, NoReturn, TypeAlias

__all__ = [
    "ARRAY",
    "BYTES",
    "HOPS",
    "MAP",
    "NEGATIVE",
    "SIMPLE",
    "SIMPLE_HEADS",
    "TAG",
    "TEXT",
    "UINT",
    "UINT_LENGTH",
    "Buffer",
    "ProfileError",
    "check_items",
    "read_head",
    "refuse_simple",
    "skip",
    "write_head",
]

Buffer: TypeAlias = bytes | bytearray | memoryview

UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
"""The major types: the three upper bits of a head."""

SIMPLE_HEADS: Final = frozenset({0xF4, 0xF5, 0xF6, 0xF9, 0xFA, 0xFB})
"""Of major type 7 the profile allows false, true, null, and the floats of three widths."""


class ProfileError(ValueError):
    """The bytes break the CBOR profile. The message is short and safe to show: what a peer sent is escaped and cut."""


UINT_LENGTH: Final = {0x18: 2, 0x19: 3, 0x1A: 5, 0x1B: 9}
"""How long an unsigned integer is, its head included, by its first byte; those below 24 are that byte."""

_BYTE: Final = tuple(bytes((value,)) for value in range(256))
_pack_8: Final = struct.Struct(">BB").pack
_pack_16: Final = struct.Struct(">BH").pack
_pack_32: Final = struct.Struct(">BI").pack
_pack_64: Final = struct.Struct(">BQ").pack


def write_head(major: int, argument: int) -> bytes:
    """The shortest head with this argument, which is less than 2^64."""
    major <<= 5
    if argument < 24:
        return _BYTE[major | argument]
    if argument < 0x100:
        return _pack_8(major | 24, argument)
    if argument < 0x10000:
        return _pack_16(major | 25, argument)
    if argument < 0x100000000:
        return _pack_32(major | 26, argument)
    return _pack_64(major | 27, argument)


def read_head(data: Buffer, position: int) -> tuple[int, int, int]:
    """The major type and the argument of the head at `position`, and where it ends.

    Raises:
        ProfileError: an indefinite length, or a head that RFC 8949 reserves.
        IndexError: the data ends inside the head.
    """
    head = data[position]
    info = head & 31
    start = position + 1
    if info < 24:
        return head >> 5, info, start
    if info > 27:
        raise ProfileError(f"byte {position}: {'an indefinite length' if info == 31 else 'a reserved head'}")
    end = start + (1 << (info - 24))
    data[end - 1]  # a slice would be short without a word
    return head >> 5, int.from_bytes(data[start:end], "big"), end


def skip(data: Buffer, position: int) -> int:
    """Where the item that begins at `position` ends.

    Raises:
        ProfileError: as `read_head`.
        IndexError: the data ends inside the item; perhaps not where that is inside its last string.
    """
    left = 1
    while left:
        major, argument, position = read_head(data, position)
        left -= 1
        if major in (BYTES, TEXT):
            position += argument
        elif major in (ARRAY, MAP):
            left += argument * (major - ARRAY + 1)
        elif major == TAG:
            left += 1
    return position


def _hop(head: int) -> int:
    major, info = head >> 5, head & 31
    if info > 27:
        return 0
    width = 0 if info < 24 else 1 << (info - 24)
    if major in (BYTES, TEXT):
        return 0 if width else 1 + info
    if major == SIMPLE and head not in SIMPLE_HEADS:
        return 0
    return 1 + width


HOPS: Final = tuple(map(_hop, range(256)))
"""From each head to the next; 0 where that needs a closer look."""


def check_items(data: Buffer, max_items: int) -> int:
    """Count the items of `data`, one for each head, and give back where the last one begins.

    cbor2 has no such limit, and a megabyte of empty lists becomes 73 of memory. Whether the items fit together is
    not looked at.

    Raises:
        ProfileError: more than `max_items`, or a head or simple value that the profile does not allow.
    """
    last = position = 0
    try:
        for _ in repeat(None, max_items + 1):
            hop = HOPS[data[position]] or _look_closer(data, position)
            last = position
            position += hop
    except IndexError:
        return last
    raise ProfileError(f"more than {max_items} items")


def _look_closer(data: Buffer, position: int) -> int:
    major, argument, end = read_head(data, position)
    if major == SIMPLE:
        refuse_simple(argument, position)
    return end - position + argument


def refuse_simple(value: int, position: int) -> NoReturn:
    """Say that a simple value is none of those that the profile allows."""
    raise ProfileError(f"byte {position}: simple value {value}{' (undefined)' if value == 23 else ''}")
