"""`connect`: from an address to a blocking client."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

import attrs

from rpc.address import Address, parse
from rpc.blocking import calls
from rpc.blocking.client import Client
from rpc.blocking.connection import Connection
from rpc.blocking.dial import dial
from rpc.blocking.line import Line
from rpc.blocking.transport import Transport
from rpc.blocking.waiting import Deadline, Gate
from rpc.client.credential import checked
from rpc.client.terms import Options
from rpc.errors import Processed, Unavailable
from rpc.limits import Limits
from rpc.net.access import refusal_of
from rpc.session.session import Session
from rpc.version import AGENT

if TYPE_CHECKING:
    import ssl

__all__ = ["connect"]


def connect(
    address: str | Address,
    *,
    tls: ssl.SSLContext | None = None,
    credential: str | bytes | None = None,
    limits: Limits | None = None,
    allow_uids: Collection[int] | None = None,
    insecure: bool = False,
    wait: float = 0,
    timeout: float | None = None,
    reconnect: bool = True,
    polling: bool = True,
) -> Client:
    """Connect to a server, without trio: ``with rpc.blocking.connect("unix:/run/calc.sock") as client``.

    Args:
        address: see `rpc.address`.
        tls: for ``tls://``, as `rpc.client_tls` makes it; None to trust the system's authorities and show no
            certificate.
        credential: tells the server's `authenticate` who we are; text travels as UTF-8. It is sent to a server that
            the kernel or a certificate has named, and to no other, and takes a round trip to be accepted.
        limits: what the server may make us do; the defaults of `Limits` where None. Each try to connect is given up
            after its `handshake_timeout`, and once connected the server has as long to greet.
        allow_uids: users of this host whose server is trusted on a Unix socket; None for our own and root. It is
            checked before anything is sent.
        insecure: whether the credential is sent also where others may read it, or may pose as the server.
        wait: seconds to try for, where the server is still starting; also whenever the connection is made anew. Who is
            turned away is turned away at once.
        timeout: seconds for each try to connect, and for each call; None for no bound but those of `limits` on the one,
            and for none on the other. Looking up the name of a host takes its own time.
        reconnect: whether a connection that was lost is made anew by the next call. It is so unless you say otherwise,
            as a server ends a TCP connection that says nothing for 40 seconds, and nobody speaks here between calls.
            A server that stops is left for another in any case, see below.
        polling: as of `rpc.connect`.

    Raises:
        Unavailable: (not processed) there is no connection; the message has the address and the cause.
        ValueError: the address is none, or takes no connections; `tls` is no context for clients, or of no use
            there; the credential would not be safe on its way, or is too long for a HELLO.

    Nothing is served to the server: one that calls back is answered Unimplemented, and its notifications are dropped.

    A server that stops says so: calls that are open end there, and the next one, of any thread, connects to the same
    address anew, for the server that has been started in its place. With `reconnect` the next call does so too after a
    crash. A call whose arguments and result are plain values is made once more by itself where it was not processed for
    one of these reasons, or may have run and is declared ``idempotent`` and called by its handle; also where its callee
    has not begun it, and names a time of at most 1 s to come back after (``retry_after``). All else that the connection
    took along raises `Unavailable`: so do a stream, a context, and a call that sends items, not processed where they
    were not begun. A second try has 2 in its metadata as the number of the attempt, under the protocol's key 3.
    """
    target = parse(address)
    limits = limits or Limits()
    encoded = checked(credential, target, tls, insecure=insecure)
    opener = _Opener(target, None if target.is_path else tls, encoded, limits, allow_uids, polling)
    line = Line(opener, wait=wait, reconnects=reconnect)
    line.begin(partial(_first, opener, timeout))
    return Client(line, Options(timeout=timeout))


@attrs.frozen
class _Opener:
    """What it takes to make a connection, and to make it anew."""

    address: Address
    tls: ssl.SSLContext | None
    credential: bytes | None = attrs.field(repr=False)
    limits: Limits
    allow_uids: Collection[int] | None
    polling: bool

    def __call__(self, deadline: Deadline) -> Connection:
        """Make a connection.

        Raises:
            Unavailable: (not processed) there is none.
            TimeoutError: the deadline has passed.
        """
        transport = self._dialled(deadline)
        try:
            refusal = refusal_of(transport.peer, self.allow_uids)
            if refusal is not None:
                raise self._unavailable(f"its server's {refusal}")
            self._secure(transport, deadline)
        except BaseException:
            transport.close()
            raise
        session = Session(is_connector=True, limits=self.limits, agent=AGENT, credential=self.credential)
        connection = Connection(transport, session, self.limits, self.polling)
        try:
            self._greet(connection, deadline)
        except BaseException:
            with connection.lock:
                connection.end("this side gave it up")
            raise
        return connection

    def _dialled(self, deadline: Deadline) -> Transport:
        patience = self.limits.handshake_timeout
        try:
            return dial(self.address, self.tls, _sooner(deadline, patience))
        except TimeoutError:
            deadline.left()
            raise self._unavailable(f"no answer within {patience:g} s") from None

    def _unavailable(self, cause: str) -> Unavailable:
        return Unavailable(f"cannot connect to {self.address}: {cause}", processed=Processed.NOT_PROCESSED)

    def _secure(self, transport: Transport, deadline: Deadline) -> None:
        """The handshake of TLS, where there is one."""
        patience = self.limits.tls_timeout
        try:
            transport.shake_hands(_sooner(deadline, patience))
        except TimeoutError:
            deadline.left()
            raise self._unavailable(f"no TLS handshake within {patience:g} s") from None
        except OSError as error:
            raise self._unavailable(transport.failure or str(error)) from error

    def _greet(self, connection: Connection, deadline: Deadline) -> None:
        """Exchange HELLOs, and hear whether the credential is accepted: a server answers nothing before it is."""
        session, patience = connection.session, self.limits.handshake_timeout
        what = "no HELLO came"
        until = _sooner(deadline, patience)
        try:
            with connection.lock:
                connection.flush()
                connection.wait(Gate(), lambda: session.is_open or connection.failure is not None, until)
                session.caller.check_open()
            if self.credential is not None:
                what = "it was not heard whether the credential is accepted"
                calls.ping(connection, until)
        except TimeoutError:
            deadline.left()
            raise self._unavailable(f"{what} within {patience:g} s") from None
        except Unavailable as refusal:
            failure = connection.failure
            cause = failure.message if failure is not None else connection.end_reason or refusal.message
            raise self._unavailable(cause) from failure


def _sooner(deadline: Deadline, seconds: float) -> Deadline:
    """The sooner of a deadline and so many seconds."""
    return deadline if deadline.is_within(seconds) else Deadline(seconds, deadline.what)


def _first(opener: _Opener, timeout: float | None) -> Connection:
    """Make the first connection: there is no call yet whose deadline it could have."""
    try:
        return opener(Deadline.after(timeout, str(opener.address)))
    except TimeoutError as error:
        message = f"cannot connect to {opener.address}: no answer within {timeout:g} s"
        raise Unavailable(message, processed=Processed.NOT_PROCESSED) from error
