"""What a session tells its owner: events as plain tuples ``(event, record, value)``.

A batch of bytes gives a list of them, in the order in which things happened. All state has moved before the first
is acted on, so whoever acts may give commands to the session, or end it, in the midst of the list.
"""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

__all__ = ["Event", "Events", "Happening"]


class Event(enum.IntEnum):
    """The kinds of event, each with its record and its value."""

    HELLO = 0
    """None, the peer's Settings: calls may be made."""

    CALL = 1
    """Incoming, None: a call has arrived whole; answer it with `reply` or `fail`."""

    GATHERING = 2
    """Incoming, None: the first fragment of a call has arrived; its deadline counts from now."""

    CANCEL = 3
    """Incoming, None: stop the handler; the call still awaits its end, unless it has been given one."""

    REPLY = 4
    """Outgoing, payload: the call has ended."""

    ERROR = 5
    """Outgoing, Error: the call has ended."""

    ITEM = 6
    """Either record, payload: an item has arrived; tell `consumed` when the application took it."""

    ITEMS = 7
    """Either record, payloads: as many items, small and alike, have arrived."""

    ITEMS_END = 8
    """Incoming, None: the caller sends no more items."""

    CREDIT = 9
    """Either record, None: items may be sent again."""

    NOTIFY = 10
    """None, (method, metadata, payload)."""

    PING = 11
    """None, token: answer with `pong`, or `abort` where they are too many."""

    PONG = 12
    """None, token."""

    GOAWAY = 13
    """None, (last id or None, reason, text): the peer takes no more calls."""

    BROKEN = 14
    """None, ProtocolError: the connection is broken; write what is left and close."""

    ENDED = 15
    """None, the reason given to `lost`: the last event."""


Happening: TypeAlias = tuple[Event, Any, Any]
Events: TypeAlias = list[Happening]
