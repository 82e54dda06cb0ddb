"""Metadata: what travels beside the arguments of a call or notification (section 3, Metadata keys)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rpc import limits
from rpc.errors import ProtocolError, Reason
from rpc.wire import heads, payload
from rpc.wire.payload import Buffer
from rpc.wire.shapes import is_list, is_map, is_uint

__all__ = ["NO_METADATA", "check", "encode"]

NO_METADATA = b"\xf6"
"""Metadata that is missing, as it stands in a frame."""


def encode(metadata: Mapping[int | str, Any] | None) -> bytes:
    """Metadata as it stands in CALL and NOTIFY.

    Raises:
        ValueError: a key or value that metadata cannot hold, or more than 8192 bytes.
        EncodeError: a value that cannot travel at all.
    """
    if not metadata:
        return NO_METADATA
    _check_fields(dict(metadata), ValueError)
    encoded = payload.encode(dict(metadata))
    if len(encoded) > limits.MAX_METADATA:
        raise ValueError(f"metadata of {len(encoded)} bytes; at most {limits.MAX_METADATA} travel with a call")
    return encoded


def check(metadata: object, body: Buffer, index: int) -> None:
    """Check metadata that has arrived in a frame, as the element `index` of its array.

    Raises:
        ProtocolError: a key or value that metadata cannot hold, or more than 8192 bytes of it.
    """
    _check_fields(metadata, ProtocolError)
    if len(body) <= limits.MAX_METADATA:
        return
    # What counts is the size as it was encoded.
    _, _, start = heads.read_head(body, 0)
    for _ in range(index):
        start = heads.skip(body, start)
    size = heads.skip(body, start) - start
    if size > limits.MAX_METADATA:
        raise ProtocolError(f"metadata of {size} bytes; at most {limits.MAX_METADATA} are accepted", reason=Reason.SIZE)


def _check_fields(metadata: object, error: type[Exception]) -> None:
    if not is_map(metadata):
        raise error("metadata is a map or null")
    for key, value in metadata.items():
        if type(key) is not str and not is_uint(key):
            raise error("a key of metadata is text or an unsigned integer")
        _check_value(value, error)


def _check_value(value: Any, error: type[Exception], levels: int = limits.MAX_DEPTH - 2) -> None:
    if is_list(value) or is_map(value):
        if not levels:
            raise error(f"a value of metadata is nested too deeply; a frame has {limits.MAX_DEPTH} levels")
        for item in value.values() if is_map(value) else value:
            _check_value(item, error, levels - 1)
    elif type(value) is int:
        if not -(2**64) <= value < 2**64:
            raise error("an integer of metadata is from -2^64 to 2^64-1")
    elif value is not None and type(value) not in (bool, float, str, bytes):
        raise error("a value of metadata is null, a boolean, a number, text, bytes, an array or a map of those")
