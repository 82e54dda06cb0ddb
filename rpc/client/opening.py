"""Opening: from an address to a connection, as often as a client needs one."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection
from typing import TypeAlias

import attrs
import trio

from rpc.address import Address
from rpc.client.client import Client
from rpc.client.line import Line
from rpc.client.patience import Patience
from rpc.errors import Processed, Unavailable
from rpc.limits import Limits
from rpc.net.access import refusal_of
from rpc.net.connection import Connection
from rpc.net.dial import dial
from rpc.net.handlers import Handlers
from rpc.net.link import Link
from rpc.net.readiness import Readiness
from rpc.session.session import Session
from rpc.version import AGENT

__all__ = ["Adopt", "Opening", "open_connection"]

Adopt: TypeAlias = Callable[[Connection], Client]
"""Given a connection that is about to greet its peer, the client by which its handlers call that."""


@attrs.frozen(kw_only=True, eq=False)
class Opening:
    """How a client comes to a connection.

    Attributes:
        address: of the server.
        tls: for ``tls://``; None to trust the system's authorities.
        credential: who we are; None to tell nobody.
        allow_uids: users whose server is trusted on a Unix socket; None for our own and root.
        wait: seconds to try for.
        handlers: what is served to the server.
        limits: of each connection.
        readiness: reads and flushes them.
        nursery: has their tasks.
    """

    address: Address
    tls: ssl.SSLContext | None = None
    credential: bytes | None = attrs.field(default=None, repr=False)
    allow_uids: Collection[int] | None = None
    wait: float = 0
    handlers: Handlers
    limits: Limits
    readiness: Readiness
    nursery: trio.Nursery

    async def connection(self, adopt: Adopt) -> Connection:
        """Try until there is a connection, for so many seconds. Who is turned away is so at once.

        Args:
            adopt: tells of each that is tried by which client its handlers call the server.

        Raises:
            Unavailable: (not processed) there is none; the message has the address and the cause.
        """
        patience = Patience(self.wait, trio.current_time())
        while True:
            try:
                link = await self._dial()
                return await open_connection(
                    link,
                    self.handlers,
                    self.limits,
                    self.readiness,
                    self.nursery,
                    credential=self.credential,
                    adopt=adopt,
                )
            except Unavailable as error:
                pause = patience.pause(error, trio.current_time())
                if pause is None:
                    raise
            await trio.sleep(pause)

    async def _dial(self) -> Link:
        address, seconds = self.address, self.limits.handshake_timeout
        with trio.move_on_after(seconds):
            link = await dial(address, None if address.is_path else self.tls)
            refusal = refusal_of(link.peer, self.allow_uids)
            if refusal is None:
                return link
            link.close()
            raise _no_connection(address, f"its server's {refusal}")
        raise _no_connection(address, f"no answer within {seconds:g} s")


def _no_connection(address: Address | str, cause: str) -> Unavailable:
    return Unavailable(f"cannot connect to {address}: {cause}", processed=Processed.NOT_PROCESSED)


def _client_of(connection: Connection) -> Client:
    return Client(Line(connection))


async def _confirm(connection: Connection) -> None:
    """Wait until the server has accepted a credential: it answers nothing before.

    Raises:
        Unavailable: it did not, or not in time.
    """
    with trio.move_on_after(connection.limits.handshake_timeout):
        await connection.ping()
        return
    connection.end("it was not heard in time whether the credential is accepted")
    connection.session.caller.check_open()


async def open_connection(
    link: Link,
    handlers: Handlers,
    limits: Limits,
    readiness: Readiness,
    nursery: trio.Nursery,
    *,
    credential: bytes | None = None,
    adopt: Adopt = _client_of,
) -> Connection:
    """Greet the peer on a link; the connection's tasks live in `nursery`.

    Handlers call the peer by the client that `adopt` gives, else by one of this connection alone. It is the
    connection's ``client``.

    Raises:
        ValueError: the credential is too long for a HELLO.
        Unavailable: (not processed) the peer refused us, spoke another protocol, or said nothing in time.
    """
    session = Session(is_connector=True, limits=limits, agent=AGENT, credential=credential)
    connection = Connection(link, session, readiness, handlers, limits)
    connection.client = adopt(connection)  # before the greeting, as the peer may call at once
    await nursery.start(connection.run)
    try:
        connection.session.caller.check_open()
        if credential is not None:
            await _confirm(connection)
    except Unavailable as refusal:
        failure = connection.failure
        cause = failure.message if failure is not None else connection.end_reason or refusal.message
        connection.end(cause)
        raise _no_connection(link.peer.address, cause) from failure
    except BaseException:
        connection.end("this side gave it up")
        raise
    return connection
