"""Sessions for the tests: alone, where the test itself is the peer, and two that are joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from rpc.errors import Error
from rpc.limits import Limits
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event, Events
from rpc.session.outbox import Outbox
from rpc.session.session import Session
from rpc.wire import failures, frames, hello
from rpc.wire.frames import Fields
from rpc.wire.hello import Settings
from rpc.wire.metadata import NO_METADATA

__all__ = [
    "LIMITS",
    "Delivery",
    "Pair",
    "brief",
    "call",
    "data",
    "decoded",
    "error",
    "in_small_pieces",
    "left",
    "opened",
    "reply",
    "said",
    "single",
    "straight_into",
    "whole",
    "write",
]

LIMITS = Limits(max_frame=16_384, max_message=100_000, max_calls=16, window=65_536)
"""Small, so that little is much."""


# --- What the peer sends -------------------------------------------------------------------------------------------


def call(
    id: int,
    payload: bytes = b"\x80",
    *,
    flags: int = 0,
    timeout: int | None = None,
    metadata: bytes = NO_METADATA,
    method: str = "a.b",
) -> bytes:
    return frames.call(id, frames.method_item(method), timeout, metadata, flags, len(payload)) + payload


def data(id: int, payload: bytes, flags: int = 0) -> bytes:
    return frames.data(id, flags, len(payload)) + payload


def reply(id: int, payload: bytes, flags: int = 0) -> bytes:
    return frames.reply(id, flags, len(payload)) + payload


def error(id: int, failure: Error) -> bytes:
    return frames.error(id, failures.encode(failure))


# --- One session ---------------------------------------------------------------------------------------------------


def opened(*, is_connector: bool = True, limits: Limits = LIMITS, peer: Settings | None = None) -> Session:
    """A session that has told its HELLO and read its peer's, by default one that accepts as much as we do."""
    session = Session(is_connector=is_connector, limits=limits)
    write(session)
    settings = peer or Settings(max_message=limits.max_message)
    assert session.receive(hello.encode(settings)) == [(Event.HELLO, None, settings)]
    return session


def write(session: Session) -> bytes:
    """All that a session has to say, as if its transport had taken it."""
    written = b""
    while session.has_output:
        written += b"".join(session.take())
        session.sent()
    return written


def decoded(stream: bytes) -> list[Fields]:
    """The frames of a stream."""
    found: list[Fields] = []
    while stream:
        end = 4 + int.from_bytes(stream[:4], "big")
        fields = frames.decode(stream[4:end])
        assert fields is not None
        found.append(fields)
        stream = stream[end:]
    return found


def said(session: Session) -> list[Fields]:
    """The frames that a session has to say, all of them."""
    return decoded(write(session))


def left(outbox: Outbox) -> list[list[Fields]]:
    """The frames that an outbox holds, batch for batch."""
    batches: list[list[Fields]] = []
    while outbox:
        batches.append(decoded(b"".join(outbox.take())))
    return batches


def single(events: Events) -> Events:
    """Events in which each item stands alone, whether it came in a run or not."""
    return [
        (Event.ITEM if event is Event.ITEMS else event, record, item)
        for event, record, value in events
        for item in (value if event is Event.ITEMS else (value,))
    ]


def brief(events: Events) -> list[tuple[Any, ...]]:
    """Events as plain values: the event, the id of its call, and its value where it has one."""
    return [(event, *_brief(record), *_brief(value)) for event, record, value in events]


def _brief(part: object) -> tuple[object, ...]:
    if part is None:
        return ()
    if isinstance(part, Incoming | Outgoing):
        return (part.id,)
    return ((part.code, part.processed),) if isinstance(part, Error) else (part,)


# --- Two sessions --------------------------------------------------------------------------------------------------

Delivery: TypeAlias = Callable[[Session, bytes], Events]
"""Brings bytes to a session."""


def whole(session: Session, stream: bytes) -> Events:
    return single(session.receive(stream))


def in_small_pieces(session: Session, stream: bytes) -> Events:
    """Byte by byte; what is large in pieces that end nowhere in particular."""
    size = 1 if len(stream) < 2048 else 509
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    return [happening for piece in pieces for happening in single(session.receive(piece))]


def straight_into(session: Session, stream: bytes) -> Events:
    """In pieces of 1000 bytes, each to where the session wants it."""
    events: Events = []
    while stream:
        room = session.want()
        count = min(len(stream), 1000 if room is None else len(room), 1000)
        if room is None:
            events += session.receive(stream[:count])
        else:
            room[:count] = stream[:count]
            events += session.filled(count)
        stream = stream[count:]
    return single(events)


class Pair:
    """A connector and an acceptor, each the peer of the other; both have read the other's HELLO."""

    def __init__(self, connector: Limits = LIMITS, acceptor: Limits = LIMITS, deliver: Delivery = whole) -> None:
        self.connector = Session(is_connector=True, limits=connector)
        self.acceptor = Session(is_connector=False, limits=acceptor)
        self.deliver = deliver
        self.move()

    def peer_of(self, session: Session) -> Session:
        return self.acceptor if session is self.connector else self.connector

    def pass_on(self, sender: Session) -> Events:
        """Bring all that one side has to say to the other; gives what happens there."""
        return self.deliver(self.peer_of(sender), write(sender))

    def move(self) -> Events:
        """Pass on what either side has to say until neither has anything; gives all that happened."""
        events: Events = []
        while self.connector.has_output or self.acceptor.has_output:
            events += self.pass_on(self.connector) + self.pass_on(self.acceptor)
        return events
