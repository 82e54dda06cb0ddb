"""Handlers: what is served, and how a handler is run."""

from __future__ import annotations

import collections
import contextvars
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn, cast

import attrs
import trio

from rpc.net.access import is_local
from rpc.net.logs import PeerLog
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.handle import Handle
from rpc.service.table import Table
from rpc.text import quote

__all__ = ["Counts", "Handlers", "is_failure", "raise_unmixed", "run_async", "run_inline"]

_logger = logging.getLogger("rpc")

_HELD = 0.1
"""Seconds that a handler may hold the loop before a warning names it: everyone else waits meanwhile."""


@attrs.define(eq=False)
class Counts:
    """What has come from all peers of one server.

    Attributes:
        calls: those that have arrived whole.
        refused: those of them that no handler saw: unknown names, arguments that do not fit.
        failed: those that a handler began and that were answered with an error.
        notifications: those that have arrived, also the dropped ones.
        cut: connections that this side has broken off for what the peer did, by the name of the `Reason`.
    """

    calls: int = 0
    refused: int = 0
    failed: int = 0
    notifications: int = 0
    cut: collections.Counter[str] = attrs.field(factory=collections.Counter[str])


@attrs.define(eq=False)
class Handlers:
    """What is served on all connections of one server, or of one client that serves its server.

    Attributes:
        table: the handlers by name.
        states: what the lifespan of each service has yielded, by the service's name.
        debug: whether messages and tracebacks of handlers may leave the process.
        dropped: notifications that were not run, by the reason.
        described: the same handlers and those that describe them; None where nothing does.
        describe: whether all peers get these; None for those of this host.
        counts: what has come.
        log: what peers and handlers have caused.
    """

    table: Table
    states: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    debug: bool = False
    dropped: collections.Counter[str] = attrs.field(factory=collections.Counter[str])
    described: Table | None = None
    describe: bool | None = None
    counts: Counts = attrs.field(factory=Counts)
    log: PeerLog = attrs.field(factory=PeerLog)

    def table_for(self, peer: Peer) -> tuple[Table, bool]:
        """The handlers that a peer may call, and whether it may be told what else is there."""
        if self.described is not None and (is_local(peer) if self.describe is None else self.describe):
            return self.described, True
        return self.table, False

    def context(
        self, handle: Handle, peer: Peer, metadata: Mapping[Any, Any] | None, deadline: float, client: Any
    ) -> Context[Any] | None:
        """What a handler that asks for it may know about its call."""
        return self._context(handle, peer, metadata, deadline, client) if handle.signature.takes_context else None

    def _context(
        self, handle: Handle, peer: Peer, metadata: Mapping[Any, Any] | None, deadline: float, client: Any
    ) -> Context[Any]:
        state = self.states.get(handle.service)
        return Context(peer=peer, metadata=metadata or {}, deadline=deadline, state=state, client=client)

    def allows(
        self, handle: Handle, peer: Peer, metadata: Mapping[Any, Any] | None, deadline: float, client: Any
    ) -> bool:
        """Whether a peer may make a call; it may not where the predicate raises, or says neither True nor False."""
        if handle.allow is None:
            return True
        try:
            answer: Any = handle.allow(self._context(handle, peer, metadata, deadline, client))
        except BaseException as error:
            if not is_failure(error):
                raise
            self._tell(handle, "allow of %s raised %s", type(error).__name__, error)
            return False
        if not isinstance(answer, bool):
            self._tell(handle, "allow of %s gave a %s, not True or False", type(answer).__name__)
        return answer is True

    def log_failure(self, handle: Handle, error: BaseException) -> None:
        """Log what a handler raised and did not declare, where its author can see it."""
        self._tell(handle, "%s raised %s", type(error).__name__, error)

    def _tell(self, handle: Handle, message: str, what: str, failure: BaseException | None = None) -> None:
        self.log.write_of(logging.ERROR, "handler failed", handle.name, message, handle.name, what, failure=failure)

    def drop(self, method: str, reason: str, detail: str = "", *, level: int = logging.WARNING) -> None:
        """Count a notification that cannot run, and log it."""
        self.dropped[reason] += 1
        why = f"{reason}: {quote(detail)}" if detail else reason
        self.log.write_of(level, "notification dropped", reason, "notification %s dropped: %s", quote(method), why)


def is_failure(error: BaseException) -> bool:
    """Whether what a handler raised is its own failure: all but cancellation, and what ends the program.

    `SystemExit` is one: libraries that read command lines raise it for input which they do not like, and a handler
    has no say in whether everybody else is served.
    """
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(is_failure(one) for one in group.exceptions)
    return isinstance(error, Exception | SystemExit)


def run_inline(context: contextvars.Context, handle: Handle, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run a `def` handler here and now, in a copy of `context`; whatever it raises comes out."""
    start = time.perf_counter()
    try:
        return context.copy().run(handle.function, *args, **kwargs)
    finally:
        held = time.perf_counter() - start
        if held > _HELD:
            _logger.warning(
                "%s held the loop for %.0f ms: make it async, or register it with thread=True", handle.name, held * 1000
            )


async def run_async(handle: Handle, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an `async def` handler, or one that is registered for a thread; whatever it raises comes out unmixed."""
    if handle.is_async:
        try:
            return await handle.function(*args, **kwargs)
        except BaseExceptionGroup as group:
            raise_unmixed(group)
    # A thread is never abandoned: the answer waits for it, and it can ask trio.from_thread.check_cancelled().
    return await trio.to_thread.run_sync(partial(handle.function, *args, **kwargs))


def raise_unmixed(group: BaseExceptionGroup) -> NoReturn:
    """Raise a group that a handler raised, without the `trio.Cancelled` that it may hold beside errors.

    Cancellation is told again at the next checkpoint, while an error that lost its way into the tasks around the
    handler would end them all.
    """
    cancelled, failure = group.split(trio.Cancelled)
    if cancelled is None or failure is None:
        raise group
    raise failure from failure.__cause__
