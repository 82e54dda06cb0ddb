"""`connect_process`: from a command to a client of the process that it starts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs

from rpc.client.client import Client
from rpc.client.commons import common_readiness
from rpc.client.connect import closing_client
from rpc.client.opening import open_connection
from rpc.limits import Limits
from rpc.net.background import open_foundation
from rpc.net.child import Command, open_child
from rpc.net.lifespans import open_handlers
from rpc.service.service import Service

__all__ = ["connect_process"]


@asynccontextmanager
async def connect_process(
    command: Command,
    *,
    services: Service | Sequence[Service] = (),
    limits: Limits | None = None,
    pipes: bool = False,
    wait: float = 30.0,
    grace: float = 5.0,
    polling: bool = True,
    **options: Any,
) -> AsyncGenerator[Client]:
    """Start a process and connect to what it serves: ``async with rpc.connect_process(["worker"]) as client``.

    The process runs `rpc.serve_stdio`. It gets one end of a pair of sockets as its standard input; its standard
    output and standard error stay ours.

    Args:
        command: the program and its arguments: ``[sys.executable, "-m", "worker"]``.
        services: what this side serves to the process, over the same connection.
        limits: what the process may make us do; the defaults of `Limits` where None.
        pipes: whether to speak over the standard input and output instead, as it must be where a program stands
            between: ``["ssh", "host", "worker"]``, ``["docker", "exec", "-i", ...]``.
        wait: seconds for the process to start and to enter its lifespans.
        grace: seconds for it to exit once the connection is closed, and again after SIGTERM; then it is killed.
        polling: as of `rpc.connect`.
        options: as `trio.lowlevel.open_process` takes them: ``env``, ``cwd``, ``stderr`` and so on.

    Raises:
        Unavailable: (not processed) the command cannot be started, the process has exited, speaks another protocol,
            or says nothing for `wait` seconds. The message has the cause, an exit status for example.

    The block's own exception comes out as it is. When the process dies, open calls raise `Unavailable` with its exit
    status or the signal that killed it in the message; the block is not cancelled.

    At the end of the block what is queued leaves, and the connection is closed. The process then lets notifications
    that have arrived run, and exits. When the block fails or is cancelled, the connection is closed at once. In any
    case this waits, for at most twice `grace`, until the process is gone.
    """
    limits = limits or Limits()
    greeting = attrs.evolve(limits, handshake_timeout=wait)
    async with (
        open_handlers(services) as handlers,
        open_child(command, pipes=pipes, grace=grace, options=options) as link,
        open_foundation() as nursery,
        common_readiness(nursery, is_polling=polling) as readiness,
    ):
        connection = await open_connection(link, handlers, greeting, readiness, nursery)
        client: Client = connection.client
        async with closing_client(client):
            yield client
