"""What a blocking connection stands on: a socket that is asked without waiting, and waited for apart from that.

So a thread that waits holds no lock, its wait may end at a deadline, and Ctrl-C strikes it there.
"""

from __future__ import annotations

import math
import select
import socket

from rpc.blocking.waiting import Deadline
from rpc.net.sending import send
from rpc.peer import Peer
from rpc.wire.payload import Buffer

__all__ = ["Transport", "wait_for"]

_LONGEST = 86_400.0
"""Seconds of one wait: `poll` counts milliseconds in 32 bits."""


def wait_for(sock: socket.socket, *, read: bool, write: bool, seconds: float | None) -> None:
    """Wait until a socket can be read or written, as it is asked for, or has ended; at most so long."""
    seconds = _LONGEST if seconds is None else min(seconds, _LONGEST)
    if hasattr(select, "poll"):
        poll = select.poll()  # a new one: several threads may wait for one socket
        poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        poll.poll(math.ceil(seconds * 1000))
    else:  # pragma: no cover - Windows
        select.select([sock] if read else [], [sock] if write else [], [], seconds)


class Transport:
    """A connected, non-blocking stream socket, owned by this object.

    Attributes:
        failure: why it has ended, where that is known better than the system tells.
    """

    def __init__(self, sock: socket.socket, peer: Peer) -> None:
        self.socket = sock
        self.peer = peer
        self.failure: str | None = None

    def shake_hands(self, deadline: Deadline) -> None:
        """Agree on keys, where there are any.

        Raises:
            OSError: that failed.
            TimeoutError: it took too long.
        """

    def receive_into(self, first: memoryview, second: memoryview | None = None) -> int:
        """Read straight into `first`, and what is more into `second`; 0 is the end of the peer's stream.

        Raises:
            BlockingIOError: nothing is there.
            OSError: the peer is gone.
        """
        return self.socket.recv_into(first) if second is None else self.socket.recvmsg_into((first, second))[0]

    def send(self, buffers: list[Buffer]) -> list[Buffer]:
        """Send what can go without waiting, and give back the rest.

        Raises:
            OSError: the peer is gone.
        """
        return send(self.socket, buffers)

    def shut(self) -> None:
        """End the connection, for every process that has this socket, and wake the threads that wait for it."""
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            pass  # the peer was quicker

    def close(self) -> None:
        """Give the socket back; nobody may wait for it any more."""
        self.socket.close()
