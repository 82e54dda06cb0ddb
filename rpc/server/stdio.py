"""`serve_stdio`: services for the one who started this process."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import trio

from rpc.limits import Limits
from rpc.net.background import open_background
from rpc.net.lifespans import open_handlers
from rpc.net.readiness import Readiness
from rpc.net.stdio import take_standard_link
from rpc.server.builtin import add_builtin
from rpc.server.health import Health
from rpc.server.serving import Serving
from rpc.server.signals import stop_on_signals
from rpc.service.service import Service

__all__ = ["serve_stdio"]


async def serve_stdio(
    services: Service | Sequence[Service],
    *,
    allow_uids: Collection[int] | None = None,
    limits: Limits | None = None,
    debug: bool = False,
    describe: bool | None = None,
    health: Health | None = None,
    polling: bool = True,
) -> None:
    """Serve whoever started this process, until they leave: ``trio.run(rpc.serve_stdio, service)``.

    It is the other end of `rpc.connect_process`. Where the standard input is a socket, it speaks on that; else over
    the standard input and output, and then what the program prints goes to its standard error. Call it before
    anything is printed.

    SIGTERM or SIGINT drains: no new calls are taken, open ones and notifications that have arrived get
    `Limits.drain_timeout` seconds to end. A second one ends everything at once.

    Args:
        services: what is served; the lifespan of each is entered before anybody is answered.
        allow_uids: users of this host that may be at the other end of a socket; None for our own and root.
        limits: what the other side may make us do; the defaults of `Limits` where None.
        debug: whether messages and tracebacks of handlers are sent to callers. They may hold secrets.
        describe: whether the other side may call the service ``rpc``, which tells what is served, how this process
            is, and what it has had to do; None for yes.
        health: what the application says of itself there.
        polling: as of `rpc.serve`.

    Raises:
        OSError: the standard input and output are something else, a terminal for example.
        ValueError: two services have one name.
        RuntimeError: this is not the main thread.
        SystemExit: with 128 + the number of the signal, after a second one.

    When this ends, for whatever reason, the connection is closed, and every handler has been cancelled and has ended.
    """
    limits = limits or Limits()
    link = take_standard_link()
    async with (
        stop_on_signals() as stop,
        open_handlers(services, debug=debug) as handlers,
        open_background() as nursery,
    ):
        readiness = Readiness(polling)
        serving = Serving(handlers, limits, allow_uids, readiness=readiness, health=health or Health())
        add_builtin(serving, describe)
        nursery.start_soon(serving.readiness.run)
        nursery.start_soon(_drain_at, stop, serving)
        await serving.serve_link(link)


async def _drain_at(stop: trio.Event, serving: Serving) -> None:
    await stop.wait()
    await serving.drain()
