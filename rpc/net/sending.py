"""Sending what can go without waiting; the same for a task and for a thread that would wait."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from rpc.wire.payload import Buffer

__all__ = ["send"]

_JOIN_BELOW = 65_536
"""Bytes up to which the buffers are joined and sent in one piece: a batch is mostly many small frames."""

_MOST_BUFFERS = 1024
"""IOV_MAX of Linux: more buffers in one `sendmsg` are refused by the kernel."""


def send(sock: socket.socket, buffers: list[Buffer]) -> list[Buffer]:
    """Send what a non-blocking socket takes, and give back the rest.

    Raises:
        OSError: the peer is gone.
    """
    try:
        if len(buffers) == 1:
            sent = sock.send(buffers[0])
        elif sum(map(len, buffers)) < _JOIN_BELOW:
            buffers = [b"".join(buffers)]
            sent = sock.send(buffers[0])
        else:
            sent = sock.sendmsg(buffers[:_MOST_BUFFERS])
    except BlockingIOError:
        sent = 0
    return _rest(buffers, sent)


def _rest(buffers: Sequence[Buffer], sent: int) -> list[Buffer]:
    """What is left of `buffers` after their first `sent` bytes."""
    for index, buffer in enumerate(buffers):
        size = len(buffer)
        if sent < size:
            head = memoryview(buffer)[sent:] if sent else buffer
            return [head, *buffers[index + 1 :]]
        sent -= size
    return []
