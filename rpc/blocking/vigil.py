"""The vigil of a thread that waits: unfinished frames, a peer that takes nothing, and no sign of life.

Nobody keeps it between calls: a blocking client that does nothing hears nothing.
"""

from __future__ import annotations

import time

from rpc.limits import Limits
from rpc.peer import Peer
from rpc.session.session import Session, Waits

__all__ = ["Vigil"]

_TOKEN = 0
"""Of the pings that ask for a sign of life; whatever comes is one, so nobody looks for the answer."""


class Vigil:
    """Watches one connection while somebody waits for it.

    Attributes:
        heard_at: when the last bytes came, by `time.monotonic`.
    """

    def __init__(self, session: Session, limits: Limits, peer: Peer) -> None:
        self._session = session
        self._limits = limits
        self._wants_life = peer.transport != "unix"  # there the kernel tells
        self.heard_at = time.monotonic()
        self._frame: tuple[int, float] | None = None
        self._pinged_at: float | None = None
        self._since = self.heard_at
        self._unsent = 0
        self._progress_at = self.heard_at

    def heard(self) -> None:
        """Bytes have come."""
        self.heard_at = self._since = time.monotonic()
        self._pinged_at = None
        if self._session.waits_for is not Waits.FRAME:
            self._frame = None
        elif self._frame is None or self._frame[0] != self._session.frames_read:
            self._frame = (self._session.frames_read, self.heard_at)

    def begin(self) -> None:
        """Somebody waits from now on: what did not come while nobody did is nobody's fault."""
        if self._wants_life or self._frame is not None:
            self._since = time.monotonic()
            self._pinged_at = None
            if self._frame is not None:
                self._frame = (self._frame[0], self._since)

    def stalled(self, unsent: int, *, is_new: bool) -> None:
        """The socket did not take all: so much is left."""
        if is_new or unsent != self._unsent:
            self._unsent = unsent
            self._progress_at = time.monotonic()

    def left(self, is_stalled: bool) -> float | None:
        """Seconds until `act` has something to do; None for ever."""
        moments = self._moments(is_stalled)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def act(self, is_stalled: bool) -> str | None:
        """Nothing came, for whatever reason: ask for a sign of life if it is time; gives why the peer is given up."""
        now = time.monotonic()
        limits = self._limits
        if self._frame is not None and now >= self._frame[1] + limits.frame_timeout:
            return f"a frame was not whole within {limits.frame_timeout:g} s"
        if is_stalled and now >= self._progress_at + limits.stall_timeout:
            return f"the peer read nothing for {limits.stall_timeout:g} s"
        if not self._wants_life:
            return None
        if self._pinged_at is not None:
            silence = limits.keepalive + limits.keepalive_timeout
            is_dead = now >= self._pinged_at + limits.keepalive_timeout
            return f"no sign of life for {silence:g} s" if is_dead else None
        if now >= self._since + limits.keepalive:
            self._pinged_at = now
            self._session.ping(_TOKEN)
        return None

    def _moments(self, is_stalled: bool) -> list[float]:
        limits = self._limits
        moments: list[float] = []
        if self._frame is not None:
            moments.append(self._frame[1] + limits.frame_timeout)
        if is_stalled:
            moments.append(self._progress_at + limits.stall_timeout)
        if self._wants_life and self._pinged_at is not None:
            moments.append(self._pinged_at + limits.keepalive_timeout)
        elif self._wants_life:
            moments.append(self._since + limits.keepalive)
        return moments
