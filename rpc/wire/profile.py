"""Decoding by the CBOR profile of protocol section 8, for envelopes and payloads alike.

`cbor2` does the work, as strict as it can be. What it lets pass is looked for afterwards; where it refuses, `scan`
walks over the bytes in Python and either tells what is wrong, or clears the few good items that strict settings
refuse: those with integer keys, and those of the full depth.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import cbor2
import msgspec

from rpc.limits import MAX_DEPTH, MAX_ITEMS
from rpc.wire.arrays import is_array, standing_in
from rpc.wire.gathering import Gathered
from rpc.wire.heads import BYTES, UINT_LENGTH, Buffer, ProfileError, check_items, read_head, skip
from rpc.wire.scan import scan
from rpc.wire.tags import NO_TAGS, TAGS, Tags

__all__ = ["ProfileError", "decode", "decode_envelope", "decode_hello", "head_size", "skip"]

_LARGE: Final = 65536
_SMALL: Final = 16384  # no more keys fit in than can be compared with each other in some milliseconds
_KEYS: Final = frozenset({str, bytes, int})
_UNSAFE: Final = re.compile("[^ -~]")
_HELLO: Final = b"\xd9\xd9\xf7"  # tag 55799

_END: Final = os.urandom(16)
_END_ITEM: Final = b"\x50" + _END

_PLACE: Final = os.urandom(17)  # as long as nothing that a tag holds
_PLACE_ITEM: Final = b"\x51" + _PLACE
"""What stands for a large byte string while cbor2 decodes what is around it."""

_loads: Final = cbor2.loads  # a lookup less

_SINGLE: Final[dict[int, Any]] = {**{value: value for value in range(24)}, 0xF4: False, 0xF5: True, 0xF6: None}
"""Items of one byte, which many results are: nothing, yes, no, a small number."""


def _let_arrays_be(value: object) -> None:
    if not is_array(value):
        raise TypeError  # nobody sees it: `_decode` looks closer


_refuse_unknown: Final = msgspec.msgpack.Encoder(enc_hook=_let_arrays_be).encode
"""Raises where a value holds `undefined` or an unassigned simple value.

Of all walks over a value the quickest: 10 us for 100 records, where a loop in Python takes 70.
"""


def decode(data: Buffer | Gathered, *, max_items: int = MAX_ITEMS) -> Any:
    """Decode a payload: one item, with the tags that the profile allows.

    Arrays become lists, maps dicts, tag 258 sets; date-times are aware.

    Raises:
        ProfileError: the bytes break the profile.
    """
    size = len(data)
    if isinstance(data, Gathered):
        return _decode_gathered(data, max_items)
    if size == 1:
        value = _SINGLE.get(data[0], data)
        if value is not data:
            return value
    elif 1 < size < 10 and size == UINT_LENGTH.get(data[0]):
        return int.from_bytes(data[1:], "big")
    elif size > _LARGE and data[0] == 0x5A and int.from_bytes(data[1:5], "big") == size - 5:
        return bytes(memoryview(data)[5:])  # a byte string and nothing else
    return _decode(data, TAGS, MAX_DEPTH, max_items)


def _decode_gathered(data: Gathered, max_items: int) -> Any:
    if data.is_fitting:
        if not data.last:
            return data.content
        try:
            value = _decode_around(data.start, data.last, data.content, TAGS, MAX_DEPTH, max_items)
        except BaseException as error:
            _let_pass(error)
        else:
            if value is not None:
                return value
    return _decode(bytes(data), TAGS, MAX_DEPTH, max_items)


def decode_envelope(body: Buffer) -> Any:
    """Decode the body of a frame: one item without any tag.

    Raises:
        ProfileError: the bytes break the profile.
    """
    if len(body) <= _SMALL:
        # The usual frame, a call less; `_decode` says why it is done like this.
        try:
            value, end = _loads(
                b"\x82" + body + _END_ITEM,
                object_hook=_check_keys,
                semantic_decoders=NO_TAGS,
                max_depth=MAX_DEPTH,
                allow_indefinite=False,
                allow_duplicate_keys=False,
            )
            if end == _END:
                _refuse_unknown(value)
                return value
        except BaseException as error:
            _let_pass(error)
        return _decode_carefully(body, NO_TAGS, MAX_DEPTH)
    return _decode(body, NO_TAGS, MAX_DEPTH, MAX_ITEMS)


def decode_hello(body: Buffer) -> Any:
    """Decode the body of a HELLO: tag 55799, and the array that it holds, which is given back.

    Raises:
        ProfileError: the bytes break the profile, or the tag is missing.
    """
    if bytes(body[: len(_HELLO)]) != _HELLO:
        raise ProfileError("tag 55799 is missing")
    return _decode(body[len(_HELLO) :], NO_TAGS, MAX_DEPTH - 1, MAX_ITEMS - 1, any_keys=len(body) <= _SMALL)


def head_size(data: Buffer) -> int:
    """How many bytes the first head has.

    Raises:
        ProfileError: as `read_head`.
        IndexError: the data ends inside it.
    """
    return read_head(data, 0)[2]


def _decode(data: Buffer, tags: Tags, max_depth: int, max_items: int, *, any_keys: bool = False) -> Any:
    size = len(data)
    if size > _LARGE or size > max_items:
        return _decode_large(data, tags, max_depth, max_items)
    try:
        # cbor2 ignores what follows an item: a second item that no peer can know tells where the first one ended.
        # The array around both is a level; one less than allowed is granted inside, because cbor2 does not count an
        # empty array or map. Keyword arguments written out are much quicker than a dict of them.
        value, end = _loads(
            b"\x82" + data + _END_ITEM,
            object_hook=_check_keys if any_keys else None,
            semantic_decoders=tags,
            max_depth=max_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=not any_keys,
        )
        if end == _END:
            _refuse_unknown(value)
            return value
    except BaseException as error:
        _let_pass(error)
    if size <= _SMALL and not any_keys:
        return _decode(data, tags, max_depth, max_items, any_keys=True)
    return _decode_carefully(bytes(data), tags, max_depth)


def _check_keys(value: Mapping[Any, Any], _hashed: bool) -> Mapping[Any, Any]:
    if not _KEYS.issuperset(map(type, value)):
        raise ProfileError("a map key that is no text, byte string or integer")
    return value


def _decode_large(data: Buffer, tags: Tags, max_depth: int, max_items: int) -> Any:
    try:
        last = check_items(data, max_items)
        if len(data) - last > _LARGE:
            major, size, start = read_head(data, last)
            if major == BYTES and start + size == len(data):
                value = _decode_around(data, last, bytes(memoryview(data)[start:]), tags, max_depth, max_items)
                if value is not None:
                    return value
        data = bytes(data)
        file = BytesIO(data)  # which gives these very bytes to a read of them all
        value = cbor2.CBORDecoder(
            file,
            read_size=len(data),
            semantic_decoders=tags,
            max_depth=max_depth - 1,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        ).decode()
        if file.tell() == len(data):
            return value
    except BaseException as error:
        _let_pass(error)
    return _decode_carefully(data, tags, max_depth)


def _decode_around(data: Buffer, last: int, content: bytes, tags: Tags, max_depth: int, max_items: int) -> Any:
    """Decode what ends with a large byte string, as most large frames and arguments do, without touching its content.

    Its head is at `last`. None where it is inside a tag that is not of an array.
    """
    if tags:
        tags = Tags({**tags, **standing_in(_PLACE, content)})
    outer: list[Any] = [_decode(bytes(data[:last]) + _PLACE_ITEM, tags, max_depth, max_items)]
    holder: Any = outer
    place: Any = 0
    while type(item := holder[place]) in (list, dict):
        holder, place = item, (-1 if type(item) is list else next(reversed(item)))
    if type(item) is bytes:
        holder[place] = content
    elif not is_array(item):
        return None
    return outer[0]


def _decode_carefully(data: Buffer, tags: Tags, max_depth: int) -> Any:
    try:
        data = bytes(data)
        scan(data, tags, max_depth)
        return _loads(
            data,
            semantic_decoders=tags,
            max_depth=max_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except BaseException as error:
        _let_pass(error)
        raise _explain(error) from None


def _let_pass(error: BaseException) -> None:
    """Raise what is not for the decoder to judge. cbor2 raises much: a bare BaseException when memory is short."""
    if isinstance(error, (ProfileError, KeyboardInterrupt, SystemExit)):
        raise error


def _explain(error: BaseException) -> ProfileError:
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, ProfileError):
            return reason
        if isinstance(reason, UnicodeDecodeError):
            return ProfileError("text that is not UTF-8")
        reason = reason.__cause__
    # Doubled keys alone are left to cbor2, which quotes the key at any length, and whatever it runs out of.
    _, doubled, key = str(error).partition("Duplicate map key: ")
    text = f"duplicate map key {key[:128]}" if doubled else f"cannot be decoded: {type(error).__name__}"
    return ProfileError(_UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)[:128])
