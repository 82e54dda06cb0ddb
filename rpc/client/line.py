"""The line of a client: the one connection that all views of it share, made anew where the peer has left it.

A peer that stops says so before it goes (protocol section 6): calls that are open end on the old connection, and new
ones go by a new one. A connection that was lost is made anew only where that was asked for, since who serves at the
other end, or keeps something for this client, may have lost it too.

It is made by the first call that needs it, for all that need it meanwhile, in a task of its own: a caller with little
time gives up alone.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import attrs
import trio

from rpc.errors import Processed, Unavailable
from rpc.net.connection import Connection

__all__ = ["Dial", "Line", "RenewableLine"]

Dial: TypeAlias = Callable[[], Awaitable[Connection]]
"""Makes a connection, or raises `Unavailable`."""

_CLOSED = "this client was closed"


class Line:
    """One connection for good.

    Attributes:
        connection: the one to call through, in whatever state.
    """

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def is_off(self, connection: Connection) -> bool:
        """Whether calls go by another connection than this one from now on."""
        return False

    async def ready(self) -> Connection:
        """The connection to call through. One that takes no calls says why to whoever calls through it.

        Raises:
            Unavailable: (not processed) another one was needed, and could not be made.
        """
        return self.connection

    @property
    def open(self) -> Sequence[Connection]:
        """The connections on which something may be open, or queued."""
        return (self.connection,)

    def close(self) -> None:
        """End them at once; does nothing the second time."""
        for connection in self.open:
            connection.end(_CLOSED)


@attrs.define(eq=False)
class _Renewal:
    """The making of one connection, and what came of it."""

    done: trio.Event = attrs.field(factory=trio.Event)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    failure: Unavailable | None = None


class RenewableLine(Line):
    """A connection that is made anew where the peer stops, or, if asked for, where it is lost."""

    __slots__ = ("_context", "_dial", "_has_begun", "_is_closed", "_left", "_nursery", "_reconnects", "_renewal")

    def __init__(self, nursery: trio.Nursery, *, reconnects: bool) -> None:
        """A line that is of use once it has begun.

        Args:
            nursery: where connections are made anew.
            reconnects: whether one that was lost is made anew too.
        """
        self._nursery = nursery
        self._reconnects = reconnects
        self._context = contextvars.copy_context()
        self._has_begun = False
        self._left: Sequence[Connection] = ()
        self._renewal: _Renewal | None = None
        self._is_closed = False

    async def begin(self, dial: Dial) -> None:
        """Make the first connection, as all others are made."""
        self._dial = dial
        self.connection = await dial()
        self._has_begun = True

    def adopt(self, connection: Connection) -> None:
        """A connection is being made; the first is that of this line at once.

        Its peer may call, and be called back, before whoever made it knows that it is there.
        """
        if not self._has_begun:
            self.connection = connection

    def is_off(self, connection: Connection) -> bool:
        return connection is not self.connection or self._needs_another

    @property
    def open(self) -> Sequence[Connection]:
        return [connection for connection in (*self._left, self.connection) if not connection.is_over]

    @property
    def _needs_another(self) -> bool:
        """Whether the connection takes no calls, and there is to be another one."""
        connection = self.connection
        is_spent = connection.session.caller.refusal is not None
        return is_spent and (self._reconnects or connection.peer_stops) and not self._is_closed

    async def ready(self) -> Connection:
        while self._needs_another:
            renewal = self._renewal
            if renewal is None:
                renewal = self._renewal = _Renewal()
                # Not in the context of a caller: the connection's handlers would see that one's variables.
                self._context.copy().run(self._nursery.start_soon, self._renew, renewal)
            await renewal.done.wait()
            if renewal.failure is not None:
                # Each caller raises one of its own: a traceback is that of one task.
                raise Unavailable(renewal.failure.message, processed=Processed.NOT_PROCESSED) from renewal.failure
        return self.connection

    async def _renew(self, renewal: _Renewal) -> None:
        try:
            with renewal.scope:
                connection = await self._dial()
                if self._is_closed:
                    connection.end(_CLOSED)
                    return
                self._end_unused()
                self._left = self.open
                self.connection = connection
        except Unavailable as failure:
            renewal.failure = failure
        finally:
            self._renewal = None
            renewal.done.set()

    def _end_unused(self) -> None:
        """End those that were left before and have nothing to do any more, where their peers have not."""
        for connection in self._left:
            if connection.is_quiet and not connection.session.has_output:
                connection.end("its peer takes no more calls")

    def close(self) -> None:
        self._is_closed = True
        if self._renewal is not None:
            self._renewal.scope.cancel()
        super().close()
