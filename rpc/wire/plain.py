"""A quick test for values that cbor2 may write as they are, as most values that travel are."""

from __future__ import annotations

import gc
from itertools import chain
from typing import Any, Final

import msgspec

from rpc.limits import MAX_DEPTH
from rpc.wire.tags import class_of

__all__ = ["LARGE", "is_plain"]

LARGE: Final = 16384
"""Bytes from which a byte string is written by itself and not copied."""

_FLAT: Final = frozenset({type(None), bool, int, float, str})
_PLAIN: Final = _FLAT | {bytes, list, tuple, dict}
_KEYS: Final = frozenset({str, bytes, int})
_WIDE: Final = 65536

_pack: Final = msgspec.msgpack.Encoder().encode


def is_plain(value: object) -> bool:
    """Whether `value` consists of builtin scalars, lists, tuples and dicts alone, nested no deeper than allowed.

    False also for the rare value that needs a closer look all the same: with integers of more than 64 bits, text
    that is not Unicode, or large byte strings.
    """
    return (_is_flat(value) or _is_plain_all_over(value)) and _packs(value)


def _is_flat(value: Any) -> bool:
    kind = class_of(value)
    if kind is list or kind is tuple:
        return _FLAT.issuperset(map(type, value))
    if kind is dict:
        return _FLAT.issuperset(map(type, value.values())) and _KEYS.issuperset(map(type, value))
    return kind in _FLAT


def _is_plain_all_over(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        types = set(map(type, level))
        if types <= _FLAT:
            return True
        if not types <= _PLAIN:
            return False
        if dict in types:
            maps = level if len(types) == 1 else [item for item in level if class_of(item) is dict]
            if not _KEYS.issuperset(map(type, chain.from_iterable(maps))):
                return False
        if bytes in types and any(len(item) >= LARGE for item in level if class_of(item) is bytes):
            return False
        if len(level) > _WIDE:  # perhaps the same few containers again and again: look at each once
            level = list({id(item): item for item in level if type(item) not in _FLAT}.values())
        # All that the containers of this level hold. A loop in Python takes three times as long. Of a dict the keys
        # may come along or not, as the interpreter likes.
        level = gc.get_referents(*level)
    return False


def _packs(value: object) -> bool:
    # msgspec is 10 times quicker than cbor2, and raises for wide integers and lone surrogates.
    try:
        _pack(value)
    except Exception:
        return False
    return True
