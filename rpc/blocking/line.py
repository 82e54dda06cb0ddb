"""The line of a client: the one connection that all views of it share, made anew where it has ended in silence.

A connection that ended while nothing was in the air, because the server was started again or has closed it for its
silence, costs nobody anything: the next call opens another. Nothing is ever sent twice.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from rpc.blocking.connection import Connection
from rpc.blocking.waiting import NEVER, Deadline
from rpc.errors import Processed, Unavailable

__all__ = ["Line"]

_FRESH = 0.01
"""Seconds after its last sign of life in which a connection is used without looking at it: a look costs more than the
clock, and calls one behind the other need none."""


class Line:
    """Gives the connection to call through, in the process that has made it.

    Attributes:
        lock: held by who makes a connection anew; taken before that of a connection, never behind it.
    """

    def __init__(self, open: Callable[[Deadline], Connection], deadline: Deadline) -> None:
        """Open it.

        Args:
            open: makes a connection, until a deadline.
            deadline: of the first one.
        """
        self._open = open
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._is_closed = False
        self._connection = open(deadline)

    @property
    def last(self) -> Connection:
        """The connection as it is, in whatever state."""
        return self._connection

    def connection(self, deadline: Deadline = NEVER) -> Connection:
        """The connection to call through.

        Raises:
            Unavailable: (not processed) the client was closed, or there is no connection any more.
            RuntimeError: this is another process, made by fork.
            TimeoutError: the deadline has passed before there was one again.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                f"this client is that of process {self._process}, and two must not speak on one connection: "
                "a process that was made by fork calls rpc.blocking.connect for itself"
            )
        connection = self._connection
        is_usable = not (connection.is_over or connection.is_leaving or self._is_closed)
        if is_usable and time.monotonic() - connection.vigil.heard_at < _FRESH:
            return connection
        return self._checked(deadline)

    def _checked(self, deadline: Deadline) -> Connection:
        left = deadline.left()
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise deadline.passed()
        try:
            if self._is_closed:
                raise Unavailable("this client was closed", processed=Processed.NOT_PROCESSED)
            connection = self._connection
            with connection.lock:
                connection.look()
                if connection.is_idle and connection.is_leaving:
                    connection.end("the peer takes no more calls")
                if not connection.is_over:
                    return connection
            self._connection = self._open(deadline)
            return self._connection
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection; open calls of other threads end with `Unavailable`. In another process, let go of it.

        Does nothing the second time.
        """
        if os.getpid() != self._process:
            self._connection.transport.close()
            return
        self._is_closed = True
        with self._connection.lock:
            self._connection.flush()
            self._connection.end("this client was closed")
