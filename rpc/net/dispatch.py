"""Dispatch: from a call that has arrived to its handler, and from what the handler gives to the caller.

A `def` handler runs at once, where the call was read; an `async def` one, and one registered with ``thread=True``,
in a worker. Nothing here raises for what a peer or a handler did.
"""

from __future__ import annotations

import math
from typing import Any

import trio

from rpc.errors import (
    Cancelled,
    DeadlineExceeded,
    Error,
    InvalidArgument,
    PermissionDenied,
    Processed,
    Reason,
    ResourceExhausted,
    Unimplemented,
)
from rpc.net.handlers import Handlers, is_failure, run_inline
from rpc.net.host import Host
from rpc.net.jobs import JOBS, encoded
from rpc.net.notifications import Notifications
from rpc.net.streams import Items, Stream
from rpc.net.timers import WasteMeter
from rpc.service.faults import to_error
from rpc.service.function import WAYS
from rpc.service.handle import Handle, Kind
from rpc.session.calls import Incoming
from rpc.text import quote
from rpc.wire import frames
from rpc.wire.payload import Payload
from rpc.wire.profile import ProfileError

__all__ = ["Dispatcher"]

_METHOD, _NOTIFICATION = Kind.METHOD, Kind.NOTIFICATION
_STREAMS = frames.SENDS | frames.TAKES


class Dispatcher:
    """The serving side of one connection."""

    __slots__ = ("_connection", "_counts", "_handlers", "_jobs", "_table", "_tells_names", "_waste", "notifications")

    def __init__(self, connection: Host, handlers: Handlers) -> None:
        self._connection = connection
        self._handlers = handlers
        self._counts = handlers.counts
        self._table, self._tells_names = handlers.table_for(connection.peer)
        self._jobs = 0
        self._waste: WasteMeter | None = None
        self.notifications = Notifications(handlers, connection.limits, connection.context)

    def call(self, record: Incoming) -> None:
        """Serve a call that has arrived whole; where it came in fragments, its `owner` is when the first came."""
        connection = self._connection
        begun, record.owner = record.owner, None
        self._counts.calls += 1
        try:
            if connection.session.unsent and connection.is_slow():
                connection.session.share.budget.refused["max_unread"] += 1
                text = f"max_unread: {connection.session.queued} bytes wait for you to read them"
                raise ResourceExhausted(text, processed=Processed.NOT_PROCESSED)
            deadline = math.inf if record.timeout is None else _deadline(record.timeout, begun)
            handle = self._table.find(record.method)
            if handle is None or handle.kind is _NOTIFICATION:
                near = self._table.near(record.method) if handle is None and self._tells_names else []
                raise _refusal(record, handle, near)
            if handle.allow is not None:
                self._check_allowed(record, handle, deadline)
            if record.flags & _STREAMS != handle.flags:
                raise _refusal(record, handle, [])
            context = None
            if handle.signature.takes_context:
                context = self._handlers.context(handle, connection.peer, record.metadata, deadline, connection.client)
            items = self._open_stream(record, handle) if handle.flags else None
            args, kwargs = handle.signature.bind_payload(
                record.payload, bool(record.flags & frames.NAMED), context, connection.limits.max_items, items
            )
        except Error as refusal:
            self._counts.refused += 1
            connection.session.callee.fail(record, refusal)
            return
        record.payload = b""
        if handle.is_async or handle.thread or handle.kind is not _METHOD:
            job = JOBS[handle.kind](self, record, handle, args, kwargs, deadline)
            record.owner = connection.workers.start(job)
            self._jobs += 1
            return
        try:
            payload = encoded(run_inline(connection.context, handle, args, kwargs), handle)
        except BaseException as error:
            if not is_failure(error):
                raise
            self.fail(record, handle, error)
        else:
            connection.session.callee.reply(record, payload)

    def _check_allowed(self, record: Incoming, handle: Handle, deadline: float) -> None:
        """Raise `PermissionDenied` (not processed) where the handler is not for this peer."""
        connection = self._connection
        if not self._handlers.allows(handle, connection.peer, record.metadata, deadline, connection.client):
            raise PermissionDenied(f"{handle.name} is not for you", processed=Processed.NOT_PROCESSED)

    def _open_stream(self, record: Incoming, handle: Handle) -> Items[Any] | None:
        """Make ready for the items of a call; gives the caller's, where the handler iterates over them."""
        record.stream = Stream(self._connection, record, self._connection.session.callee)
        if not handle.signature.takes_items:
            return None

        def refuse(problem: ProfileError, index: int) -> InvalidArgument:
            return InvalidArgument(f"{handle.name}: item {index} cannot be decoded: {problem}")

        return Items(record.stream, handle.signature.convert_item_in, refuse)

    def answer(self, record: Incoming, payload: Payload) -> None:
        """Send the result of a worker's call."""
        self._connection.session.callee.reply(record, payload)
        self._send()

    def fail(self, record: Incoming, handle: Handle, exception: BaseException) -> None:
        """Answer with what a handler raised."""
        error = to_error(exception, handle=handle, debug=self._handlers.debug)
        if error.type is not None and "." not in error.type:
            self._handlers.log_failure(handle, exception)
        self.refuse(record, error)

    def refuse(self, record: Incoming, error: Error) -> None:
        """Answer with an error what a handler has begun."""
        self._counts.failed += 1
        self._connection.session.callee.fail(record, error)
        self._send()
        if isinstance(error, Cancelled) and error.processed is Processed.NOT_PROCESSED:
            self._waste = self._waste or WasteMeter()
            if self._waste.add(self._jobs):
                self._connection.abort(Reason.TOO_MANY, "too many calls are cancelled as soon as they are made")

    def _send(self) -> None:
        """Send an answer: at once where it is the only one to come, else with all that are ready by then."""
        if self._connection.session.open_calls == 1:
            self._connection.flush()
        else:
            self._connection.flush_soon()


def _refusal(record: Incoming, handle: Handle | None, near: list[str]) -> Unimplemented:
    """Why there is no handler for a call of this name and kind; `near` are names that look like an unknown one."""
    if handle is None:
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        message = f"there is no method {quote(record.method)}{hint}"
    elif handle.flags & ~record.flags & frames.SENDS and handle.kind is not Kind.CONTEXT:
        message = f"{handle.name} takes a stream: give it an async iterable"
    elif record.flags & ~handle.flags & frames.SENDS:
        message = f"{handle.name} takes no stream"
    else:
        message = f"{handle.name} {WAYS[handle.kind]}"
    return Unimplemented(message, processed=Processed.NOT_PROCESSED)


def _deadline(timeout: int, begun: float | None) -> float:
    """When a call expires, on trio's clock: its milliseconds count from its first frame.

    Raises:
        DeadlineExceeded: (not processed) its fragments took longer than that.
    """
    now = trio.current_time()
    deadline = (now if begun is None else begun) + timeout / 1000
    if deadline <= now:
        raise DeadlineExceeded("the deadline passed before the call was whole", processed=Processed.NOT_PROCESSED)
    return deadline
