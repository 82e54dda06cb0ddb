"""What each event of a session does: to the connection, to the task that waits for a call, to the worker that runs it.

A call that was given up has no owner any more, and one that was refused as it was dispatched, earlier in the same
batch of events, has no stream: what comes for it is nothing.

There is one table for all connections: a bound method for each event would cost each of them a KiB while it is idle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import trio

from rpc.errors import Cancelled, Error, ProtocolError
from rpc.net.leaving import Leaving, break_off, take_goaway
from rpc.net.timers import FrameTimer
from rpc.net.workers import Run
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event
from rpc.wire.gathering import Arrived
from rpc.wire.hello import Settings

__all__ = ["ACTIONS"]


class Acting(Leaving, Protocol):
    """A connection as it is seen here; the attributes are explained in `rpc.net.connection`."""

    @property
    def frame_timer(self) -> FrameTimer: ...


Action: TypeAlias = Callable[[Acting, Any, Any], None]
"""Given the connection, and the record and the value of the event."""

# --- Calls of this side ------------------------------------------------------------------------------------------


def _reply(_: Acting, record: Outgoing, payload: Arrived) -> None:
    """A call of this side has returned."""
    waiter, record.owner = record.owner, None
    waiter.succeed(payload)
    if record.stream is not None:
        record.stream.close()


def _error(_: Acting, record: Outgoing, failure: Error) -> None:
    """A call of this side has failed."""
    waiter, record.owner = record.owner, None
    waiter.fail(failure)
    if record.stream is not None:
        record.stream.close(failure)


# --- Calls of the peer -------------------------------------------------------------------------------------------


def _call(connection: Acting, record: Incoming, _: None) -> None:
    """A call has arrived whole."""
    connection.dispatcher.call(record)


def _gathering(connection: Acting, record: Incoming, _: None) -> None:
    """A call has begun to arrive in fragments."""
    record.owner = trio.current_time()
    connection.frame_timer.gather(record)


def _cancel(_: Acting, record: Incoming, __: None) -> None:
    """A call of the peer's was cancelled, or its connection has ended."""
    # No worker has what has ended meanwhile, nor what was never begun because the connection ended first.
    if isinstance(record.owner, Run):
        record.owner.cancel()
    if record.stream is not None:
        # The scope has spoken first: only a handler that shields itself sees this, and must not take it for the end
        # of its caller's items.
        record.stream.close(Cancelled("cancelled by its caller"))


def _notify(connection: Acting, _: None, value: list[Any]) -> None:
    """A notification has arrived."""
    method, metadata, payload = value
    connection.dispatcher.notifications.take(method, metadata, payload, connection.peer, connection.client)


# --- Items, in either direction ----------------------------------------------------------------------------------


def _item(_: Acting, record: Outgoing | Incoming, payload: Arrived) -> None:
    """An item has arrived."""
    if record.stream is not None:
        record.stream.put_item(payload)


def _items(_: Acting, record: Outgoing | Incoming, payloads: list[bytes]) -> None:
    """Several small items have arrived."""
    if record.stream is not None:
        record.stream.put_items(payloads)


def _items_end(_: Acting, record: Incoming, __: None) -> None:
    """The caller sends no more items."""
    if record.stream is not None:
        record.stream.end_items()


def _credit(_: Acting, record: Outgoing | Incoming, __: None) -> None:
    """Items may be sent again."""
    if record.stream is not None:
        record.stream.credit()


# --- The connection ----------------------------------------------------------------------------------------------


def _hello(connection: Acting, _: None, settings: Settings) -> None:
    """The peer has said what it accepts."""
    connection.settings = settings
    connection.opened.set()


def _ping(connection: Acting, _: None, token: int) -> None:
    """The peer asks for a sign of life."""
    connection.pulse.take_ping(token)


def _pong(connection: Acting, _: None, token: int) -> None:
    """The peer gives one."""
    connection.pulse.take_pong(token)


def _goaway(connection: Acting, _: None, value: tuple[int | None, int, str]) -> None:
    """The peer is about to end the connection."""
    take_goaway(connection, *value)


def _broken(connection: Acting, _: None, error: ProtocolError) -> None:
    """The peer has broken the protocol, or this side ends the connection for something else that it did."""
    connection.counts.cut[error.reason.name.lower()] += 1
    break_off(connection, error)


def _ended(_: Acting, __: None, ___: str) -> None:
    """The session is over, which the connection knows already."""


_ACTIONS: dict[Event, Action] = {
    Event.HELLO: _hello,
    Event.CALL: _call,
    Event.GATHERING: _gathering,
    Event.CANCEL: _cancel,
    Event.REPLY: _reply,
    Event.ERROR: _error,
    Event.ITEM: _item,
    Event.ITEMS: _items,
    Event.ITEMS_END: _items_end,
    Event.CREDIT: _credit,
    Event.NOTIFY: _notify,
    Event.PING: _ping,
    Event.PONG: _pong,
    Event.GOAWAY: _goaway,
    Event.BROKEN: _broken,
    Event.ENDED: _ended,
}

ACTIONS: tuple[Action, ...] = tuple(_ACTIONS[event] for event in Event)
"""What each event does, by its number."""
