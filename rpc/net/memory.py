"""The transport without a transport: two links of this process that are joined in memory."""

from __future__ import annotations

import os

import trio.testing

from rpc.net.link import StreamLink
from rpc.peer import Peer

__all__ = ["memory_links"]


def memory_links() -> tuple[StreamLink, StreamLink]:
    """Two ends of one connection; what is written to the one is read from the other, without bound."""
    peer = Peer(address="memory:", transport="memory", uid=os.geteuid(), gid=os.getegid(), pid=os.getpid())
    left, right = trio.testing.memory_stream_pair()
    return StreamLink(left, peer), StreamLink(right, peer)
