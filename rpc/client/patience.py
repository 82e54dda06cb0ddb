"""The patience of who connects: how often, and for how long, a server is tried that is still starting."""

from __future__ import annotations

import random

from rpc.errors import ProtocolError, Reason, Unavailable

__all__ = ["Patience"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
"""Seconds between two tries at the most; each pause is twice the last."""


class Patience:
    """What is left of it; a new one for each connection that is made."""

    __slots__ = ("_give_up", "_pause")

    def __init__(self, seconds: float, now: float) -> None:
        """So many seconds from now, by whichever clock."""
        self._give_up = now + seconds
        self._pause = _FIRST_PAUSE

    def pause(self, failure: Unavailable, now: float) -> float | None:
        """Seconds to wait before the next try, behind one that failed; None where there is to be none.

        Who is turned away for its credential is so the next time too.
        """
        refusal = failure.__cause__
        is_final = isinstance(refusal, ProtocolError) and refusal.reason is Reason.CREDENTIAL
        if is_final or now + self._pause > self._give_up:
            return None
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        # Spread out, as many clients may wait for one server that is started again.
        return pause * random.uniform(0.5, 1)
