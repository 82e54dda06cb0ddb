"""Decoding: the CBOR profile of protocol section 8."""

from __future__ import annotations

import secrets
from typing import Any, NoReturn

import cbor2

from rpc.limits import MAX_DEPTH, MAX_ITEMS

__all__ = ["ProfileError", "decode", "decode_envelope", "decode_hello"]

_END = b"\x50" + secrets.token_bytes(16)
_END_VALUE = _END[1:]
_HELLO_TAG = b"\xd9\xd9\xf7"


class ProfileError(ValueError):
    """The bytes break the profile; the message says how, with what the peer sent escaped and cut."""


class _Tags(dict[int, Any]):
    def __missing__(self, tag: int) -> NoReturn:
        if tag in _ALLOWED:
            raise KeyError(tag)
        raise ValueError(f"tag {tag} is not allowed")


_ALLOWED = frozenset({0, 1, 2, 3, 4, 37, 258, 1004})


class _NoTags(dict[int, Any]):
    def __missing__(self, tag: int) -> NoReturn:
        raise ValueError(f"tag {tag} is not allowed here")


_TAGS = _Tags()
_NO_TAGS = _NoTags()


def decode(data: bytes | bytearray | memoryview, *, max_items: int = MAX_ITEMS) -> Any:
    """Decode one payload item."""
    return _loads(data, _TAGS)


def decode_envelope(body: bytes | bytearray | memoryview) -> Any:
    """Decode one frame body; no tags."""
    return _loads(body, _NO_TAGS)


def decode_hello(body: bytes | bytearray | memoryview) -> Any:
    """Decode the body of a HELLO: tag 55799 around its array, which is returned."""
    if bytes(body[:3]) != _HELLO_TAG:
        raise ProfileError("the first frame is not tagged as CBOR (tag 55799)")
    return decode_envelope(body[3:])


def _loads(data: bytes | bytearray | memoryview, tags: dict[int, Any]) -> Any:
    try:
        value, end = cbor2.loads(
            b"\x82" + data + _END,
            semantic_decoders=tags,
            max_depth=MAX_DEPTH + 1,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise ProfileError(str(error).encode("unicode_escape").decode()[:128]) from None
    if end != _END_VALUE:
        raise ProfileError("bytes follow the end of the item")
    return value
