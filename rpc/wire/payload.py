"""Payloads: application values as bytes, by the sender's rules of protocol section 8."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import cbor2

from rpc.wire.heads import BYTES, UINT, Buffer, write_head
from rpc.wire.plain import LARGE, is_plain
from rpc.wire.profile import decode
from rpc.wire.tags import class_of
from rpc.wire.values import PLACE, EncodeError, lower

__all__ = ["Buffer", "EncodeError", "Payload", "decode", "encode", "encode_buffers", "pack", "pack_arguments"]

Payload: TypeAlias = bytes | list[Buffer]
"""An encoded value: in one piece, or in buffers whose joined bytes are the value."""

_PLACE_ITEM: Final = write_head(BYTES, len(PLACE)) + PLACE

_FEW: Final = 8  # few enough that one unfit at the end wastes little
_BYTE: Final = {value: bytes((value,)) for value in range(256)}
_FLOAT: Final = struct.Struct(">Bd").pack


def encode(value: object) -> bytes:
    """Encode an application value.

    Raises:
        EncodeError: something in it cannot travel; the message names the path to it and the way out.
    """
    return b"".join(encode_buffers(value))


def encode_buffers(value: object) -> list[Buffer]:
    """Encode an application value as buffers that are to be written one after the other: `encode(value)` cut up.

    A bytes, bytearray or memoryview of 16 KiB or more is one of the buffers itself, not a copy of it: who changes
    it before it is written changes what is written.

    Raises:
        EncodeError: something in it cannot travel; the message names the path to it and the way out.
    """
    encoded = _encode_small(value)
    if encoded is not None:
        return [encoded]
    if is_plain(value):
        return [cbor2.dumps(value)]
    return _encode_lowered(value)


def pack(value: object) -> Payload:
    """Encode an application value as it is sent: in one piece, or in buffers where it holds large byte strings.

    Raises:
        EncodeError: something in it cannot travel; the message names the path to it and the way out.
    """
    if isinstance(value, bytes) and len(value) >= LARGE:
        return [write_head(BYTES, len(value)), value]
    small = _encode_small(value)
    if small is not None:
        return small
    buffers = _before_large(value) or encode_buffers(value)
    first = buffers[0]
    return first if len(buffers) == 1 and isinstance(first, bytes) else buffers


def pack_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
    """`pack` of both in a list, as a notification has them; half the time where there are few and small ones."""
    if not kwargs:
        small = _encode_small(args)
        if small is not None:
            return b"\x82" + small + b"\xa0"  # an array of the two, the second an empty map
    return pack([args, kwargs])


def _before_large(value: Any) -> list[Buffer] | None:
    """The buffers of a short list or tuple of scalars that ends with a large string of bytes; None for any other value.

    As most arguments are that hold one: 1.3 us in place of 7.
    """
    if class_of(value) not in (list, tuple) or not 0 < len(value) <= _FEW or class_of(value[-1]) is not bytes:
        return None
    before = _encode_small(value[:-1])
    if before is None:
        return None
    return [_BYTE[0x80 + len(value)] + before[1:] + write_head(BYTES, len(value[-1])), value[-1]]


def _encode_small(value: Any) -> bytes | None:
    """A scalar, or a short list or tuple of scalars, as most arguments and results are; None for any other value.

    Takes half the time of cbor2, and does not need the look of `is_plain`.
    """
    kind = class_of(value)
    if kind is list or kind is tuple:
        if len(value) > _FEW:
            return None
        items: Any = value
        encoded: bytes = _BYTE[0x80 + len(value)]
    else:
        items = (value,)
        encoded = b""
    for item in items:
        kind = class_of(item)
        if kind is int and 0 <= item < 24:
            encoded += _BYTE[item]
        elif kind is str and len(item) < 24 and item.isascii():
            encoded += _BYTE[0x60 + len(item)] + item.encode()
        elif kind is int and 0 <= item < 2**64:
            encoded += write_head(UINT, item)
        elif kind is float:
            encoded += _FLOAT(0xFB, item)
        elif kind is bool:
            encoded += _BYTE[0xF4 + item]
        elif item is None:
            encoded += b"\xf6"
        elif kind is bytes and len(item) < LARGE:
            encoded += write_head(BYTES, len(item)) + item
        else:
            return None
    return encoded


def _encode_lowered(value: object) -> list[Buffer]:
    aside: list[Buffer] = []
    first, *rest = cbor2.dumps(lower(value, 0, aside)).split(_PLACE_ITEM)
    buffers: list[Buffer] = [first]
    for large, after in zip(aside, rest, strict=True):
        buffers[-1] = bytes(buffers[-1]) + write_head(BYTES, len(large))
        buffers += [large, after]
    return [buffer for buffer in buffers if buffer]
