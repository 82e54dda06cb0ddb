"""Exceptions -> errors that travel, and back (protocol section 5)."""

from __future__ import annotations

import dataclasses
import traceback
import typing
from collections.abc import Sequence
from typing import Any

import attrs

from rpc.errors import ERROR_CLASSES, Code, Error, Processed, RemoteError
from rpc.service.convert import MsgspecConverter
from rpc.service.handle import Handle
from rpc.wire.payload import EncodeError, encode

__all__ = ["from_error", "to_error"]

_MAX_MESSAGE = 1024


def to_error(exception: BaseException, *, handle: Handle | None, debug: bool) -> Error:
    """The error that tells a caller of what a handler raised."""
    exception = _leaf(exception)
    error = _translate(exception, handle, debug)
    if debug:
        error.remote_traceback = "".join(traceback.format_exception(exception))
    return error


def _leaf(exception: BaseException) -> BaseException:
    while isinstance(exception, BaseExceptionGroup) and len(exception.exceptions) == 1:
        exception = exception.exceptions[0]
    return exception


def _translate(exception: BaseException, handle: Handle | None, debug: bool) -> Error:
    declared = _declared(exception, handle)
    if declared is not None and handle is not None:
        return _declared_error(exception, declared, handle.name.rpartition(".")[0])
    if isinstance(exception, Error) and not getattr(exception, "_received", False):
        return ERROR_CLASSES[exception.code](
            exception.message,
            processed=_kept(exception),
            retry_after=exception.retry_after,
            details=_travelling(exception.details),
        )
    name = type(exception).__name__
    message = _text(exception) if debug else f"the handler raised {name}; its message stays on the server"
    return RemoteError(message, type=name)


def _kept(error: Error) -> Processed:
    return Processed.DO_NOT_RETRY if error.processed is Processed.DO_NOT_RETRY else Processed.UNKNOWN


def _declared(exception: BaseException, handle: Handle | None) -> type[Exception] | None:
    statuses = set(ERROR_CLASSES.values())
    raises = () if handle is None else handle.raises
    return next((cls for cls in type(exception).__mro__ if cls in raises and cls not in statuses), None)


def _declared_error(exception: BaseException, declared: type[Exception], service: str) -> Error:
    code = getattr(declared, "code", None)
    error = ERROR_CLASSES[code if isinstance(code, Code) else Code.UNKNOWN](
        _text(exception), type=f"{service}.{declared.__name__}", details=_travelling(_fields(exception, declared))
    )
    if isinstance(exception, Error):
        error.processed = _kept(exception)
    return error


def _fields(exception: BaseException, declared: type[Exception]) -> Any:
    if attrs.has(declared):
        return {field.name: getattr(exception, field.name) for field in attrs.fields(declared) if field.init}
    if dataclasses.is_dataclass(declared):
        return {field.name: getattr(exception, field.name) for field in dataclasses.fields(declared) if field.init}
    return list(exception.args)


def _travelling(details: Any) -> Any:
    try:
        encode(details)
    except EncodeError:
        return None
    return details


def _text(exception: BaseException) -> str:
    try:
        return str(exception)[:_MAX_MESSAGE]
    except Exception:
        return ""


def from_error(error: Error, raises: Sequence[type[Exception]], service: str) -> Exception:
    """What a caller raises for an error: the declared exception rebuilt, or the error itself."""
    for cls in raises:
        if error.type == f"{service}.{cls.__name__}":
            try:
                exception = _rebuild(cls, error.details)
            except Exception:
                return error
            exception.__cause__ = error
            return exception
    return error


def _rebuild(cls: type[Exception], details: Any) -> Exception:
    if isinstance(details, dict):
        hints = typing.get_type_hints(cls, include_extras=True)
        fields: dict[str, Any] = typing.cast("dict[str, Any]", details)
        aliases = {field.name: field.alias for field in attrs.fields(cls)} if attrs.has(cls) else {}
        reader = MsgspecConverter().reader
        return cls(**{aliases.get(name, name): reader(hints[name])(value) for name, value in fields.items()})
    return cls(*details)
