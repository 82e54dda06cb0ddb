"""The frames of the protocol (section 3), encoding beside decoding, row by row.

A frame body is one CBOR array. Encoders write it by hand around a payload that is encoded already; each gives the
bytes before the payload, length prefix included, so that a large payload is never copied. Decoding is one call of the
codec and one check of the row.

A decoded frame is a plain list: the frame type and the fields of its row.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from rpc import limits
from rpc.errors import ProtocolError, Reason
from rpc.wire import metadata as metadata_rows
from rpc.wire import profile
from rpc.wire.by_hand import LONG, SHORT, learn, long_fields, short_fields
from rpc.wire.framing import PREFIX
from rpc.wire.gathering import opening
from rpc.wire.heads import BYTES, TEXT, UINT, read_head
from rpc.wire.heads import write_head as head
from rpc.wire.payload import Buffer
from rpc.wire.shapes import is_list, is_uint

__all__ = [
    "Flag",
    "Frame",
    "call",
    "cancel",
    "credit",
    "data",
    "decode",
    "error",
    "goaway",
    "method_item",
    "notify",
    "notify_head",
    "ping",
    "pong",
    "reply",
]


class Frame(enum.IntEnum):
    """Frame types. 11 to 31 break the connection, 32 to 63 are ignored, 64 and up break it."""

    HELLO = 0
    CALL = 1
    DATA = 2
    REPLY = 3
    ERROR = 4
    CANCEL = 5
    CREDIT = 6
    NOTIFY = 7
    PING = 8
    PONG = 9
    GOAWAY = 10


class Flag(enum.IntEnum):
    """Bits of the flags field; no IntFlag, whose operators cost a microsecond each."""

    MORE = 1
    END = 2
    NAMED = 4
    SENDS = 8
    TAKES = 16


# A name of a module is read ten times as quickly as a member of an enumeration (0.01 us, measured), and every frame
# asks for several.
HELLO, CALL, DATA, REPLY, ERROR, CANCEL, CREDIT, NOTIFY, PING, PONG, GOAWAY = Frame
MORE, END, NAMED, SENDS, TAKES = map(int, Flag)

_CALL_FLAGS = MORE | NAMED | SENDS | TAKES

_IGNORED = range(32, 64)

_MAX_ID = limits.MAX_ID
_WRONG_ID = "a call id is an unsigned integer from 1 to 2^53-1"
_WRONG_PAYLOAD = "a payload is a byte string"

Fields = list[Any]
Check: TypeAlias = Callable[[Fields, Buffer], None]


_NULL = b"\xf6"
_NOTHING = b"\x40"  # a byte string
_CALL_HEAD = 2 * limits.MAX_METADATA  # no good CALL has more bytes before the content of its payload
_FLAGS = [head(UINT, flags) for flags in range(32)]


def _finish(body: bytes, size: int = 0) -> bytes:
    """A body with its length in front; `size` bytes of payload follow it."""
    return (len(body) + size).to_bytes(PREFIX, "big") + body


def method_item(method: str) -> bytes:
    """A method name as it stands in CALL and NOTIFY.

    Raises:
        ValueError: the name is empty or has more than 255 bytes.
    """
    encoded = method.encode()
    if not 0 < len(encoded) <= limits.MAX_METHOD:
        raise ValueError(f"a method name has 1 to {limits.MAX_METHOD} bytes, not {len(encoded)}: {method[:40]!r}")
    return head(TEXT, len(encoded)) + encoded


# --- CALL ------------------------------------------------------------------------------------------------------


def call(id: int, method: bytes, timeout: int | None, metadata: bytes, flags: int, size: int) -> bytes:
    """The head of a CALL whose payload part has `size` bytes; `method` and `metadata` are encoded items."""
    if timeout is None:
        return _finish(b"\x87\x01" + head(UINT, id) + _behind_id(flags, method, metadata, size), size)
    parts = (b"\x87\x01", head(UINT, id), _FLAGS[flags], method, head(UINT, timeout), metadata, head(BYTES, size))
    return _finish(b"".join(parts), size)


@lru_cache(1024)
def _behind_id(flags: int, method: bytes, metadata: bytes, size: int) -> bytes:
    """What stands behind the id of a CALL without a deadline: mostly the same as the last time."""
    return b"".join((_FLAGS[flags], method, _NULL, metadata, head(BYTES, size)))


def _check_call(fields: Fields, body: Buffer) -> None:
    _, id, flags, method, timeout, metadata, payload = fields
    if type(id) is not int or not 0 < id <= _MAX_ID:
        raise ProtocolError(_WRONG_ID)
    if type(flags) is not int or flags & ~_CALL_FLAGS:
        raise ProtocolError("CALL: flags that do not belong")
    _check_method(method)
    if timeout is not None and not is_uint(timeout):
        raise ProtocolError("CALL: the timeout is an unsigned integer or null")
    if type(payload) is not bytes:
        raise ProtocolError(_WRONG_PAYLOAD)
    if metadata is not None:
        metadata_rows.check(metadata, body, 5)


# --- DATA, REPLY -----------------------------------------------------------------------------------------------


def data(id: int, flags: int, size: int) -> bytes:
    """The head of a DATA whose payload part has `size` bytes."""
    return _finish(b"\x84\x02" + head(UINT, id) + _FLAGS[flags] + head(BYTES, size), size)


def reply(id: int, flags: int, size: int) -> bytes:
    """The head of a REPLY whose payload part has `size` bytes."""
    return _finish(b"\x84\x03" + head(UINT, id) + _FLAGS[flags] + head(BYTES, size), size)


def _check_part(kind: Frame, *allowed: int) -> Check:
    """The check of a row with a payload part, whose flags are one of those that are allowed."""

    def check(fields: Fields, body: Buffer) -> None:
        _, id, flags, payload = fields
        if type(id) is not int or not 0 < id <= _MAX_ID:
            raise ProtocolError(_WRONG_ID)
        if type(flags) is not int or flags not in allowed:
            raise ProtocolError(f"{kind.name}: flags that do not belong")
        if type(payload) is not bytes:
            raise ProtocolError(_WRONG_PAYLOAD)

    return check


# --- ERROR -----------------------------------------------------------------------------------------------------


def error(id: int, failure: bytes) -> bytes:
    """An ERROR with the encoded map of section 5."""
    return _finish(b"\x83\x04" + head(UINT, id) + failure)


def _check_error(fields: Fields, body: Buffer) -> None:
    _, id, failure = fields
    if type(id) is not int or not 0 < id <= _MAX_ID:
        raise ProtocolError(_WRONG_ID)
    if type(failure) is not dict:
        raise ProtocolError("ERROR: the error is a map")
    if len(body) > limits.MAX_ERROR:
        raise ProtocolError(f"ERROR: {len(body)} bytes; at most {limits.MAX_ERROR} are accepted", reason=Reason.SIZE)


# --- CANCEL ----------------------------------------------------------------------------------------------------


def cancel(id: int) -> bytes:
    return _finish(b"\x82\x05" + head(UINT, id))


def _check_cancel(fields: Fields, body: Buffer) -> None:
    _, id = fields
    if type(id) is not int or not 0 < id <= _MAX_ID:
        raise ProtocolError(_WRONG_ID)


# --- CREDIT ----------------------------------------------------------------------------------------------------


def credit(id: int, total: int) -> bytes:
    return _finish(b"\x83\x06" + head(UINT, id) + head(UINT, total))


def _check_credit(fields: Fields, body: Buffer) -> None:
    _, id, total = fields
    if type(id) is not int or not 0 < id <= _MAX_ID:
        raise ProtocolError(_WRONG_ID)
    if not is_uint(total):
        raise ProtocolError("CREDIT: the total is an unsigned integer")


# --- NOTIFY ----------------------------------------------------------------------------------------------------


def notify(method: bytes, metadata: bytes, size: int) -> bytes:
    """The head of a NOTIFY whose payload has `size` bytes; `method` and `metadata` are encoded items."""
    return _finish(b"\x84\x07" + method + metadata + head(BYTES, size), size)


@lru_cache(1024)
def notify_head(method: str, metadata: bytes, size: int) -> bytes:
    """The same for a method by its name: mostly as it was the last time."""
    return notify(method_item(method), metadata, size)


def _check_notify(fields: Fields, body: Buffer) -> None:
    _, method, metadata, payload = fields
    _check_method(method)
    if type(payload) is not bytes:
        raise ProtocolError(_WRONG_PAYLOAD)
    if metadata is not None:
        metadata_rows.check(metadata, body, 2)


# --- PING, PONG ------------------------------------------------------------------------------------------------


def ping(token: int) -> bytes:
    return _finish(b"\x82\x08" + head(UINT, token))


def pong(token: int) -> bytes:
    return _finish(b"\x82\x09" + head(UINT, token))


def _check_token(fields: Fields, body: Buffer) -> None:
    _, token = fields
    if not is_uint(token):
        raise ProtocolError(f"{Frame(fields[0]).name}: the token is an unsigned integer")


# --- GOAWAY ----------------------------------------------------------------------------------------------------


def goaway(last_id: int | None, reason: int, text: str) -> bytes:
    """A GOAWAY; a text that would not fit is cut at a character."""
    encoded = text.encode("utf-8", "replace")[: limits.MAX_ERROR - 32].decode("utf-8", "ignore").encode()
    last = _NULL if last_id is None else head(UINT, last_id)
    return _finish(b"\x84\x0a" + last + head(UINT, reason) + head(TEXT, len(encoded)) + encoded)


def _check_goaway(fields: Fields, body: Buffer) -> None:
    _, last_id, reason, text = fields
    if last_id is not None and (not is_uint(last_id) or last_id > limits.MAX_ID):
        raise ProtocolError("GOAWAY: the last id is an id, 0 or null")
    if not is_uint(reason) or type(text) is not str:
        raise ProtocolError("GOAWAY: the reason is an unsigned integer, the text is text")
    if len(body) > limits.MAX_ERROR:
        raise ProtocolError(f"GOAWAY: {len(body)} bytes; at most {limits.MAX_ERROR} are accepted", reason=Reason.SIZE)


# --- Decoding --------------------------------------------------------------------------------------------------

_CHECKS: dict[int, Check] = {
    Frame.CALL: _check_call,
    Frame.DATA: _check_part(DATA, 0, MORE, END),
    Frame.REPLY: _check_part(REPLY, 0, MORE),
    Frame.ERROR: _check_error,
    Frame.CANCEL: _check_cancel,
    Frame.CREDIT: _check_credit,
    Frame.NOTIFY: _check_notify,
    Frame.PING: _check_token,
    Frame.PONG: _check_token,
    Frame.GOAWAY: _check_goaway,
}


def decode(body: Buffer) -> Fields | None:
    """The fields of a frame that is no HELLO, checked against its row; None for a type that is to be ignored.

    A payload is bytes, or, where it is long, a view on the body.

    Raises:
        ProtocolError: the body breaks the CBOR profile or its row.
    """
    if len(body) < SHORT and type(body) is bytes:
        fields = short_fields(body)
        if fields is not None:
            return fields
    elif len(body) >= LONG:
        fields = _long_call(body) if body[0] == 0x87 else long_fields(body)
        if fields is not None:
            return fields
    try:
        fields = profile.decode_envelope(body)
    except profile.ProfileError as problem:
        raise ProtocolError(f"a frame breaks the CBOR profile: {problem}") from problem
    if not is_list(fields) or not fields or type(fields[0]) is not int:
        raise ProtocolError("a frame is an array that begins with its type")
    kind = fields[0]
    check = _CHECKS.get(kind)
    if check is None:
        if kind in _IGNORED:
            return None
        raise ProtocolError("a second HELLO" if kind == Frame.HELLO else f"unknown frame type {kind}")
    try:
        check(fields, body)
    except ValueError as problem:  # the row unpacked another count of fields
        raise ProtocolError(f"{Frame(kind).name}: {len(fields) - 1} fields are the wrong count") from problem
    if len(body) < SHORT:
        learn(fields)
    return fields


def _long_call(body: Buffer) -> Fields | None:
    """The fields of a CALL that ends with a long payload; None where it is none, and for what is wrong with it."""
    start, last = opening(body[:_CALL_HEAD])
    if not start or body[1] != CALL or len(start) + read_head(start, last)[1] != len(body):
        return None
    fields = decode(start[:last] + _NOTHING)
    if fields is not None:
        fields[-1] = memoryview(body)[len(start) :]
    return fields


def _check_method(method: object) -> None:
    # A character has at most 4 bytes, so only long names need to be measured.
    if type(method) is not str or not method or (len(method) > 63 and len(method.encode()) > limits.MAX_METHOD):
        raise ProtocolError(f"a method name is text of 1 to {limits.MAX_METHOD} bytes")
