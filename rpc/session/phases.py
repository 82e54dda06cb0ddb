"""The life of a session, and what its owner's timers have to watch in it."""

from __future__ import annotations

import enum

__all__ = ["Phase", "Waits"]


class Waits(enum.Enum):
    """What the session cannot go on without, for the timers of its owner."""

    NOTHING = 0
    HELLO = 1
    FRAME = 2


class Phase(enum.IntEnum):
    """The life of a session; it only moves down this list."""

    GREETING = 0
    """Nothing but the peer's HELLO may come."""

    OPEN = 1

    BROKEN = 2
    """A GOAWAY with a reason is still to be written; nothing is taken any more."""

    LOST = 3
