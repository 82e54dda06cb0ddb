"""What a peer may take: the time of unfinished frames and calls, pings, and calls that were in vain."""

from __future__ import annotations

import trio

from rpc.errors import DeadlineExceeded, Processed, Reason
from rpc.limits import Limits
from rpc.net.host import Host
from rpc.session.calls import Incoming
from rpc.session.session import Waits
from rpc.session.states import State

__all__ = ["FrameTimer", "PingMeter", "WasteMeter"]


class FrameTimer:
    """Ends what stays unfinished for `Limits.frame_timeout`: a frame (the connection), a cut CALL (that call).

    Its one task sleeps while something is unfinished, and ends when nothing is.
    """

    __slots__ = ("_connection", "_frame", "_gathering", "_is_running", "_since")

    def __init__(self, connection: Host) -> None:
        self._connection = connection
        self._is_running = False
        self._frame = -1
        self._since = 0.0
        self._gathering: list[Incoming] = []

    def start(self) -> None:
        """A frame has begun and is not whole."""
        frame = self._connection.session.frames_read
        if frame != self._frame:
            self._frame = frame
            self._since = trio.current_time()
        self._run()

    def gather(self, record: Incoming) -> None:
        """A call has begun to come in fragments, now; its `owner` is the time."""
        if len(self._gathering) >= 2 * self._connection.limits.max_calls:
            # A peer that sends one whole call after the other in fragments must not fill our memory.
            self._forget_whole()
        self._gathering.append(record)
        self._run()

    def _forget_whole(self) -> None:
        self._gathering = [record for record in self._gathering if record.state is State.GATHERING]

    def _run(self) -> None:
        if not self._is_running:
            self._is_running = True
            self._connection.nursery.start_soon(self._watch)

    async def _watch(self) -> None:
        session, timeout = self._connection.session, self._connection.limits.frame_timeout
        while True:
            self._forget_whole()
            is_partial = session.waits_for is Waits.FRAME and session.frames_read == self._frame
            begun = [record.owner for record in self._gathering] + ([self._since] if is_partial else [])
            if not begun:
                self._is_running = False
                return
            await trio.sleep_until(min(begun) + timeout)
            self._expire(trio.current_time() - timeout)

    def _expire(self, before: float) -> None:
        connection = self._connection
        session = connection.session
        if session.waits_for is Waits.FRAME and session.frames_read == self._frame and self._since <= before:
            connection.abort(Reason.TOO_SLOW, f"a frame was not whole within {connection.limits.frame_timeout:g} s")
            return
        for record in self._gathering:
            if record.state is State.GATHERING and record.owner <= before:
                error = DeadlineExceeded("the arguments did not come in time", processed=Processed.NOT_PROCESSED)
                session.callee.fail(record, error)
                connection.flush_soon()


class PingMeter:
    """How many pings a peer may send: 32 at once, and one more each `Limits.min_ping`."""

    __slots__ = ("_interval", "_last", "_left")

    _AT_ONCE = 32

    def __init__(self, limits: Limits) -> None:
        self._interval = limits.min_ping / 1000
        self._left = float(self._AT_ONCE)
        self._last = 0.0

    def allows(self, now: float) -> bool:
        """Count a ping that came at `now`, in seconds; False where it is one too many."""
        self._left = min(self._AT_ONCE, self._left + (now - self._last) / self._interval)
        self._last = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class WasteMeter:
    """How many calls a peer may open in vain: of 500 that are dispatched, half.

    In vain is a call that was cancelled before its handler had its first turn, in the same breath as it was made.
    That costs us what a call costs, and its caller nothing (CVE-2023-44487). Who gives up because it takes too long,
    or does so now and then at once, is not meant.
    """

    __slots__ = ("_calls", "_wasted")

    _OF = 500

    def __init__(self) -> None:
        self._calls = 0
        self._wasted = 0

    def add(self, calls: int) -> bool:
        """A call was in vain, when so many had been dispatched in all; gives whether that is one too many."""
        if calls - self._calls > self._OF:
            self._calls, self._wasted = calls, 0
        self._wasted += 1
        return 2 * self._wasted > self._OF
