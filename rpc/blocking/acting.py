"""What a blocking connection does at each event of its session; this decides nothing about the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rpc.blocking.waiting import Waiter
from rpc.errors import ProtocolError, Reason, Unavailable, Unimplemented
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event
from rpc.session.session import Session
from rpc.wire.gathering import Arrived

__all__ = ["actions_of"]


class Acting(Protocol):
    """A connection as it is seen here; the attributes are explained in `rpc.blocking.connection`."""

    session: Session
    failure: ProtocolError | None
    peer_stops: bool
    pings: dict[int, Waiter]


def actions_of(connection: Acting) -> tuple[Callable[[Any, Any], None], ...]:
    """What each event does, by its number."""

    def on_call(record: Incoming, value: None) -> None:
        connection.session.callee.fail(record, Unimplemented(f"{record.method}: a blocking client serves nothing"))

    def on_ping(record: None, token: int) -> None:
        connection.session.pong(token)

    def on_pong(record: None, token: int) -> None:
        waiter = connection.pings.get(token)
        if waiter is not None:
            waiter.succeed(b"")

    def on_goaway(record: None, value: tuple[int | None, int, str]) -> None:
        _take_goaway(connection, *value)

    def on_broken(record: None, error: ProtocolError) -> None:
        connection.failure = error

    actions: dict[Event, Callable[[Any, Any], None]] = {
        Event.REPLY: _on_reply,
        Event.ERROR: _on_error,
        Event.ITEM: _on_item,
        Event.ITEMS: _on_items,
        Event.CREDIT: _on_credit,
        Event.CALL: on_call,
        Event.PING: on_ping,
        Event.PONG: on_pong,
        Event.GOAWAY: on_goaway,
        Event.BROKEN: on_broken,
    }
    return tuple(actions.get(event, _on_nothing) for event in Event)


def _take_goaway(connection: Acting, last_id: int | None, reason: int, text: str) -> None:
    connection.peer_stops = reason == Reason.NONE
    if reason or last_id == 0:
        # Where no call has run, the peer has turned us away, if only because it is stopping.
        connection.failure = connection.failure or ProtocolError(text, reason=Reason.of(reason))
    if reason:
        for waiter in connection.pings.values():
            waiter.fail(Unavailable(f"the connection ended: {text or 'the peer ends it'}"))


def _on_reply(record: Outgoing, payload: Arrived) -> None:
    waiter, record.owner = record.owner, None
    waiter.succeed(payload)


def _on_error(record: Outgoing, failure: Exception) -> None:
    waiter, record.owner = record.owner, None
    waiter.fail(failure)


def _on_item(record: Outgoing, payload: Arrived) -> None:
    if record.stream is not None:
        record.stream.put_item(payload)


def _on_items(record: Outgoing, payloads: list[bytes]) -> None:
    if record.stream is not None:
        for payload in payloads:
            record.stream.put_item(payload)


def _on_credit(record: Outgoing, value: None) -> None:
    if record.stream is not None:
        record.stream.open()


def _on_nothing(record: Any, value: Any) -> None:
    """Nothing is to be done: who waits for it looks by itself, or nobody does."""
