"""Errors on the wire (section 5): an `Error` as the map of an ERROR frame, and back.

An ERROR is never cut into fragments, so `encode` makes it fit: first without the traceback, then without the
causes, then without the details, and at last with a shorter message.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rpc import limits
from rpc.errors import ERROR_CLASSES, Code, Error, Processed, RemoteError
from rpc.wire import payload as payloads
from rpc.wire import profile
from rpc.wire.shapes import is_list, is_map, is_uint

__all__ = ["decode", "encode"]

CODE, MESSAGE, PROCESSED, RETRY_AFTER, TYPE, DETAILS, TRACEBACK, CAUSES = range(8)
"""The keys of the map."""

_ROOM = limits.MAX_ERROR - 16
"""Bytes for the map: the rest of the body is the array's head, the type and the id."""

_LONGEST = 1e15
"""Seconds of the longest `retry_after` that is told: in milliseconds it is an integer of 64 bits, and no tag."""

_LITTLE = 200
"""Characters of a message up to which the map of an error is kept, for the next one that says the same."""

_MOST_CAUSES = 8
"""Levels of causes that are told: a chain is as long as its handlers like."""


def encode(error: Error) -> bytes:
    """The encoded map of an error.

    Details that cannot travel are left out: the failure itself must reach the caller.
    """
    if _says_little(error):
        return _little(error.code, error.message, error.processed)
    fields = _fields(error, _MOST_CAUSES)
    encoded = payloads.encode(fields)
    for key in (TRACEBACK, CAUSES, DETAILS):
        if len(encoded) <= _ROOM:
            return encoded
        fields.pop(key, None)
        encoded = payloads.encode(fields)
    if len(encoded) > _ROOM:
        if TYPE in fields:
            fields[TYPE] = _cut(fields[TYPE], limits.MAX_METHOD)
        fields[MESSAGE] = _cut(fields[MESSAGE], _ROOM - len(payloads.encode(fields | {MESSAGE: ""})) - 4)
        encoded = payloads.encode(fields)
    return encoded


def _says_little(error: Error) -> bool:
    """Whether an error is short, and has nothing but its code, its message and what it promises."""
    return (
        error.type is None
        and error.details is None
        and error.retry_after is None
        and error.remote_traceback is None
        and not error.causes
        and len(error.message) <= _LITTLE
    )


@lru_cache(256)
def _little(code: Code, message: str, processed: Processed) -> bytes:
    """The map of such an error: the same for each call that was cancelled, or refused for one reason."""
    return payloads.encode(_first_fields(code, message, processed))


def _first_fields(code: Code, message: str, processed: Processed) -> dict[int, Any]:
    fields: dict[int, Any] = {CODE: int(code), MESSAGE: _text(message)}
    if processed:
        fields[PROCESSED] = int(processed)
    return fields


def _fields(error: Error, depth: int) -> dict[int, Any]:
    fields = _first_fields(error.code, error.message, error.processed)
    if error.retry_after is not None:
        fields[RETRY_AFTER] = round(min(max(0.0, error.retry_after), _LONGEST) * 1000)
    if error.type is not None:
        fields[TYPE] = _text(error.type)
    if error.details is not None:
        try:
            fields[DETAILS] = payloads.encode(error.details)
        except payloads.EncodeError:
            pass
    if error.remote_traceback is not None:
        fields[TRACEBACK] = _text(error.remote_traceback)
    if error.causes and depth:
        fields[CAUSES] = [_fields(cause, depth - 1) for cause in error.causes]
    return fields


def _text(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate in a message must not lose the error."""
    return text.encode("utf-8", "replace").decode()


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore")


def decode(fields: Mapping[Any, Any]) -> Error:
    """The error that a map tells.

    Raises:
        ValueError: a field is missing or of the wrong type.
    """
    return _error(fields, _MOST_CAUSES)


def _error(fields: Mapping[Any, Any], depth: int) -> Error:
    code, message = fields.get(CODE), fields.get(MESSAGE)
    if type(code) is not int or code < 0 or type(message) is not str:
        raise ValueError("an error has a code and a message")
    if not all(is_uint(key) for key in fields):
        raise ValueError("the keys of an error are unsigned integers")
    processed = fields.get(PROCESSED, 0)
    retry_after = fields.get(RETRY_AFTER)
    causes = fields.get(CAUSES, [])
    if not is_uint(processed) or not (RETRY_AFTER not in fields or is_uint(retry_after)) or not is_list(causes):
        raise ValueError("a field of an error is of the wrong type")
    if not all(is_map(cause) for cause in causes):
        raise ValueError("the causes of an error are errors")
    return _class_of(code)(
        message,
        processed=processed if processed in _PROCESSED else Processed.UNKNOWN,
        retry_after=None if retry_after is None else retry_after / 1000,
        type=_optional(fields, TYPE, str),
        details=_details(_optional(fields, DETAILS, bytes)),
        remote_traceback=_optional(fields, TRACEBACK, str),
        causes=[_error(cause, depth - 1) for cause in causes] if depth else (),
    )


_PROCESSED = frozenset(int(value) for value in Processed)


def _class_of(code: int) -> type[Error]:
    try:
        return ERROR_CLASSES[Code(code)]
    except ValueError:
        return RemoteError


def _optional(fields: Mapping[Any, Any], key: int, kind: type) -> Any:
    if key not in fields:
        return None
    if type(fields[key]) is not kind:
        raise ValueError("a field of an error is of the wrong type")
    return fields[key]


def _details(encoded: bytes | None) -> object:
    """The attached value; one that breaks the profile is dropped, since the failure itself is sound."""
    if encoded is None:
        return None
    try:
        return payloads.decode(encoded)
    except profile.ProfileError:
        return None
