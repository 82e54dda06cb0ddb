"""Payloads: application values as bytes, by the sender's rules of protocol section 8."""

from __future__ import annotations

from typing import Final

import cbor2

from rpc.wire.heads import BYTES, Buffer, write_head
from rpc.wire.profile import decode
from rpc.wire.values import PLACE, EncodeError, is_plain, lower

__all__ = ["Buffer", "EncodeError", "decode", "encode", "encode_buffers"]

_PLACE_ITEM: Final = write_head(BYTES, len(PLACE)) + PLACE


def encode(value: object) -> bytes:
    """Encode an application value.

    Raises:
        EncodeError: something in it cannot travel; the message names the path to it and the way out.
    """
    if is_plain(value):
        return cbor2.dumps(value)
    return b"".join(_encode_lowered(value))


def encode_buffers(value: object) -> list[Buffer]:
    """Encode an application value as buffers that are to be written one after the other: `encode(value)` cut up.

    A bytes, bytearray or memoryview of 16 KiB or more is one of the buffers itself, not a copy of it: who changes
    it before it is written changes what is written.

    Raises:
        EncodeError: something in it cannot travel; the message names the path to it and the way out.
    """
    if is_plain(value):
        return [cbor2.dumps(value)]
    return _encode_lowered(value)


def _encode_lowered(value: object) -> list[Buffer]:
    aside: list[Buffer] = []
    first, *rest = cbor2.dumps(lower(value, 0, aside)).split(_PLACE_ITEM)
    buffers: list[Buffer] = [first]
    for large, after in zip(aside, rest, strict=True):
        buffers[-1] = bytes(buffers[-1]) + write_head(BYTES, len(large))
        buffers += [large, after]
    return [buffer for buffer in buffers if buffer]
