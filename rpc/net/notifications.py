"""Notifications that have arrived: run in order, one after the other, and dropped where they are too many."""

from __future__ import annotations

import collections
import contextvars
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import trio

from rpc.errors import Error
from rpc.limits import Limits
from rpc.net.handlers import Handlers, is_failure, run_async, run_inline
from rpc.peer import Peer
from rpc.service.handle import Notification

__all__ = ["Notifications"]


class Notifications:
    """The notifications of one connection, or of one datagram socket.

    A `def` handler with nothing before it runs at once. All others wait in one queue, which one task works off;
    those registered with ``concurrent=True`` have a task each.

    Args:
        level: of the log, for what cannot run and is dropped.
    """

    __slots__ = (
        "_context",
        "_handlers",
        "_is_queue_running",
        "_level",
        "_limits",
        "_queue",
        "_quiet",
        "_running",
        "nursery",
    )

    def __init__(
        self, handlers: Handlers, limits: Limits, context: contextvars.Context, *, level: int = logging.WARNING
    ) -> None:
        self._handlers = handlers
        self._limits = limits
        self._context = context
        self._level = level
        self._queue: collections.deque[_Notice] | None = None
        self._running = 0
        self._is_queue_running = False
        self._quiet: trio.Event | None = None  # set, and forgotten, when nothing runs any more
        self.nursery: trio.Nursery | None = None

    def take(
        self, method: str, metadata: Mapping[Any, Any] | None, payload: bytes, peer: Peer, client: object = None
    ) -> bool:
        """Run or queue a notification; False where there is none of that name. What cannot run is counted."""
        handlers = self._handlers
        handlers.counts.notifications += 1
        handle = handlers.table.find(method)
        if not isinstance(handle, Notification):
            handlers.drop(method, "no such notification", level=self._level)
            return False
        if handle.allow is not None and not handlers.allows(handle, peer, metadata, math.inf, client):
            handlers.drop(method, "not allowed", level=self._level)
            return True
        signature = handle.signature
        try:
            context = handlers.context(handle, peer, metadata, math.inf, client) if signature.takes_context else None
            args, kwargs = signature.bind_payload(payload, True, context, self._limits.max_items)
        except Error as error:
            handlers.drop(method, "arguments that do not fit", error.message, level=self._level)
            return True
        if self._running or _waits(handle):
            self._line_up(_Notice(handle, args, kwargs))
        else:
            self._run_inline(handle, args, kwargs)
        return True

    def _line_up(self, notice: _Notice) -> None:
        """What may have to wait, for something or for those before it."""
        handle = notice.handle
        if len(self._queue or ()) + self._running >= self._limits.max_notifications:
            self._handlers.drop(handle.name, "too many are queued", level=self._level)
        elif _waits(handle) and handle.concurrent:
            self._start(self._run_one, notice)
        elif _waits(handle) or self._is_queue_running:
            if self._queue is None:
                self._queue = collections.deque()
            self._queue.append(notice)
            if not self._is_queue_running:
                self._is_queue_running = True
                self._start(self._run_queue)
        else:
            self._run_inline(handle, notice.args, notice.kwargs)

    @property
    def is_running(self) -> bool:
        """Whether a notification that waits for something has begun and not ended."""
        return self._running > 0

    async def finish(self) -> None:
        """Wait until all that has arrived has run: a peer that notifies and leaves has still notified."""
        if self._quiet is None:
            await trio.lowlevel.checkpoint()
        else:
            await self._quiet.wait()

    def _start(self, function: Callable[..., Any], *args: Any) -> None:
        assert self.nursery is not None
        if self._quiet is None:
            self._quiet = trio.Event()
        self._running += 1
        self._context.run(self.nursery.start_soon, function, *args)

    async def _run_one(self, notice: _Notice) -> None:
        await self._run(notice)
        self._ended()

    async def _run_queue(self) -> None:
        while self._queue:
            notice = self._queue.popleft()
            if notice.handle.is_async:
                # It must not see the variables of the one before: a task enters its new context with its next step.
                trio.lowlevel.current_task().context = self._context.copy()
                await trio.lowlevel.checkpoint()
            await self._run(notice)
        self._is_queue_running = False
        self._ended()

    async def _run(self, notice: _Notice) -> None:
        if not _waits(notice.handle):
            self._run_inline(notice.handle, notice.args, notice.kwargs)
            return
        try:
            await run_async(notice.handle, notice.args, notice.kwargs)
        except BaseException as error:
            if not is_failure(error):
                raise
            self._handlers.log_failure(notice.handle, error)

    def _run_inline(self, handle: Notification[Any], args: Any, kwargs: dict[str, Any]) -> None:
        try:
            run_inline(self._context, handle, args, kwargs)
        except BaseException as error:
            if not is_failure(error):
                raise
            self._handlers.log_failure(handle, error)

    def _ended(self) -> None:
        self._running -= 1
        if not self._running and self._quiet is not None:
            self._quiet.set()
            self._quiet = None


@attrs.frozen(eq=False)
class _Notice:
    """One notification with its bound arguments."""

    handle: Notification[Any]
    args: Any
    kwargs: dict[str, Any]


def _waits(handle: Notification[Any]) -> bool:
    """Whether a handler cannot run where its notification was read."""
    return handle.is_async or handle.thread
