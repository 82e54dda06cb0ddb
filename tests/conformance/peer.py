"""The raw peer: one end of a socket, which sends what a case says in one of three ways."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeAlias

from tests.conformance.case import Heard
from tests.conformance.under_test import PATIENCE

__all__ = ["DELIVERIES", "Delivery", "Peer", "dial"]

Delivery: TypeAlias = Callable[[list[bytes]], Iterator[bytes]]
"""How frames are cut into what is sent at once."""


def whole(frames: list[bytes]) -> Iterator[bytes]:
    """Each by itself."""
    yield from frames


def a_byte_at_a_time(frames: list[bytes]) -> Iterator[bytes]:
    """Each byte by itself; of a large frame the first and the last hundred, and what is between in a few pieces."""
    for frame in frames:
        if len(frame) < 1000:
            cuts = [*range(len(frame) + 1)]
        else:
            cuts = [*range(100), *range(100, len(frame) - 100, 4999), *range(len(frame) - 100, len(frame) + 1)]
        for start, end in pairwise(cuts):
            yield frame[start:end]


def coalesced(frames: list[bytes]) -> Iterator[bytes]:
    """All in one."""
    yield b"".join(frames)


DELIVERIES: dict[str, Delivery] = {"whole": whole, "bytes": a_byte_at_a_time, "coalesced": coalesced}


def dial(address: str) -> socket.socket:
    """Connect to ``unix:/path`` or ``tcp://host:port``."""
    scheme, _, place = address.partition(":")
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(place)
        return sock
    host, _, port = place.removeprefix("//").rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE)


class Peer:
    """The peer of whatever is under test.

    Attributes:
        heard: frames that have come, the last one last: for whoever looks for what went wrong.
    """

    def __init__(self, sock: socket.socket, deliver: Delivery) -> None:
        sock.settimeout(PATIENCE)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard: list[Heard] = []
        self._socket = sock
        self._deliver = deliver
        self._unread = b""

    def send(self, frames: list[bytes]) -> None:
        """Send frames; where the other side has closed meanwhile, what is left of them is not sent."""
        try:
            for piece in self._deliver(frames):
                self._socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what it said before is still to be read

    def hear(self) -> Heard | None:
        """The next frame; None at the end of the stream.

        Raises:
            TimeoutError: nothing came in time.
            Unsendable: what came is no frame that a sender may write.
        """
        while True:
            end = 4 + int.from_bytes(self._unread[:4], "big")
            if 4 < end <= len(self._unread):
                frame, self._unread = self._unread[:end], self._unread[end:]
                heard = Heard.of(frame, is_first=not self.heard)
                self.heard.append(heard)
                return heard
            if not self._read():
                assert not self._unread, f"the stream ends inside a frame: {self._unread.hex()}"
                return None

    def _read(self) -> bool:
        try:
            data = self._socket.recv(65_536)
        except ConnectionResetError:
            data = b""
        self._unread += data
        return bool(data)

    def leave(self) -> None:
        """End this side's stream, and still read."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()
