"""Who of this host may speak with us, by the user that the kernel names."""

from __future__ import annotations

import os
from collections.abc import Collection

from rpc.peer import Peer

__all__ = ["refusal_of"]

_ROOT = 0


def refusal_of(peer: Peer, allow_uids: Collection[int] | None) -> str | None:
    """Why this peer may not speak with us, or None where it may.

    Only Unix sockets tell the user. Allowed are the users in `allow_uids`, or, where that is None, our own and root.
    """
    if peer.uid is None or peer.transport not in ("unix", "unixgram"):
        return None
    allowed = {os.geteuid(), _ROOT} if allow_uids is None else allow_uids
    return None if peer.uid in allowed else f"user {peer.uid} is not allowed"
