"""Notifications that have arrived: run in order, one after the other, and dropped where they are too many."""

from __future__ import annotations

import collections
import contextvars
import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import trio

from rpc.errors import Error
from rpc.limits import Limits
from rpc.net.handlers import Handlers, run_async, run_inline
from rpc.peer import Peer
from rpc.service.handle import Notification

__all__ = ["Notifications"]


class Notifications:
    """The notifications of one connection, or of one datagram socket.

    A `def` handler with nothing before it runs at once. All others wait in one queue, which one task works off;
    those registered with ``concurrent=True`` have a task each.
    """

    __slots__ = (
        "_context",
        "_handlers",
        "_is_queue_running",
        "_limits",
        "_queue",
        "_quiet",
        "_running",
        "nursery",
    )

    def __init__(self, handlers: Handlers, limits: Limits, context: contextvars.Context) -> None:
        self._handlers = handlers
        self._limits = limits
        self._context = context
        self._queue: collections.deque[_Notice] | None = None
        self._running = 0
        self._is_queue_running = False
        self._quiet: trio.Event | None = None  # set, and forgotten, when nothing runs any more
        self.nursery: trio.Nursery | None = None

    def take(
        self, method: str, metadata: Mapping[Any, Any] | None, payload: bytes, peer: Peer, client: object = None
    ) -> bool:
        """Run or queue a notification; False where there is none of that name. What cannot run is counted."""
        self._handlers.counts.notifications += 1
        handle = self._handlers.table.find(method)
        if not isinstance(handle, Notification):
            self._handlers.drop(method, "no such notification")
            return False
        if not self._handlers.allows(handle, peer, metadata, math.inf, client):
            self._handlers.drop(method, "not allowed")
            return True
        try:
            context = self._handlers.context(handle, peer, metadata, math.inf, client)
            args, kwargs = handle.signature.bind_payload(payload, True, context, self._limits.max_items)
        except Error as error:
            self._handlers.drop(method, "arguments that do not fit", error.message)
            return True
        notice = _Notice(self._handlers, handle, args, kwargs)
        if len(self._queue or ()) + self._running >= self._limits.max_notifications:
            self._handlers.drop(method, "too many are queued")
        elif notice.waits and handle.concurrent:
            self._start(self._run_one, notice)
        elif notice.waits or self._is_queue_running:
            if self._queue is None:
                self._queue = collections.deque()
            self._queue.append(notice)
            if not self._is_queue_running:
                self._is_queue_running = True
                self._start(self._run_queue)
        else:
            notice.run_inline(self._context)
        return True

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
        await notice.run(self._context)
        self._ended()

    async def _run_queue(self) -> None:
        while self._queue:
            notice = self._queue.popleft()
            if notice.handle.is_async:
                # It must not see the variables of the one before: a task enters its new context with its next step.
                trio.lowlevel.current_task().context = self._context.copy()
                await trio.lowlevel.checkpoint()
            await notice.run(self._context)
        self._is_queue_running = False
        self._ended()

    def _ended(self) -> None:
        self._running -= 1
        if not self._running and self._quiet is not None:
            self._quiet.set()
            self._quiet = None


@attrs.frozen(eq=False)
class _Notice:
    """One notification with its bound arguments."""

    handlers: Handlers
    handle: Notification[Any]
    args: Any
    kwargs: dict[str, Any]

    @property
    def waits(self) -> bool:
        """Whether its handler cannot run where it was read."""
        return self.handle.is_async or self.handle.thread

    def run_inline(self, context: contextvars.Context) -> None:
        try:
            run_inline(context, self.handle, self.args, self.kwargs)
        except Exception as error:
            self.handlers.log_failure(self.handle, error)

    async def run(self, context: contextvars.Context) -> None:
        if not self.waits:
            self.run_inline(context)
            return
        try:
            await run_async(self.handle, self.args, self.kwargs)
        except Exception as error:
            self.handlers.log_failure(self.handle, error)
