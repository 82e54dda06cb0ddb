"""Decoding by the CBOR profile of protocol section 8, for envelopes and payloads alike.

`cbor2` does the work, as strict as it can be. What it lets pass is looked for afterwards; where it refuses, `scan`
walks over the bytes in Python and either tells what is wrong, or clears the few good items that strict settings
refuse: those with integer keys, and those of the full depth.
"""

from __future__ import annotations

import secrets
from io import BytesIO
from typing import Any, Final

import cbor2
import msgspec

from rpc.limits import MAX_DEPTH, MAX_ITEMS
from rpc.wire.heads import BYTES, Buffer, ProfileError, check_items, read_head, skip
from rpc.wire.scan import scan
from rpc.wire.tags import NO_TAGS, TAGS, Tags

__all__ = ["ProfileError", "decode", "decode_envelope", "decode_hello", "head_size", "skip"]

_LARGE: Final = 65536
_HELLO: Final = b"\xd9\xd9\xf7"  # tag 55799

_END: Final = secrets.token_bytes(16)
_END_ITEM: Final = b"\x50" + _END

_refuse_unknown: Final = msgspec.msgpack.Encoder().encode
"""Raises where a value holds `undefined` or an unassigned simple value.

Of all walks over a value the quickest: 10 us for 100 records, where a loop in Python takes 70.
"""


def decode(data: Buffer, *, max_items: int = MAX_ITEMS) -> Any:
    """Decode a payload: one item, with the tags that the profile allows.

    Arrays become lists, maps dicts, tag 258 sets; date-times are aware.

    Raises:
        ProfileError: the bytes break the profile.
    """
    return _decode(data, TAGS, MAX_DEPTH, max_items)


def decode_envelope(body: Buffer) -> Any:
    """Decode the body of a frame: one item without any tag.

    Raises:
        ProfileError: the bytes break the profile.
    """
    return _decode(body, NO_TAGS, MAX_DEPTH, MAX_ITEMS)


def decode_hello(body: Buffer) -> Any:
    """Decode the body of a HELLO: tag 55799, and the array that it holds, which is given back.

    Raises:
        ProfileError: the bytes break the profile, or the tag is missing.
    """
    if bytes(body[: len(_HELLO)]) != _HELLO:
        raise ProfileError("tag 55799 is missing")
    return _decode(body[len(_HELLO) :], NO_TAGS, MAX_DEPTH - 1, MAX_ITEMS - 1)


def head_size(data: Buffer) -> int:
    """How many bytes the first head has.

    Raises:
        ProfileError: as `read_head`.
        IndexError: the data ends inside it.
    """
    return read_head(data, 0)[2]


def _decode(data: Buffer, tags: Tags, max_depth: int, max_items: int) -> Any:
    if len(data) > _LARGE or len(data) > max_items:
        return _decode_large(data, tags, max_depth, max_items)
    try:
        # cbor2 ignores what follows an item: a second item that no peer can know tells where the first one ended.
        # The array around both is a level; one less than allowed is granted inside, because cbor2 does not count an
        # empty array or map. Keyword arguments written out are much quicker than a dict of them.
        value, end = cbor2.loads(
            b"\x82" + data + _END_ITEM,
            semantic_decoders=tags,
            max_depth=max_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
        if end == _END:
            _refuse_unknown(value)
            return value
    except BaseException as error:
        _let_pass(error)
    return _decode_carefully(bytes(data), tags, max_depth, max_items)


def _decode_large(data: Buffer, tags: Tags, max_depth: int, max_items: int) -> Any:
    last = check_items(data, max_items)
    if len(data) - last > _LARGE and (value := _decode_around(data, last, tags, max_depth, max_items)) is not None:
        return value
    data = bytes(data)
    try:
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
    return _decode_carefully(data, tags, max_depth, max_items)


def _decode_around(data: Buffer, last: int, tags: Tags, max_depth: int, max_items: int) -> Any:
    """Decode an array whose last element is a large byte string, which is then copied once and not three times.

    Such are most large frames, and the arguments of most calls that carry one. None where it is none.
    """
    major, size, start = read_head(data, last)
    if major != BYTES or start + size != len(data):
        return None
    value = _decode(bytes(data[:last]) + b"\x40", tags, max_depth, max_items)
    if type(value) is not list or type(value[-1]) is not bytes:
        return None
    value[-1] = bytes(data[start:])
    return value


def _decode_carefully(data: bytes, tags: Tags, max_depth: int, max_items: int) -> Any:
    try:
        scan(data, tags, max_depth, max_items)
        return cbor2.loads(
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
    """cbor2 raises anything, even a BaseException when memory is short; what stops the program is not ours."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error


def _explain(error: BaseException) -> ProfileError:
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, ProfileError):
            return reason
        reason = reason.__cause__
    text = str(error)[:256].encode("unicode_escape").decode("ascii")
    _, found, key = text.partition("Duplicate map key: ")
    return ProfileError(f"duplicate map key {key}"[:128] if found else f"{type(error).__name__}: {text}"[:128])
