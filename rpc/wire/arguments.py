"""Arguments that are few and small, as most are, read by hand: the codec is set up anew for each payload.

Whatever is not exactly as it is expected here is left to the codec, and to its judgement.
"""

from __future__ import annotations

import struct
from typing import Any

from rpc.wire.gathering import Gathered
from rpc.wire.heads import UINT_LENGTH, Buffer

__all__ = ["few_arguments"]

_MOST = 64
"""Bytes of a payload that is looked at."""

_FEW = 4
"""Arguments; with more the codec is as quick."""

_ONE_BYTE: dict[int, Any] = {
    **{value: value for value in range(24)},
    **{0x20 + value: -1 - value for value in range(24)},
    0xF4: False,
    0xF5: True,
    0xF6: None,
}
"""Values by the one byte that they are."""

_float = struct.Struct(">d").unpack_from


def few_arguments(payload: Buffer | Gathered, named: bool) -> list[Any] | None:
    """The arguments of a payload that has few, small, and none by name; None for all others.

    Two integers take 0.5 us in place of 1.4, a text and a float 0.8 in place of 1.5 (measured).

    Args:
        payload: ``[*args]``.
        named: whether it is ``[[*args], {}]``.
    """
    if type(payload) is not bytes or not 0 < len(payload) <= _MOST:
        return None
    at, end = 0, len(payload)
    if named:
        at, end = 1, end - 1
        if payload[0] != 0x82 or payload[end] != 0xA0:
            return None
    count = payload[at] - 0x80
    if not 0 <= count <= _FEW:
        return None
    try:
        return _items(payload, at + 1, end, count)
    except (IndexError, UnicodeDecodeError, struct.error):
        return None


def _items(payload: bytes, at: int, end: int, count: int) -> list[Any] | None:
    """So many items from `at` on, if they are small and go to `end`."""
    items: list[Any] = []
    for _ in range(count):
        head = payload[at]
        if head in _ONE_BYTE:
            items.append(_ONE_BYTE[head])
            at += 1
        elif 0x60 <= head < 0x78:
            start, at = at + 1, at + head - 0x5F
            items.append(payload[start:at].decode())
        elif head == 0xFB:
            items.append(_float(payload, at + 1)[0])
            at += 9
        elif head in UINT_LENGTH:
            start, at = at + 1, at + UINT_LENGTH[head]
            items.append(int.from_bytes(payload[start:at], "big"))
        else:
            return None
    return items if at == end else None
