"""Testing services without sockets: the real session and codec over memory streams.

Works with pytest-trio's ``autojump_clock``: nothing here sleeps but for the timeouts of `Limits`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import attrs

from rpc.client.client import Client
from rpc.client.connect import closing_client
from rpc.client.opening import open_connection
from rpc.limits import Limits
from rpc.net.background import open_foundation
from rpc.net.handlers import Handlers
from rpc.net.lifespans import open_handlers
from rpc.net.memory import memory_links
from rpc.net.readiness import Readiness
from rpc.server.builtin import add_builtin
from rpc.server.health import Health
from rpc.server.serving import Serving
from rpc.service.service import Service
from rpc.service.table import Table

__all__ = ["client"]


@asynccontextmanager
async def client(
    services: Service | Sequence[Service],
    *,
    limits: Limits | None = None,
    debug: bool = True,
    describe: bool | None = None,
    health: Health | None = None,
    identity: object = None,
) -> AsyncGenerator[Client]:
    """A client of services that are served in this process: ``async with rpc.testing.client(calc) as client``.

    Lifespans are entered, arguments and results pass through the codec, handlers are cancelled as over a socket.

    Args:
        services: what is served.
        limits: of both sides; the defaults of `Limits` where None.
        debug: whether errors carry the messages and tracebacks of handlers.
        describe, health: as of `rpc.serve`; the client is of this host.
        identity: who the client is to the services: their `Peer.identity`, as `authenticate` of `rpc.serve` returns it.

    The block's own exception comes out as it is. At its end every handler has been cancelled and has ended.
    """
    limits = limits or Limits()
    async with open_handlers(services, debug=debug) as handlers, open_foundation() as nursery:
        near, far = memory_links()
        far.peer = attrs.evolve(far.peer, identity=identity)
        serving = Serving(handlers, limits, health=health or Health())
        add_builtin(serving, describe)
        nursery.start_soon(serving.readiness.run)
        nursery.start_soon(serving.serve_link, far)
        readiness = Readiness()
        nursery.start_soon(readiness.run)
        connection = await open_connection(near, Handlers(Table(())), limits, readiness, nursery)
        opened: Client = connection.client
        async with closing_client(opened):
            yield opened
