"""A reserve for when descriptors run out: who waits in the queue then is told so at once, and not left to hang."""

from __future__ import annotations

import contextlib
import os
import socket

from rpc.errors import Reason
from rpc.limits import Limits
from rpc.session.session import Session
from rpc.version import AGENT

__all__ = ["Reserve", "dismiss", "farewell"]

_UNREAD = 65_536
"""Bytes of the peer's that are taken in before its socket is closed: those left unread would make a reset of it."""


def farewell(reason: Reason, text: str) -> bytes:
    """All that a peer is told who is turned away without a connection: a HELLO and a GOAWAY."""
    session = Session(is_connector=False, limits=Limits(), agent=AGENT)
    session.refuse(reason, text)
    return b"".join(session.take())


def dismiss(sock: socket.socket, words: bytes) -> None:
    """Tell a peer what goes at once, and close its socket."""
    with sock, contextlib.suppress(OSError):
        sock.setblocking(False)
        if words:
            socket.socket.send(sock, words)
        socket.socket.recv(sock, _UNREAD)


class Reserve:
    """One descriptor, kept to be given up for a moment."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self.renew()

    def dismiss_next(self, listening: socket.socket, words: bytes) -> bool:
        """Accept a connection in place of the reserve and dismiss it; False where there is no room even so."""
        if self._descriptor is None:
            self.renew()
            return False
        self.close()
        try:
            sock, _ = listening.accept()
        except BlockingIOError:
            return True  # it has left meanwhile
        except OSError:
            return False
        else:
            dismiss(sock, words)
            return True
        finally:
            self.renew()

    def close(self) -> None:
        """Give the reserve back; nothing the second time."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def renew(self) -> None:
        """Take a descriptor again where it was lost to somebody else, as soon as there is one; usually it is there."""
        if self._descriptor is not None:
            return
        with contextlib.suppress(OSError):
            self._descriptor = os.open(os.devnull, os.O_RDONLY)
