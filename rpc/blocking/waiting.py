"""Threads that wait: for the end of a call, for an item, for a turn; and until when."""

from __future__ import annotations

import math
import threading
import time

from rpc.wire.gathering import Arrived

__all__ = ["NEVER", "Deadline", "Gate", "Waiter", "reacquire"]


class Deadline:
    """A moment on this process's clock, and the seconds that led to it."""

    __slots__ = ("moment", "seconds", "what")

    def __init__(self, seconds: float, what: str) -> None:
        """So many seconds from now; `what` is what will not have answered by then."""
        self.seconds = seconds
        self.what = what
        self.moment = time.monotonic() + seconds

    @classmethod
    def after(cls, seconds: float | None, what: str) -> Deadline:
        """So many seconds from now; None for never."""
        return NEVER if seconds is None or seconds == math.inf else cls(seconds, what)

    def left(self) -> float | None:
        """Seconds that are left; None for ever.

        Raises:
            TimeoutError: none are.
        """
        if self.moment == math.inf:
            return None
        left = self.moment - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def is_within(self, seconds: float) -> bool:
        """Whether it is no farther away than that."""
        return self.moment - time.monotonic() < seconds

    def milliseconds(self) -> int | None:
        """What is left for the callee, rounded up: it must not give up before the caller. Raises as `left`."""
        left = self.left()
        return None if left is None else math.ceil(left * 1000)

    def passed(self) -> TimeoutError:
        """What is raised when it has passed."""
        return TimeoutError(f"{self.what}: no answer within {self.seconds:g} s")


NEVER = Deadline(math.inf, "")


class Gate:
    """Where one thread sleeps until another opens it; both hold the lock of the connection when they speak of it."""

    __slots__ = ("_is_shut", "_lock")

    def __init__(self) -> None:
        self._lock: threading.Lock | None = None
        self._is_shut = False

    def shut(self) -> None:
        """From now on `sleep` waits for the next `open`."""
        if self._lock is None:
            self._lock = threading.Lock()  # most calls are read by who makes them, and need none
        self._lock.acquire(blocking=False)
        self._is_shut = True

    def open(self) -> None:
        """Wake who sleeps, or is about to."""
        if self._is_shut and self._lock is not None:
            self._is_shut = False
            self._lock.release()

    def sleep(self, seconds: float | None) -> None:
        """Wait for `open` since `shut`, at most so long; without the lock of the connection."""
        assert self._lock is not None
        self._lock.acquire(timeout=-1 if seconds is None else min(seconds, threading.TIMEOUT_MAX))


class Waiter(Gate):
    """The owner of an outgoing call.

    Attributes:
        is_done: whether the call has ended; then `payload` is its result, or `error` its failure.
    """

    __slots__ = ("error", "is_done", "payload")

    def __init__(self) -> None:
        super().__init__()
        self.is_done = False
        self.payload: Arrived = b""
        self.error: Exception | None = None

    def succeed(self, payload: Arrived) -> None:
        """The call has returned."""
        self.payload = payload
        self.is_done = True
        self.open()

    def fail(self, error: Exception) -> None:
        """The call has failed."""
        self.error = error
        self.is_done = True
        self.open()


def reacquire(lock: threading.Lock) -> None:
    """Take a lock that a block around has given away and will give back: not even Ctrl-C keeps us from it."""
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            lock.acquire()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
