"""When a call that failed is made a second time by itself (protocol section 5).

It is so where its handler was not started, or may be started twice, and besides something is different the second
time: calls go by another connection, or the callee has named a short time after which it may take the call.
"""

from __future__ import annotations

import random

from rpc.errors import Error, Processed, ResourceExhausted, Unavailable

__all__ = ["pause_before_another"]

_LONGEST_NAMED = 1.0
"""Seconds that a callee may name at most for a call to wait by itself, up to `_SPREAD` times as long; where it is told
to wait longer, the application knows better what to do meanwhile."""

_SPREAD = 1.5
"""Up to so many times what was named, so that not all who were told the same come back in one moment."""


def pause_before_another(error: Error, *, is_off: bool, is_idempotent: bool) -> float | None:
    """Seconds to wait before a call that failed is made once more; None where it is not to be made.

    Args:
        error: what it failed with.
        is_off: whether calls go by another connection from now on.
        is_idempotent: whether its method is declared so.
    """
    if not isinstance(error, Unavailable | ResourceExhausted):
        return None
    by_another = 0.0 if is_off and isinstance(error, Unavailable) else None
    if error.processed is Processed.UNKNOWN and is_idempotent:
        return by_another
    if error.processed is not Processed.NOT_PROCESSED:
        return None
    if error.retry_after is None:
        return by_another
    return error.retry_after * random.uniform(1, _SPREAD) if error.retry_after <= _LONGEST_NAMED else None
