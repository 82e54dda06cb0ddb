"""`connect`: from an address to a client."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial, wraps
from typing import ParamSpec

from rpc.address import Address, parse
from rpc.client.client import Client
from rpc.client.commons import common_readiness
from rpc.client.credential import checked
from rpc.client.line import RenewableLine
from rpc.client.opening import Opening
from rpc.client.streaming import Block
from rpc.limits import Limits
from rpc.net.background import open_foundation
from rpc.net.connection import Connection
from rpc.net.lifespans import open_handlers
from rpc.service.service import Service

__all__ = ["closing_client", "connect"]

P = ParamSpec("P")


def _connecting(function: Callable[P, AsyncGenerator[Client]]) -> Callable[P, Block[Client]]:
    """A decorator: `asynccontextmanager`, of which other uses are told what to do."""
    make = asynccontextmanager(function)

    @wraps(function)
    def connecting(*args: P.args, **kwargs: P.kwargs) -> Block[Client]:
        return Block(make(*args, **kwargs), "async with rpc.connect(...) as client")

    return connecting


@_connecting
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
    reconnect: bool = False,
    polling: bool = True,
) -> AsyncGenerator[Client]:
    """Connect to a server: ``async with rpc.connect("unix:/run/calc.sock") as client``.

    Args:
        address: see `rpc.address`.
        tls: for ``tls://``, as `rpc.client_tls` makes it; None to trust the system's authorities and show no
            certificate.
        credential: tells the server's `authenticate` who we are; text travels as UTF-8. It is sent to a server that
            the kernel or a certificate has named, and to no other, and takes a round trip to be accepted.
        services: what this side serves to the server, over the same connection.
        limits: what the server may make us do; the defaults of `Limits` where None. Each try to connect is given up
            after its `handshake_timeout`, and once connected the server has as long to greet.
        allow_uids: users of this host whose server is trusted on a Unix socket; None for our own and root. It is
            checked before anything is sent.
        insecure: whether the credential is sent also where others may read it, or may pose as the server.
        wait: seconds to try for, where the server is still starting; also whenever the connection is made anew. Who is
            turned away is turned away at once.
        reconnect: whether a connection that was lost is made anew by the next call. A server that stops is left for
            another in any case, see below.
        polling: whether a reader may look again for what comes soon, for at most 0.1 ms, before it waits, where it has
            found that to be quicker. False where many processes share few processors.

    Raises:
        Unavailable: (not processed) there is no connection; the message has the address and the cause.
        ValueError: the address is none, or takes no connections; `tls` is no context for clients, or of no use
            there; the credential would not be safe on its way, or is too long for a HELLO.

    The block's own exception comes out as it is. A lost connection does not cancel the block: calls raise
    `Unavailable`. At the end of the block what is queued leaves, and the connection is closed; when the block fails
    or is cancelled, it is closed at once, behind the block's own cleaning up.

    A server that stops says so: calls that are open end there, and the next one connects to the same address anew,
    for the server that has been started in its place. With `reconnect` the next call does so too after a crash. A
    call whose arguments and result are plain values is made once more by itself where it was not processed for one of
    these reasons, or may have run and is declared ``idempotent`` and called by its handle; also where its callee has
    not begun it, and names a time of at most 1 s to come back after (``retry_after``). All else that the connection
    took along raises `Unavailable`: so do a stream, a context, and a call that sends items, not processed where they
    were not begun. A second try has 2 in its metadata as the number of the attempt, under the protocol's key 3.
    """
    target = parse(address)
    limits = limits or Limits()
    encoded = checked(credential, target, tls, insecure=insecure)
    async with (
        open_handlers(services) as handlers,
        open_foundation() as nursery,
        common_readiness(nursery, is_polling=polling) as readiness,
    ):
        opening = Opening(
            address=target,
            tls=tls,
            credential=encoded,
            allow_uids=allow_uids,
            wait=wait,
            handlers=handlers,
            limits=limits,
            readiness=readiness,
            nursery=nursery,
        )
        line = RenewableLine(nursery, reconnects=reconnect)
        client = Client(line)

        def adopt(connection: Connection) -> Client:
            line.adopt(connection)
            return client

        await line.begin(partial(opening.connection, adopt))
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
