"""`connect`: from an address to a client."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager

import trio

from rpc.address import Address, parse
from rpc.client.client import Client
from rpc.errors import Processed, ProtocolError, Reason, Unavailable
from rpc.limits import Limits
from rpc.net.access import check_safe, refusal_of
from rpc.net.background import open_foundation
from rpc.net.connection import Connection
from rpc.net.dial import dial
from rpc.net.handlers import Handlers
from rpc.net.lifespans import open_handlers
from rpc.net.link import Link
from rpc.net.readiness import Readiness
from rpc.service.service import Service
from rpc.session.session import Session
from rpc.version import AGENT
from rpc.wire import hello

__all__ = ["closing_client", "connect", "open_connection"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
"""Seconds between two tries while a server is still starting; each pause is twice the last."""


@asynccontextmanager
async def connect(
    address: str | Address,
    *,
    tls: ssl.SSLContext | None = None,
    credential: str | bytes | None = None,
    services: Service | Sequence[Service] = (),
    limits: Limits | None = None,
    allow_uids: Collection[int] | None = None,
    insecure: bool = False,
    wait: float = 0,
) -> AsyncGenerator[Client]:
    """Connect to a server: ``async with rpc.connect("unix:/run/calc.sock") as client``.

    Args:
        address: see `rpc.address`.
        tls: for ``tls://``, as `rpc.client_tls` makes it; None to trust the system's authorities and show no
            certificate.
        credential: tells the server's `authenticate` who we are; text travels as UTF-8. It is sent to a server that
            the kernel or a certificate has named, and to no other, and takes a round trip to be accepted.
        services: what this side serves to the server, over the same connection.
        limits: what the server may make us do; the defaults of `Limits` where None.
        allow_uids: users of this host whose server is trusted on a Unix socket; None for our own and root. It is
            checked before anything is sent.
        insecure: whether the credential is sent also where others may read it, or may pose as the server.
        wait: seconds to try for, where the server is still starting. Who is turned away is turned away at once.

    Raises:
        Unavailable: (not processed) there is no connection; the message has the address and the cause.
        ValueError: the address is none, or takes no connections; `tls` is no context for clients, or of no use
            there; the credential would not be safe on its way, or is too long for a HELLO.

    The block's own exception comes out as it is. A lost connection does not cancel the block: calls raise
    `Unavailable`. At the end of the block what is queued leaves, and the connection is closed; when the block fails
    or is cancelled, it is closed at once, behind the block's own cleaning up.
    """
    target = parse(address)
    limits = limits or Limits()
    if isinstance(credential, str):
        credential = credential.encode()
    if credential is not None:
        if not insecure:
            check_safe(target, tls)
        hello.encode(hello.Settings(agent=AGENT, credential=credential))  # too long a one raises before anything opens
    async with open_handlers(services) as handlers, open_foundation() as nursery:
        readiness = Readiness()
        nursery.start_soon(readiness.run)

        async def attempt() -> Connection:
            link = await _dial(target, tls, allow_uids)
            return await open_connection(link, handlers, limits, readiness, nursery, credential)

        connection = await _patiently(attempt, wait)
        client = connection.client = Client(connection)
        async with closing_client(client):
            yield client


@asynccontextmanager
async def closing_client(client: Client) -> AsyncGenerator[None]:
    """Close a client behind a block: what is queued leaves first, unless the block fails or is cancelled."""
    try:
        yield
    except BaseException:
        client.close()
        raise
    await client.aclose()


async def _patiently(attempt: Callable[[], Awaitable[Connection]], seconds: float) -> Connection:
    """Try until there is a connection, for so many seconds."""
    give_up = trio.current_time() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            refusal = error.__cause__
            is_final = isinstance(refusal, ProtocolError) and refusal.reason is Reason.CREDENTIAL
            if is_final or trio.current_time() + pause > give_up:
                raise
        await trio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _dial(address: Address, tls: ssl.SSLContext | None, allow_uids: Collection[int] | None) -> Link:
    link = await dial(address, None if address.is_path else tls)
    refusal = refusal_of(link.peer, allow_uids)
    if refusal is not None:
        link.close()
        message = f"cannot connect to {address}: its server's {refusal}"
        raise Unavailable(message, processed=Processed.NOT_PROCESSED)
    return link


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
    credential: bytes | None = None,
) -> Connection:
    """Greet the peer on a link; the connection's tasks live in `nursery`.

    Raises:
        ValueError: the credential is too long for a HELLO.
        Unavailable: (not processed) the peer refused us, spoke another protocol, or said nothing in time.
    """
    session = Session(is_connector=True, limits=limits, agent=AGENT, credential=credential)
    connection = Connection(link, session, readiness, handlers, limits)
    await nursery.start(connection.run)
    try:
        connection.session.caller.check_open()
        if credential is not None:
            await _confirm(connection)
    except Unavailable as refusal:
        failure = connection.failure
        cause = failure.message if failure is not None else connection.end_reason or refusal.message
        connection.end(cause)
        message = f"cannot connect to {link.peer.address}: {cause}"
        raise Unavailable(message, processed=Processed.NOT_PROCESSED) from failure
    return connection
