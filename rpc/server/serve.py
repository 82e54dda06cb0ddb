"""`serve` and `run`: services on addresses, for as long as they are wanted."""

from __future__ import annotations

import contextvars
import logging
import ssl
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypedDict, Unpack, cast

import trio

from rpc.address import Address, parse
from rpc.limits import Limits
from rpc.net.access import refusal_of, socket_mode
from rpc.net.datagrams import DatagramReceiver, open_datagrams
from rpc.net.greeting import Authenticate
from rpc.net.lifespans import open_handlers
from rpc.net.listen import Listener, listen
from rpc.net.notifications import Notifications
from rpc.net.readiness import Readiness
from rpc.peer import Peer
from rpc.server.builtin import add_builtin
from rpc.server.exposure import check_exposure, check_keys, check_tls
from rpc.server.health import Health
from rpc.server.serving import Serving
from rpc.server.signals import reload_on_hangup, stop_on_signals
from rpc.service.service import Service
from rpc.wire.cose import Keys

__all__ = ["run", "serve"]

_logger = logging.getLogger("rpc")

Services = Service | Sequence[Service]
Bind = str | Address | Sequence[str | Address]


class Options(TypedDict, total=False):
    """What `run` passes on to `serve`."""

    tls: ssl.SSLContext | None
    allow_uids: Collection[int] | None
    authenticate: Authenticate | None
    datagram_keys: Mapping[bytes, bytes] | None
    insecure: bool
    limits: Limits | None
    debug: bool
    describe: bool | None
    health: Health | None
    polling: bool
    task_status: trio.TaskStatus[list[str]]


async def serve(
    services: Services,
    bind: Bind,
    *,
    tls: ssl.SSLContext | None = None,
    allow_uids: Collection[int] | None = None,
    authenticate: Authenticate | None = None,
    datagram_keys: Mapping[bytes, bytes] | None = None,
    insecure: bool = False,
    limits: Limits | None = None,
    debug: bool = False,
    describe: bool | None = None,
    health: Health | None = None,
    polling: bool = True,
    stop: trio.Event | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve one service or several on one address or several, until cancelled or told to stop.

    Start it with ``await nursery.start(rpc.serve, service, "tcp://127.0.0.1:0")``, which gives the bound addresses,
    with the ports that the system chose.

    Args:
        services: what is served; the lifespan of each is entered before anything listens.
        bind: addresses; see `rpc.address`. A datagram address takes notifications only.
        tls: for ``tls://``, as `rpc.server_tls` makes it. TLS 1.3 is set as the least that it speaks.
        allow_uids: users of this host that may use the Unix sockets; None for our own and root. The socket file is
            opened to all where it names others: the kernel tells who they are.
        authenticate: an async function of the credential that a client gave, None where it gave none, and its
            `Peer`; what it returns is `Peer.identity`. Where it returns None, raises, or takes longer than
            `Limits.handshake_timeout`, the client is turned away and not told why; nothing that it sent is looked at
            before. See `rpc.tokens`. Datagrams have no credential: they are not asked for one.
        datagram_keys: the keys that datagrams may be sealed with, id and secret of at least 16 bytes, the same that
            `rpc.notifier` has; several while they are changed. No other datagram is taken then. None to take those
            that are not sealed, and no others.
        insecure: whether addresses that other hosts can reach may be served without TLS, or to clients that prove
            nothing.
        limits: what each peer may make us do; the defaults of `Limits` where None.
        debug: whether messages and tracebacks of handlers are sent to callers. They may hold secrets.
        describe: whether peers may call the service ``rpc``, which tells what is served, how the server is, and what
            it has had to do; None for peers of this host alone.
        health: what the application says of itself there.
        polling: whether a reader may look again for what comes soon, for at most 0.1 ms, before it waits, where it has
            found that to be quicker. False where many processes share few processors.
        stop: set it to drain: no new calls are taken, open ones and notifications that have arrived get
            `Limits.drain_timeout` seconds to end, and `serve` returns.

    Raises:
        OSError: an address is in use, by a live server where it is a socket file, or cannot be bound.
        ValueError: something is no address, strangers on other hosts could call without `insecure`, `tls` is missing,
            of no use or not for servers, `datagram_keys` are of no use or too short, a multicast address has none, or
            two services have one name.

    When this ends, for whatever reason, nothing listens, every connection is closed, every handler has been
    cancelled and has ended, and the socket files are gone.
    """
    limits = limits or Limits()
    keys = None if datagram_keys is None else Keys(datagram_keys)
    stop = trio.Event() if stop is None else stop
    async with AsyncExitStack() as stack:
        handlers = await stack.enter_async_context(open_handlers(services, debug=debug))
        addresses = _parsed(bind)
        check_tls(addresses, tls)
        check_keys(addresses, keys)
        endpoints = await _open(addresses, socket_mode(allow_uids), tls, keys, stack)
        if not insecure:
            for endpoint in endpoints:
                check_exposure(endpoint.address, tls, authenticate, keys)
        readiness = Readiness(polling)
        serving = Serving(handlers, limits, allow_uids, authenticate, readiness, health=health or Health())
        add_builtin(serving, describe)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serving.readiness.run)
            nursery.start_soon(handlers.log.run)
            for endpoint in endpoints:
                if isinstance(endpoint, Listener):
                    nursery.start_soon(serving.accept, endpoint, nursery)
                else:
                    nursery.start_soon(_receive, endpoint, serving)
            bound = [str(endpoint.address) for endpoint in endpoints]
            _logger.info("serving %s on %s", ", ".join(s.name for s in handlers.table.services), ", ".join(bound))
            task_status.started(bound)
            await stop.wait()
            for endpoint in endpoints:
                endpoint.close()
            await serving.drain()
            nursery.cancel_scope.cancel()


def run(services: Services, bind: Bind, **options: Unpack[Options]) -> None:
    """Serve until SIGTERM or SIGINT, as a whole program: `trio.run` around `serve`, with the same arguments.

    The first signal drains: open calls may end, then this returns. A second one ends everything at once, also
    handlers that are shielded or sit in a thread: these have a second, then the signal ends the process. SIGHUP has
    the files of `rpc.server_tls` read again, changed or not; connections that are open stay.

    Raises:
        SystemExit: with 128 + the number of the signal, after a second one.
        OSError, ValueError: as `serve`.
    """
    trio.run(partial(_run_until_signalled, services, bind, **options))


async def _run_until_signalled(services: Services, bind: Bind, **options: Unpack[Options]) -> None:
    async with stop_on_signals() as stop, reload_on_hangup(options.get("tls")):
        await serve(services, bind, stop=stop, **options)


# --- Endpoints -------------------------------------------------------------------------------------------------


def _parsed(bind: Any) -> list[Address]:
    """The addresses of one or several; whatever else is given is refused as an address."""
    if isinstance(bind, str) or not isinstance(bind, Iterable):
        return [parse(bind)]
    return [parse(text) for text in cast("Iterable[str | Address]", bind)]


async def _open(
    addresses: list[Address], mode: int, tls: ssl.SSLContext | None, keys: Keys | None, stack: AsyncExitStack
) -> list[Listener | DatagramReceiver]:
    """Bind every address, or none."""
    endpoints: list[Listener | DatagramReceiver] = []
    for address in addresses:
        if address.is_datagram:
            opened: Sequence[Listener | DatagramReceiver] = await open_datagrams(address, mode=mode, keys=keys)
        else:
            opened = await listen(address, mode=mode, context=tls)
        for endpoint in opened:
            stack.callback(endpoint.close)
            endpoints.append(endpoint)
    if not endpoints:
        raise ValueError("nothing to serve on: give at least one address")
    return endpoints


async def _receive(receiver: DatagramReceiver, serving: Serving) -> None:
    """Run the notifications that come as datagrams, until the receiver is closed."""
    # Whoever can reach the socket can send anything: that alone writes no warnings.
    level = logging.INFO
    notifications = Notifications(serving.handlers, serving.limits, contextvars.copy_context(), level=level)
    is_path = receiver.address.is_path

    def take(method: str, payload: bytes, metadata: Any, peer: Peer) -> bool:
        if is_path and refusal_of(peer, serving.allow_uids) is not None:
            return False
        return notifications.take(method, metadata, payload, peer)

    serving.receiving.append(notifications)
    serving.receivers.append(receiver)
    async with trio.open_nursery() as nursery:
        notifications.nursery = nursery
        await receiver.run(take)
