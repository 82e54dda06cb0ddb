"""Status codes and the exceptions that stand for them.

Every failure of a call reaches the caller as one exception of this tree::

    Error
    ├── Cancelled, InvalidArgument, DeadlineExceeded, NotFound, ...   one class for each status
    ├── RemoteError      the class of UNKNOWN: what a handler raised without declaring it
    └── ProtocolError    a peer broke the wire protocol; its connection has ended

A handler raises the same classes to answer with a status of its own. The codes and their meanings are gRPC's
(https://grpc.io/docs/guides/status-codes/); how an error looks on the wire is section 5 of ``docs/protocol.md``.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "ERROR_CLASSES",
    "Aborted",
    "AlreadyExists",
    "Cancelled",
    "Code",
    "DataLoss",
    "DeadlineExceeded",
    "Error",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "Processed",
    "ProtocolError",
    "Reason",
    "RemoteError",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
]


class Code(enum.IntEnum):
    """The status of a call that failed; the numbers are gRPC's."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Processed(enum.IntEnum):
    """Whether the handler of a failed call was started.

    ``NOT_PROCESSED`` is a promise: the call did not run and may be made again. ``DO_NOT_RETRY`` says that a
    second try would fail in the same way. ``UNKNOWN`` promises nothing: the call may have run.
    """

    UNKNOWN = 0
    NOT_PROCESSED = 1
    DO_NOT_RETRY = 2


class Reason(enum.IntEnum):
    """Why a connection was ended, as its GOAWAY frame tells it."""

    NONE = 0
    PROTOCOL = 1
    INTERNAL = 2
    CREDIT = 3
    SIZE = 4
    VERSION = 5
    CREDENTIAL = 6
    TOO_MANY = 7
    TOO_SLOW = 8

    @classmethod
    def of(cls, number: int) -> Reason:
        """The reason of a number that a peer has sent; NONE where it is not known here."""
        return cls(number) if number in _REASONS else cls.NONE

    @classmethod
    def words_of(cls, number: int) -> str:
        """What is said of a number that a peer has sent without a word."""
        if number == cls.NONE:
            return "it is about to close"
        return cls(number).name.lower().replace("_", " ") if number in _REASONS else f"reason {number}"


_REASONS = frozenset(int(reason) for reason in Reason)


class Error(Exception):
    """The base of every exception that this package raises about a call or a connection.

    Attributes:
        code: the status.
        message: the text for a person; safe to show, never a traceback.
        processed: whether the handler was started, see `Processed`.
        retry_after: seconds after which the callee suggests another try, or None.
        type: the class of what the handler raised: ``service.ClassName`` where it was declared with ``raises=``,
            the bare class name where it was not, None where the handler raised a status.
        details: a value that the handler attached (any value that can travel), or None.
        remote_traceback: the handler's traceback as text, only where its server runs with ``debug=True``.
        causes: the errors that led to this one, as the callee told them.
        was_received: whether a call of this process has raised it. A handler that lets such an error escape answers
            with UNKNOWN: what was promised about that call is not promised about its own.
    """

    code: ClassVar[Code] = Code.UNKNOWN
    was_received = False

    def __init__(
        self,
        message: str = "",
        *,
        processed: Processed | int = Processed.UNKNOWN,
        retry_after: float | None = None,
        details: object = None,
        type: str | None = None,
        remote_traceback: str | None = None,
        causes: Sequence[Error] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.processed = Processed(processed)
        self.retry_after = retry_after
        self.details = details
        self.type = type
        self.remote_traceback = remote_traceback
        self.causes = tuple(causes)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.type else self.message


class Cancelled(Error):
    """The callee cancelled the call by itself. A caller that cancels its own call sees `trio.Cancelled` instead."""

    code = Code.CANCELLED


class RemoteError(Error):
    """The handler raised an exception that it did not declare; `type` is the name of its class."""

    code = Code.UNKNOWN


class InvalidArgument(Error):
    """The arguments do not fit the method's signature, or the handler found their values wrong."""

    code = Code.INVALID_ARGUMENT


class DeadlineExceeded(Error):
    """A deadline that someone else set has passed. The caller's own is `trio.TooSlowError` or `trio.Cancelled`."""

    code = Code.DEADLINE_EXCEEDED


class NotFound(Error):
    """What was asked for does not exist."""

    code = Code.NOT_FOUND


class AlreadyExists(Error):
    """What was to be made exists."""

    code = Code.ALREADY_EXISTS


class PermissionDenied(Error):
    """This peer is known and may not do this."""

    code = Code.PERMISSION_DENIED


class ResourceExhausted(Error):
    """A limit was reached: calls, bytes in flight, the size of a message, or one of the handler's own."""

    code = Code.RESOURCE_EXHAUSTED


class FailedPrecondition(Error):
    """The system is not in the state that the call needs; do not retry before that changes."""

    code = Code.FAILED_PRECONDITION


class Aborted(Error):
    """The call lost against another, as in a conflict of transactions; retry the whole of it."""

    code = Code.ABORTED


class OutOfRange(Error):
    """Past the end of what exists now."""

    code = Code.OUT_OF_RANGE


class Unimplemented(Error):
    """There is no such method, or it is not of the kind that was called."""

    code = Code.UNIMPLEMENTED


class Internal(Error):
    """An invariant of the callee, or of the library, is broken."""

    code = Code.INTERNAL


class Unavailable(Error):
    """No connection, or it was lost; `processed` says whether the call may have run."""

    code = Code.UNAVAILABLE


class DataLoss(Error):
    """Data was lost or damaged beyond repair."""

    code = Code.DATA_LOSS


class Unauthenticated(Error):
    """The peer's credential is missing or wrong."""

    code = Code.UNAUTHENTICATED


class ProtocolError(Error):
    """The peer broke the wire protocol, and the connection has ended for that.

    Attributes:
        reason: the GOAWAY reason that this side told the peer.
    """

    code = Code.INTERNAL

    def __init__(self, message: str = "", *, reason: Reason = Reason.PROTOCOL) -> None:
        super().__init__(message)
        self.reason = reason


ERROR_CLASSES: dict[Code, type[Error]] = {
    cls.code: cls
    for cls in (
        Cancelled,
        RemoteError,
        InvalidArgument,
        DeadlineExceeded,
        NotFound,
        AlreadyExists,
        PermissionDenied,
        ResourceExhausted,
        FailedPrecondition,
        Aborted,
        OutOfRange,
        Unimplemented,
        Internal,
        Unavailable,
        DataLoss,
        Unauthenticated,
    )
}
"""The class of each status: a new status is a row here and a class above."""
