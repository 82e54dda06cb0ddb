"""Writing: the one place from which a connection sends.

What the transport does not take at once is sent on by a task of the connection, and meanwhile all others only queue.
None of it depends on the task that has queued it, so no cancellation cuts a frame in two.
"""

from __future__ import annotations

import trio

from rpc.net.host import Host
from rpc.net.link import Buffer
from rpc.net.waiting import Lot

__all__ = ["Writer"]

_TURNS = 8
"""Batches that one flush sends before others get their turn: 2 MiB of a payload that is cut into frames."""

_PROGRESS = 65_536
"""Bytes that a peer which leaves more than `Limits.max_unread` waiting must take in each `Limits.stall_timeout`: one
that takes a byte now and then would keep all of it waiting for ever."""

_SLOW = 1.0
"""Seconds without such progress from which a peer counts as slow: an honest one that is busy looks the same before."""

_LAST_WORDS = 1.0
"""Seconds that reading goes on after a send that failed: the peer's last answers, and its GOAWAY, are not lost."""


class Writer:
    """Sends what the session of one connection has queued.

    Attributes:
        drained: where tasks wait for the moment when all that is queued was given to the transport.
    """

    __slots__ = ("_host", "_is_stalled", "_progress_at", "drained")

    def __init__(self, host: Host) -> None:
        self.drained = Lot()
        self._host = host
        self._is_stalled = False
        self._progress_at = 0.0

    def flush(self) -> None:
        """Send what is queued, as far as the transport takes it without waiting."""
        host = self._host
        if self._is_stalled or host.is_over:
            return
        session = host.session
        turns = 0
        while session.has_output:
            try:
                rest = host.link.send_nowait(session.take())
            except OSError as error:
                self._send_no_more(error.strerror or str(error))
                return
            except Exception:
                host.fail()
                return
            if rest:
                self._is_stalled = True
                self._progress_at = trio.current_time()
                session.stalled(_size(rest))
                host.nursery.start_soon(self._unstall, rest)
                return
            session.sent()
            turns += 1
            if turns == _TURNS and session.has_output:
                host.flush_soon()
                return
        if self.drained:
            self.drained.unpark_all()

    def is_slow(self) -> bool:
        """Whether the peer has not taken for a while what waits for it, and that is much."""
        session = self._host.session
        return (
            session.unsent > 0
            and trio.current_time() - self._progress_at >= _SLOW
            and session.queued > self._host.limits.max_unread
        )

    async def flushed(self) -> None:
        """Wait until all that is queued was given to the transport, or the connection has ended."""
        self.flush()
        while (self._host.session.has_output or self._is_stalled) and not self._host.is_over:
            await self.drained.park()

    def stop(self) -> None:
        """Send nothing any more: from now on all that is queued only waits for the end."""
        self._is_stalled = True

    async def _unstall(self, rest: list[Buffer]) -> None:
        """Send what the transport did not take at once."""
        host, session, timeout = self._host, self._host.session, self._host.limits.stall_timeout
        mark = session.unsent
        try:
            while rest and not host.is_over:
                with trio.move_on_at(self._progress_at + timeout) as scope:
                    rest = await host.link.send_some(rest)
                if scope.cancelled_caught:
                    host.counts.cut["too_slow"] += 1
                    host.end(f"the peer read {'nothing' if mark == session.unsent else 'too little'} for {timeout:g} s")
                    return
                session.stalled(_size(rest))
                if mark - session.unsent >= _PROGRESS or session.queued <= host.limits.max_unread:
                    mark = session.unsent
                    self._progress_at = trio.current_time()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._send_no_more(str(error) or "the peer is gone")
            return
        if not (host.is_over or host.is_lost):
            self._is_stalled = False
            host.session.sent()
            self.flush()

    def _send_no_more(self, reason: str) -> None:
        """The transport takes nothing any more; but what the peer said before it left is still to be read."""
        if not self._host.is_over:
            self.stop()
            self._host.nursery.start_soon(self._lose_later, reason)

    async def _lose_later(self, reason: str) -> None:
        with trio.move_on_after(_LAST_WORDS):
            await self._host.ended.wait()
        self._host.lose(reason)


def _size(buffers: list[Buffer]) -> int:
    return sum(map(len, buffers))
