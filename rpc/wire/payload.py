"""Payloads: application values as bytes (protocol section 8)."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs
import cbor2

from rpc.wire.profile import decode

__all__ = ["Buffer", "EncodeError", "decode", "encode", "encode_buffers"]

Buffer: TypeAlias = bytes | bytearray | memoryview


class EncodeError(TypeError):
    """A value cannot travel; the message names the path to it."""


def _default(encoder: Any, value: Any) -> None:
    if attrs.has(type(value)):
        encoder.encode(attrs.asdict(value, recurse=False))
    else:
        raise EncodeError(f"object of class {type(value).__qualname__} cannot travel")


def encode(value: object) -> bytes:
    """Encode one application value."""
    try:
        return cbor2.dumps(value, default=_default)
    except cbor2.CBOREncodeError as error:
        raise EncodeError(str(error)) from None


def encode_buffers(value: object) -> list[Buffer]:
    """Encode one application value as buffers whose join is `encode(value)`."""
    return [encode(value)]
