"""A transport with TLS: `rpc.blocking.dial` imports it for the first ``tls://``, as OpenSSL takes long to come."""

from __future__ import annotations

import socket
import ssl

import attrs

from rpc.blocking.transport import Transport, wait_for
from rpc.blocking.waiting import Deadline
from rpc.net import tls, tls_socket
from rpc.peer import Peer
from rpc.wire.payload import Buffer

__all__ = ["TlsTransport", "checked"]


def checked(context: ssl.SSLContext | None) -> ssl.SSLContext:
    """A context for a client; where None is given, one that trusts the system's authorities.

    Raises:
        ValueError: it is none for clients.
    """
    context = context or tls.client_tls()
    tls.check(context, is_server=False)
    return context


class TlsTransport(Transport):
    """The same with TLS over it.

    Raises:
        OSError: the peer is gone; the socket is closed.
    """

    def __init__(self, sock: socket.socket, peer: Peer, context: ssl.SSLContext, host: str) -> None:
        self._tls = tls_socket.wrap(sock, context, host)
        super().__init__(self._tls, peer)

    def shake_hands(self, deadline: Deadline) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                wait_for(self._tls, read=True, write=False, seconds=deadline.left())
            except ssl.SSLWantWriteError:
                wait_for(self._tls, read=False, write=True, seconds=deadline.left())
            except OSError as error:
                self.failure = tls.explain(error, is_server=False, tls=self._tls)
                raise
            else:
                break
        self.peer = attrs.evolve(self.peer, names=tls.names_of(self._tls.getpeercert()))

    def receive_into(self, first: memoryview, second: memoryview | None = None) -> int:
        """As `Transport.receive_into`, where the last of the two has space for a whole record."""
        try:
            count = self._tls.recv_into(first)
            if second is not None and self._tls.pending():
                count += self._tls.recv_into(second)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLEOFError:
            return 0  # an end without a goodbye is an end all the same: the frames tell whether something is missing
        except ssl.SSLError as error:
            # A server that wants another certificate says so only after the handshake.
            self.failure = self.failure or tls.explain(error, is_server=False, tls=self._tls)
            raise
        return count

    def send(self, buffers: list[Buffer]) -> list[Buffer]:
        """As `Transport.send`; what is given back must be what is sent next, as OpenSSL has begun with it."""
        return tls_socket.send(self._tls, buffers)
