"""`connect`: from an address to a client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

import trio

from rpc.address import Address, parse
from rpc.client.client import Client
from rpc.errors import Processed, Unavailable
from rpc.limits import Limits
from rpc.net.access import refusal_of
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

__all__ = ["closing_client", "connect", "open_connection"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
"""Seconds between two tries while a server is still starting; each pause is twice the last."""


@asynccontextmanager
async def connect(
    address: str | Address,
    *,
    services: Service | Sequence[Service] = (),
    limits: Limits | None = None,
    allow_uids: Collection[int] | None = None,
    wait: float = 0,
) -> AsyncGenerator[Client]:
    """Connect to a server: ``async with rpc.connect("unix:/run/calc.sock") as client``.

    Args:
        address: see `rpc.address`.
        services: what this side serves to the server, over the same connection.
        limits: what the server may make us do; the defaults of `Limits` where None.
        allow_uids: users of this host whose server is trusted on a Unix socket; None for our own and root. It is
            checked before anything is sent.
        wait: seconds to try for, where the server is still starting.

    Raises:
        Unavailable: (not processed) there is no connection; the message has the address and the cause.
        ValueError: the address is none, or takes no connections.

    The block's own exception comes out as it is. A lost connection does not cancel the block: calls raise
    `Unavailable`. At the end of the block what is queued leaves, and the connection is closed; when the block fails
    or is cancelled, it is closed at once, behind the block's own cleaning up.
    """
    target = parse(address)
    limits = limits or Limits()
    async with open_handlers(services) as handlers, open_foundation() as nursery:
        connection = await _open(target, handlers, limits, allow_uids, wait, nursery)
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


async def _open(
    address: Address,
    handlers: Handlers,
    limits: Limits,
    allow_uids: Collection[int] | None,
    wait: float,
    nursery: trio.Nursery,
) -> Connection:
    """A connection whose peer has said HELLO, tried for `wait` seconds."""
    readiness = Readiness()
    nursery.start_soon(readiness.run)
    give_up = trio.current_time() + wait
    pause = _FIRST_PAUSE
    while True:
        try:
            link = await _dial(address, allow_uids)
            return await open_connection(link, handlers, limits, readiness, nursery)
        except Unavailable:
            if trio.current_time() + pause > give_up:
                raise
        await trio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _dial(address: Address, allow_uids: Collection[int] | None) -> Link:
    link = await dial(address)
    refusal = refusal_of(link.peer, allow_uids)
    if refusal is not None:
        link.close()
        message = f"cannot connect to {address}: its server's {refusal}"
        raise Unavailable(message, processed=Processed.NOT_PROCESSED)
    return link


async def open_connection(
    link: Link, handlers: Handlers, limits: Limits, readiness: Readiness, nursery: trio.Nursery
) -> Connection:
    """Greet the peer on a link; the connection's tasks live in `nursery`.

    Raises:
        Unavailable: (not processed) the peer refused us, spoke another protocol, or said nothing in time.
    """
    session = Session(is_connector=True, limits=limits, agent=AGENT)
    connection = Connection(link, session, readiness, handlers, limits)
    await nursery.start(connection.run)
    try:
        connection.session.caller.check_open()
    except Unavailable as refusal:
        failure = connection.failure
        cause = failure.message if failure is not None else connection.end_reason or refusal.message
        connection.end(cause)
        message = f"cannot connect to {link.peer.address}: {cause}"
        raise Unavailable(message, processed=Processed.NOT_PROCESSED) from failure
    return connection
