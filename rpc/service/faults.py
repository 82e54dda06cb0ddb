"""What a handler raised -> the error that travels, and back (protocol section 5).

Three kinds of exceptions leave a handler. A status (`rpc.NotFound(...)`) is an answer, and travels as it is. An
exception declared with ``raises=`` travels as itself, and a caller that knows its class gets it back. Whatever else
is raised travels as UNKNOWN with the name of its class only: its message was written for this process, and stays in it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, cast

from rpc.errors import ERROR_CLASSES, Code, Error, Processed, RemoteError
from rpc.service.convert import cut
from rpc.service.declared import STATUSES, pack, rebuild
from rpc.service.handle import Handle
from rpc.wire.payload import encode

__all__ = ["from_error", "to_error"]

_MAX_MESSAGE = 1024
"""Characters of the message of an exception that is none of ours; what a status says is the handler's choice."""

_MAX_TRACEBACK = 8192
"""Characters of a traceback, its end: an error has 16384 bytes on the wire, and one that is larger loses all of it."""


def to_error(exception: BaseException, *, handle: Handle | None, debug: bool) -> Error:
    """The error that tells the caller of what a handler raised.

    Args:
        exception: what was raised. A group with one leaf is taken for that leaf.
        handle: the handler, for what it declares; None where there is none.
        debug: whether the message of an undeclared exception, and the traceback of any, leave this process.
    """
    exception = _single(exception)
    error = _declared(exception, handle) or _status(exception) or _undeclared(exception, debug)
    if debug:
        error.remote_traceback = "".join(traceback.format_exception(exception))[-_MAX_TRACEBACK:]
    return error


def _single(exception: BaseException) -> BaseException:
    while isinstance(exception, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", exception)
        exception, *others = group.exceptions
        if others:
            return group
    return exception


def _declared(exception: BaseException, handle: Handle | None) -> Error | None:
    if handle is None:
        return None
    declared = [cls for cls in type(exception).__mro__ if cls in handle.raises and cls not in STATUSES]
    if not declared:
        return None
    cls = declared[0]  # the nearest
    return _class_of(cls)(
        cut(_text(exception), _MAX_MESSAGE),
        processed=_promise(exception),
        type=f"{handle.service}.{cls.__name__}",
        details=_if_it_travels(lambda: pack(exception, cls)),
    )


def _status(exception: BaseException) -> Error | None:
    if not isinstance(exception, Error) or exception.was_received:
        return None
    return _class_of(type(exception))(
        str(exception.message),
        processed=_promise(exception),
        retry_after=exception.retry_after,
        details=_if_it_travels(lambda: exception.details),
    )


def _class_of(cls: type[BaseException]) -> type[Error]:
    """The class of the status that an exception class names as its ``code``; other codes than ours are ignored."""
    code = getattr(cls, "code", None)
    return ERROR_CLASSES[code] if isinstance(code, Code) else RemoteError


def _undeclared(exception: BaseException, debug: bool) -> Error:
    name = type(exception).__name__.replace(".", "_")  # a dot would make it a declared one
    if debug:
        return RemoteError(cut(_text(exception), _MAX_MESSAGE), type=name)
    return RemoteError(f"the handler raised {name}; its message stays on the server", type=name)


def _promise(exception: BaseException) -> Processed:
    """A handler that ran cannot promise that it did not."""
    if isinstance(exception, Error) and not exception.was_received and exception.processed == Processed.DO_NOT_RETRY:
        return Processed.DO_NOT_RETRY
    return Processed.UNKNOWN


def _if_it_travels(details: Callable[[], Any]) -> Any:
    """None for details that cannot travel: the caller is better off with the rest of the error than without it."""
    try:
        value = details()
        encode(value)
    except Exception:
        return None
    return value


def _text(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:
        return ""


def from_error(error: Error, raises: Sequence[type[Exception]], service: str) -> Exception:
    """What the caller raises for an error: the declared exception made anew, with the error as its cause, or the error.

    Args:
        error: as it was received.
        raises: the classes that may be made; nothing else is ever run.
        service: the name of the service that was called.
    """
    for cls in raises:
        if cls not in STATUSES and error.type == f"{service}.{cls.__name__}":
            exception = rebuild(cls, error.details)
            if exception is None:
                return error
            exception.__cause__ = error
            if isinstance(exception, Error):
                exception.was_received = True
            return exception
    return error
