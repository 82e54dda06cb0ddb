"""Frames of the usual shapes, read by hand: without the codec, which sees each byte of a frame, and knows none.

A short CALL, the shortest DATA and REPLY, and a DATA or REPLY that ends with a long payload. Whatever is not exactly as
it is expected here is left to the codec, and to its judgement.
"""

from __future__ import annotations

from typing import Any

from rpc.wire.heads import BYTES, TEXT, UINT, Buffer
from rpc.wire.heads import write_head as head

__all__ = [
    "CALLS",
    "LONG",
    "SHORT",
    "SIZES",
    "long_fields",
    "long_head",
    "remember",
    "remember_notification",
    "short_fields",
]

Fields = list[Any]

SHORT = 256
"""Bytes below which a frame may be a short one."""

LONG = 65_545
"""Bytes from which it may be a long one: the head of its payload has five, as of all from 64 KiB."""

_LONG_HEAD = 13
"""Bytes that the head of a long one never exceeds."""

CALLS = 1024
"""Methods, with their flags, that are known from calls before; one more, and all are forgotten."""

_BEHIND_ID = {0x18: 4, 0x19: 5, 0x1A: 7}
"""Where a frame goes on behind its id, by the head of that; 3 for those below 24."""

_UINTS = {0x18: 2, 0x19: 3, 0x1A: 5}
"""How long a timeout is, by its head; 1 for those below 24."""

_NULL = 0xF6

SIZES = [head(BYTES, size) for size in range(SHORT)]
"""The head of a short payload, by its size."""

_SHORT_HEADS = [b"\0" + size for size in SIZES]
"""What stands between id and payload where no flag is set, for each size of the payload."""

_FLAGS = {2: (0, 1, 2), 3: (0, 1)}
"""The flags of a DATA and of a REPLY."""

_called: dict[bytes, tuple[int, str]] = {}
"""Flags and method of CALLs, by the bytes that both are."""

_notified: dict[bytes, str] = {}
"""Methods of NOTIFYs, by the item that each is."""


def short_fields(body: bytes) -> Fields | None:
    """The fields of a short CALL, DATA or REPLY with the shortest heads; else None.

    A call takes 1.2 us in place of 2.0, an item or a result 0.6 in place of 2.7 (measured).
    """
    if len(body) < 5:
        return None
    at = _BEHIND_ID.get(body[2], 3)
    id = body[2] if at == 3 else int.from_bytes(body[3:at], "big")
    if not id or body[2] > 0x1A:
        return _notify_fields(body) if body[:2] == b"\x84\x07" else None
    if body[0] == 0x87 and body[1] == 1:
        return _call_fields(body, id, at)
    if body[0] != 0x84 or not 2 <= body[1] <= 3:
        return None
    start = at + (2 if len(body) < at + 26 else 3)
    payload = body[start:]
    return [body[1], id, 0, payload] if body[at:start] == _SHORT_HEADS[len(payload)] else None


def _call_fields(body: bytes, id: int, at: int) -> Fields | None:
    """The fields of a CALL of a method that is known, without metadata; `at` is where it goes on behind its id."""
    end = _end_of_method(body, at)
    known = _called.get(body[at:end])
    if known is None or len(body) < end + 3:
        return None
    first = body[end]
    if first == _NULL:
        timeout, end = None, end + 1
    elif first < 0x1B:
        size = _UINTS.get(first, 1)
        timeout = first if size == 1 else int.from_bytes(body[end + 1 : end + size], "big")
        end += size
    else:
        return None
    start = end + (2 if len(body) < end + 26 else 3)
    payload = body[start:]
    if body[end : end + 1] != b"\xf6" or body[end + 1 : start] != SIZES[len(payload)]:
        return None
    return [1, id, known[0], known[1], timeout, None, payload]


def _end_of_method(body: bytes, at: int) -> int:
    """Where the method of a CALL ends, if its flags, of one byte, stand at `at`."""
    if len(body) < at + 3:
        return at
    size = body[at + 1]
    return at + 3 + body[at + 2] if size == 0x78 else at + 2 + (size & 0x1F)


def _notify_fields(body: bytes) -> Fields | None:
    """The fields of a NOTIFY of a method that is known, without metadata."""
    end = 4 + body[3] if body[2] == 0x78 else 3 + (body[2] & 0x1F)
    method = _notified.get(body[2:end])
    start = end + (2 if len(body) < end + 26 else 3)
    payload = body[start:]
    if method is None or body[end : end + 1] != b"\xf6" or body[end + 1 : start] != SIZES[len(payload)]:
        return None
    return [7, method, None, payload]


def remember_notification(method: str) -> None:
    """Know the method of a NOTIFY that the codec has read from the next one on."""
    encoded = method.encode()
    if len(_notified) >= CALLS:
        _notified.clear()
    _notified[head(TEXT, len(encoded)) + encoded] = method


def remember(flags: int, method: str) -> None:
    """Know the method of a CALL that the codec has read, with its flags, from the next one on."""
    if flags < 24:
        encoded = method.encode()
        if len(_called) >= CALLS:
            _called.clear()
        _called[head(UINT, flags) + head(TEXT, len(encoded)) + encoded] = flags, method


def long_fields(body: Buffer) -> Fields | None:
    """The fields of a long DATA or REPLY, whose payload is a view on the body: it is copied by who keeps it."""
    begun = long_head(body, len(body))
    if begun is None:
        return None
    fields, start = begun
    fields[3] = memoryview(body)[start:]
    return fields


def long_head(begun: Buffer, size: int) -> tuple[Fields, int] | None:
    """Of a long DATA or REPLY of `size` bytes that has only begun, all fields but the payload, and where that is."""
    if len(begun) < _LONG_HEAD or begun[0] != 0x84 or not 2 <= begun[1] <= 3:
        return None
    at = _BEHIND_ID.get(begun[2], 3)
    id = begun[2] if at == 3 else int.from_bytes(begun[3:at], "big")
    flags, start = begun[at], at + 6
    known = _FLAGS[begun[1]]
    if id and begun[2] < 0x1B and flags in known and begun[at + 1 : start] == head(BYTES, size - start):
        return [begun[1], id, flags, None], start
    return None
