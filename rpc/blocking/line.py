"""The line of a client: the one connection that all views of it share, made anew where it has ended or the peer stops.

A peer that stops says so before it goes (protocol section 6): calls that are open end on the old connection, and new
ones, of whichever thread, go by a new one. A connection that was lost is made anew too, unless that is not wanted. It
is made by the first call that needs it, for all that need it meanwhile.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from rpc.blocking.connection import Connection
from rpc.blocking.waiting import NEVER, Deadline
from rpc.client.patience import Patience
from rpc.errors import Processed, Unavailable

__all__ = ["Dial", "Line"]

Dial: TypeAlias = Callable[[Deadline], Connection]
"""Makes a connection until a deadline, or raises `Unavailable` or TimeoutError."""

_CLOSED = "this client was closed"

_FRESH = 0.01
"""Seconds after its last sign of life in which a connection is used without looking at it: a look costs more than the
clock, and calls one behind the other need none."""


class Line:
    """Gives the connection to call through, in the process that has made it.

    Its lock is held by who looks after the connection, or makes another; it is taken before that of a connection, never
    behind it.
    """

    def __init__(self, dial: Dial, *, wait: float = 0, reconnects: bool = True) -> None:
        """A line that is of use once it has begun.

        Args:
            dial: makes each connection.
            wait: seconds to try for, each time.
            reconnects: whether one that was lost is made anew; one whose peer stops is so in any case.
        """
        self._dial = dial
        self._wait = wait
        self._reconnects = reconnects
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._left: list[Connection] = []
        self._failures = 0
        self._failure = ""
        self._connection: Connection

    def begin(self, dial: Callable[[], Connection]) -> None:
        """Make the first connection, by a way of its own.

        Raises:
            Unavailable: (not processed) there is none.
        """
        self._connection = self._patiently(dial, NEVER)

    @property
    def connection(self) -> Connection:
        """The connection as it is, in whatever state."""
        return self._connection

    def is_off(self, connection: Connection) -> bool:
        """Whether calls go by another connection than this one from now on."""
        return connection is not self._connection or self._needs_another

    @property
    def _needs_another(self) -> bool:
        """Whether the connection takes no calls, and there is to be another one."""
        connection = self._connection
        is_spent = connection.session.caller.refusal is not None
        return is_spent and (self._reconnects or connection.peer_stops) and not self._closed.is_set()

    def ready(self, deadline: Deadline = NEVER) -> Connection:
        """The connection to call through. One that takes no calls says why to whoever calls through it.

        Raises:
            Unavailable: (not processed) the client was closed, or another one was needed, and could not be made.
            RuntimeError: this is another process, made by fork.
            TimeoutError: the deadline has passed before there was one again.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                f"this client is that of process {self._process}, and two must not speak on one connection: "
                "a process that was made by fork calls rpc.blocking.connect for itself"
            )
        connection = self._connection
        is_usable = connection.session.caller.refusal is None
        if is_usable and time.monotonic() - connection.vigil.heard_at < _FRESH:
            return connection
        return self._checked(deadline)

    def _checked(self, deadline: Deadline) -> Connection:
        """Look after the connection, and make another where that is needed."""
        left, failures = deadline.left(), self._failures
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise deadline.passed()
        try:
            self._check_not_closed()
            connection = self._connection
            with connection.lock:
                connection.look()
            if not self._needs_another:
                return connection
            if self._failures != failures:  # who had the lock has tried, for us too
                raise Unavailable(self._failure, processed=Processed.NOT_PROCESSED)
            return self._renewed(deadline)
        finally:
            self._lock.release()

    def _renewed(self, deadline: Deadline) -> Connection:
        """Make another connection, and leave the one there was to who has a call open on it."""
        old = self._connection
        try:
            connection = self._patiently(lambda: self._dial(deadline), deadline)
        except Unavailable as failure:
            self._failures += 1
            self._failure = failure.message
            raise
        self._left = [left for left in (*self._left, old) if not left.is_over]
        self._connection = connection
        if self._closed.is_set():  # by then, nobody else ends this one
            self.close()
        self._check_not_closed()
        with old.lock:
            old.leave()
        return connection

    def _patiently(self, dial: Callable[[], Connection], deadline: Deadline) -> Connection:
        """Try until there is a connection, as long as patience and the deadline last."""
        patience = Patience(self._wait, time.monotonic())
        while True:
            try:
                return dial()
            except Unavailable as failure:
                pause = patience.pause(failure, time.monotonic())
                if pause is None:
                    raise
            left = deadline.left()
            self.pause(pause if left is None else min(pause, left))

    def pause(self, seconds: float) -> None:
        """Wait, as long as the client is not closed.

        Raises:
            Unavailable: (not processed) it was closed.
        """
        self._closed.wait(seconds)
        self._check_not_closed()

    def _check_not_closed(self) -> None:
        if self._closed.is_set():
            raise Unavailable(_CLOSED, processed=Processed.NOT_PROCESSED)

    def close(self) -> None:
        """End the connections; open calls of other threads end with `Unavailable`. In another process, let go of them.

        Does nothing the second time.
        """
        self._closed.set()
        for connection in (*self._left, self._connection):
            if os.getpid() != self._process:
                connection.transport.close()
                continue
            with connection.lock:
                connection.flush()
                connection.end(_CLOSED)
