"""Greeting: what stands between a link and the first call: TLS, the peer's HELLO, and who the peer is.

Where a server asks who its peer is, the HELLO is read here and nothing is looked at behind it, until the answer is
there. So whatever a stranger sends, none of it has been judged, let alone run, when the stranger is turned away.
"""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

import attrs
import trio

from rpc.errors import PermissionDenied, Reason, Unauthenticated
from rpc.limits import MAX_FIRST_FRAME
from rpc.net.handlers import is_failure, raise_unmixed
from rpc.net.leaving import Leaving, turn_away
from rpc.net.readiness import Pumped, Readiness
from rpc.net.tls_link import TlsLink
from rpc.peer import Peer
from rpc.wire.framing import PREFIX

__all__ = ["Authenticate", "Refusal", "greet"]

Authenticate: TypeAlias = Callable[[bytes | None, Peer], Awaitable[Any]]
"""Given the credential of a HELLO, None where there is none, and the peer as the transport knows it: who that is.
None, or an exception, turns the peer away."""

Refusal: TypeAlias = tuple[Reason, str]
"""Why a peer is turned away, as its GOAWAY tells it."""

_READ = 16_384
"""Bytes of one read before it is known who the peer is: with the largest HELLO, 32 KiB in all."""

_FAREWELL = 1.0
"""Seconds for the TLS handshake of a peer that is then turned away."""

_REFUSED = "credential refused"
"""All that a peer is told whose credential is missing, unknown, or was too much for `authenticate`."""


_OVER = trio.Event()
"""What stands for the event of each greeting that is over, and needs no memory any more."""
_OVER.set()


class Greeted(Leaving, Pumped, Protocol):
    """A connection as it is seen here; the attributes are explained in `rpc.net.connection`."""

    readiness: Readiness


async def greet(connection: Greeted, refusal: Refusal | None, authenticate: Authenticate | None) -> None:
    """Bring a connection to where calls may come, or to its end; afterwards it is read.

    Args:
        connection: whose `run` this is a part of.
        refusal: tell the peer this, and take nothing of it.
        authenticate: who the peer is; None where nobody asks.
    """
    limits = connection.limits
    if isinstance(connection.link, TlsLink):
        # Who is turned away is told so inside of TLS, if that takes no time: a full server holds on to nobody.
        patience = limits.tls_timeout if refusal is None else min(limits.tls_timeout, _FAREWELL)
        if not await _secure(connection, connection.link, patience):
            return
    if refusal is not None:
        turn_away(connection, *refusal)
    connection.flush()
    deadline = trio.current_time() + limits.handshake_timeout
    is_known = True
    if authenticate is not None and refusal is None:
        with trio.move_on_at(deadline) as identifying:
            await _identify(connection, authenticate)
        is_known = not identifying.cancelled_caught
    if connection.is_over or connection.is_lost:
        return
    connection.readiness.add(connection, connection.nursery)
    with trio.move_on_at(deadline):
        await connection.opened.wait()
    is_open, connection.opened = connection.opened.is_set(), _OVER
    if not is_open:
        connection.abort(Reason.TOO_SLOW, "no HELLO came in time")
    elif not is_known:
        connection.abort(Reason.TOO_SLOW, f"it was not known within {limits.handshake_timeout:g} s who you are")


async def _secure(connection: Greeted, link: TlsLink, seconds: float) -> bool:
    """Shake hands; False where that failed and the connection has ended."""
    problem: str | None = f"no TLS handshake within {seconds:g} s"
    with trio.move_on_after(seconds), contextlib.suppress(trio.ClosedResourceError):
        problem = await link.shake_hands()
    if connection.is_over:
        return False
    if problem is None:
        return True
    if link.is_server:
        connection.log.write(logging.WARNING, "no TLS", connection.peer, "no connection: %s", problem)
    connection.end(problem)
    return False


async def _identify(connection: Greeted, authenticate: Authenticate) -> None:
    """Read the peer's HELLO and find out who it is, then take what came with the HELLO."""
    try:
        first, rest = await _first_frame(connection)
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, EOFError):
        connection.lose("the peer closed the connection")
        return
    connection.pump_data(first)
    if connection.settings is None or not connection.session.is_open:
        return
    identity = await _ask(connection, authenticate, connection.settings.credential)
    if connection.is_over:
        return
    if identity is None:
        turn_away(connection, Reason.CREDENTIAL, _REFUSED)
        return
    connection.link.peer = attrs.evolve(connection.peer, identity=identity)
    if rest:
        connection.pump_data(rest)


async def _first_frame(connection: Greeted) -> tuple[bytes, bytes]:
    """The bytes of the peer's first frame, and those that came with it; all of them where its length is absurd."""
    data = b""
    size = PREFIX
    while len(data) < size:
        piece = await connection.link.receive_some(_READ)
        if not piece:
            raise EOFError
        data += piece
        if len(data) >= PREFIX:
            size = PREFIX + int.from_bytes(data[:PREFIX], "big")
            if size > PREFIX + MAX_FIRST_FRAME:
                break
    return data[:size], data[size:]


async def _ask(connection: Greeted, authenticate: Authenticate, credential: bytes | None) -> Any:
    """What `authenticate` says, and None where it raises. Its message may hold the credential: it is not logged."""
    try:
        try:
            return await authenticate(credential, connection.peer)
        except BaseExceptionGroup as group:
            raise_unmixed(group)
    except (PermissionDenied, Unauthenticated):
        return None
    except BaseException as error:
        if not is_failure(error):
            raise
        [*_, place] = traceback.extract_tb(error.__traceback__)
        what = f"{type(error).__name__} ({place.filename}, line {place.lineno})"
        connection.log.write(logging.ERROR, "authenticate", connection.peer, "authenticate raised %s", what)
        return None
