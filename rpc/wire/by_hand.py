"""Frames of the usual shapes, read by hand: without the codec, which sees each byte of a frame, and knows none.

A short CALL, the shortest DATA and REPLY, and a DATA or REPLY that ends with a long payload. Whatever is not exactly as
it is expected here is left to the codec, and to its judgement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rpc.wire.heads import BYTES, TEXT, UINT, UINT_LENGTH, Buffer
from rpc.wire.heads import write_head as head

__all__ = ["CALLS", "LONG", "SHORT", "SIZES", "learn", "long_fields", "long_head", "short_fields"]

Fields = list[Any]

SHORT = 256
"""Bytes below which a frame may be a short one."""

LONG = 65_545
"""Bytes from which it may be a long one: the head of its payload has five, as of all from 64 KiB."""

_LONG_HEAD = 13
"""Bytes that the head of a long one never exceeds."""

CALLS = 1024
"""Methods, with their flags, that are known from calls before; one more, and all are forgotten."""

_CALL, _DATA, _REPLY, _NOTIFY = 1, 2, 3, 7
"""The types of frames that are read here, as `rpc.wire.frames` names them, which imports this."""

_WIDEST_ID = 0x1A
"""The head of the widest id that is read here: of 4 bytes. Wider ones are checked by the codec's way."""

_NULL = 0xF6

SIZES = [head(BYTES, size) for size in range(SHORT)]
"""The head of a short payload, by its size."""

_NO_FLAGS = [b"\0" + size for size in SIZES]
"""What stands between id and payload where no flag is set, by the size of the payload."""

_NO_METADATA = [b"\xf6" + size for size in SIZES]
"""What stands between method, or timeout, and payload where there is no metadata."""

_FLAGS = {_DATA: (0, 1, 2), _REPLY: (0, 1)}
"""The flags that a DATA and a REPLY may have."""

_called: dict[bytes, tuple[int, str]] = {}
"""Flags and method of CALLs, by the bytes that both are."""

_notified: dict[bytes, str] = {}
"""Methods of NOTIFYs, by the item that each is."""


def short_fields(body: bytes) -> Fields | None:
    """The fields of a short CALL, DATA, REPLY or NOTIFY with the shortest heads; else None.

    A call takes 1.2 us in place of 2.0, an item or a result 0.6 in place of 2.7 (measured).
    """
    read = _READERS.get(body[:2])
    return None if read is None or len(body) < 5 else read(body)


def learn(fields: Fields) -> None:
    """Know the method of a CALL or NOTIFY that the codec has read, and that was checked, from the next one on."""
    if fields[0] == _CALL and fields[2] < 24:
        known: dict[bytes, Any] = _called
        item, what = head(UINT, fields[2]) + _text(fields[3]), (fields[2], fields[3])
    elif fields[0] == _NOTIFY:
        known, item, what = _notified, _text(fields[1]), fields[1]
    else:
        return
    if len(known) >= CALLS:
        known.clear()
    known[item] = what


def _text(text: str) -> bytes:
    encoded = text.encode()
    return head(TEXT, len(encoded)) + encoded


def _part_fields(body: bytes) -> Fields | None:
    """The fields of a DATA or REPLY without flags."""
    first = body[2]
    at = 2 + UINT_LENGTH.get(first, 1)
    id = first if at == 3 else int.from_bytes(body[3:at], "big")
    start = at + (2 if len(body) < at + 26 else 3)
    payload = body[start:]
    if id and first <= _WIDEST_ID and body[at:start] == _NO_FLAGS[len(payload)]:
        return [body[1], id, 0, payload]
    return None


def _call_fields(body: bytes) -> Fields | None:
    """The fields of a CALL of a method that is known, without metadata."""
    first = body[2]
    at = 2 + UINT_LENGTH.get(first, 1)
    id = first if at == 3 else int.from_bytes(body[3:at], "big")
    if not id or first > _WIDEST_ID or len(body) < at + 3:
        return None
    end = _end_of_text(body, at + 1)
    known = _called.get(body[at:end])
    if known is None or len(body) < end + 3:
        return None
    first, timeout = body[end], None
    if first == _NULL:
        end += 1
    elif first <= 0x1B:
        size = UINT_LENGTH.get(first, 1)
        timeout = first if size == 1 else int.from_bytes(body[end + 1 : end + size], "big")
        end += size
    else:
        return None
    start = end + (2 if len(body) < end + 26 else 3)
    payload = body[start:]
    return [_CALL, id, *known, timeout, None, payload] if body[end:start] == _NO_METADATA[len(payload)] else None


def _notify_fields(body: bytes) -> Fields | None:
    """The fields of a NOTIFY of a method that is known, without metadata."""
    end = _end_of_text(body, 2)
    method = _notified.get(body[2:end])
    start = end + (2 if len(body) < end + 26 else 3)
    payload = body[start:]
    if method is None or body[end:start] != _NO_METADATA[len(payload)]:
        return None
    return [_NOTIFY, method, None, payload]


def _end_of_text(body: bytes, at: int) -> int:
    """Where a text of less than 256 bytes ends that begins at `at`, if one does."""
    size = body[at]
    return at + 2 + body[at + 1] if size == 0x78 else at + 1 + (size & 0x1F)


_READERS: dict[bytes, Callable[[bytes], Fields | None]] = {
    bytes((0x87, _CALL)): _call_fields,
    bytes((0x84, _DATA)): _part_fields,
    bytes((0x84, _REPLY)): _part_fields,
    bytes((0x84, _NOTIFY)): _notify_fields,
}
"""By the count of the fields and the type, which are the first two bytes of a frame."""


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
    if len(begun) < _LONG_HEAD or begun[0] != 0x84 or begun[1] not in _FLAGS:
        return None
    at = 2 + UINT_LENGTH.get(begun[2], 1)
    id = begun[2] if at == 3 else int.from_bytes(begun[3:at], "big")
    flags, start = begun[at], at + 6
    known = _FLAGS[begun[1]]
    if id and begun[2] <= _WIDEST_ID and flags in known and begun[at + 1 : start] == head(BYTES, size - start):
        return [begun[1], id, flags, None], start
    return None
