"""Every number that bounds what a peer may make us do, with its reason.

`Limits` is given to `rpc.serve` and `rpc.connect`. Sizes are bytes, times are seconds.
The constants are fixed by the wire protocol (``docs/protocol.md``) and are the same for every peer.
"""

from __future__ import annotations

import attrs

__all__ = [
    "LEAST_FRAGMENT",
    "LEAST_MAX_CALLS",
    "LEAST_MAX_FRAME",
    "LEAST_MAX_MESSAGE",
    "LEAST_MIN_PING",
    "LEAST_WINDOW",
    "MAX_DATAGRAM",
    "MAX_DEPTH",
    "MAX_ERROR",
    "MAX_FIRST_FRAME",
    "MAX_ID",
    "MAX_ITEMS",
    "MAX_METADATA",
    "MAX_METHOD",
    "MAX_SENDERS",
    "REPLAY_WINDOW",
    "Limits",
]

LEAST_MAX_FRAME = 16384
LEAST_MAX_MESSAGE = 16384
LEAST_MAX_CALLS = 16
LEAST_WINDOW = 65536
LEAST_MIN_PING = 1000
"""The least values that a HELLO may name (protocol section 2); the last in milliseconds."""

MAX_FIRST_FRAME = 16384
"""Body bytes of a HELLO: little is read from a peer that has not introduced itself."""

MAX_METHOD = 255
"""UTF-8 bytes of a method name."""

MAX_METADATA = 8192
"""Encoded bytes of the metadata of one call."""

MAX_ERROR = 16384
"""Body bytes of an ERROR or GOAWAY: they are never cut into fragments, so they fit the smallest max_frame."""

LEAST_FRAGMENT = 4096
"""Payload bytes of every fragment but the last: a flood of empty fragments costs its sender (CVE-2024-28182)."""

MAX_ID = 2**53 - 1
"""The highest call id: exact in every language's numbers."""

MAX_DEPTH = 64
"""Levels of arrays, maps and tags in one CBOR item."""

MAX_ITEMS = 65536
"""CBOR data items in one payload or envelope: one byte of input must not become a hundred of memory."""

MAX_DATAGRAM = 1200
"""Bytes of one datagram by default: what crosses any network path in one piece (RFC 9000, section 14)."""

REPLAY_WINDOW = 1024
"""Sequence numbers of one datagram sender within which a late datagram still passes, once."""

MAX_SENDERS = 1024
"""Datagram senders that one socket remembers."""


@attrs.frozen(kw_only=True)
class Limits:
    """What one side accepts and how long it waits. Every field has a default that is safe to expose.

    The first six are told to the peer in HELLO, and a peer that oversteps them breaks the protocol.

    Raises:
        ValueError: a field is below the least value that the protocol or sense allows.
    """

    max_frame: int = attrs.field(default=262_144, validator=attrs.validators.ge(LEAST_MAX_FRAME))
    """Body bytes of one frame. 256 KiB stays in the processor's cache; larger payloads are cut into fragments, each of
    which holds up what else is to be sent. On a Unix socket, 1 MiB takes 0.7 of the time where it is one frame."""

    max_message: int = attrs.field(default=16_777_216, validator=attrs.validators.ge(LEAST_MAX_MESSAGE))
    """Bytes of one whole payload: arguments, a result, or an item."""

    max_calls: int = attrs.field(default=128, validator=attrs.validators.ge(LEAST_MAX_CALLS))
    """Calls that the peer may have open toward us on one connection. A caller over it waits its turn."""

    window: int = attrs.field(default=262_144, validator=attrs.validators.ge(LEAST_WINDOW))
    """Item bytes buffered for each streaming call and direction before its sender must wait."""

    min_ping: int = attrs.field(default=1000, validator=attrs.validators.ge(LEAST_MIN_PING))
    """Milliseconds: the shortest interval between pings that we tolerate."""

    max_items: int = attrs.field(default=MAX_ITEMS, validator=attrs.validators.ge(1))
    """CBOR data items in one payload. Raise it only where large lists of small values must travel."""

    max_connections: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    """Connections that a server holds at once; one more is refused with a reason. None: 1024, or fewer where the
    process may not open 64 files beside them, but half of what it may open in any case."""

    max_connections_per_peer: int = attrs.field(default=256, validator=attrs.validators.ge(1))
    """Of those, the connections of one user of this host, or from one address: nobody has them all. Of our own user
    and root, whom a Unix socket tells, no more than `max_connections` is asked: they could end the process as well."""

    max_greeting: int = attrs.field(default=64, validator=attrs.validators.ge(1))
    """Connections whose greeting is not over. With as many, no more are accepted until one is done; and the oldest
    that has been silent for a second has to go."""

    max_calls_total: int = attrs.field(default=4096, validator=attrs.validators.ge(1))
    """Calls that are open toward us on all connections together: a handler that waits costs some KiB."""

    max_bytes_in_flight: int = attrs.field(default=268_435_456, validator=attrs.validators.ge(1_048_576))
    """Bytes of payloads that all connections together have on their way: arguments of calls that run, fragments,
    answers and items that nobody has taken. Over it new calls are refused, but for the small ones of who holds nothing
    else. One connection of a server may hold a quarter of it."""

    max_notifications: int = attrs.field(default=1024, validator=attrs.validators.ge(1))
    """Notifications of one connection that wait for their handler; more are dropped and counted."""

    max_unread: int = attrs.field(default=1_048_576, validator=attrs.validators.ge(65536))
    """Bytes of answers that a peer made necessary and does not read, before it is cut off."""

    tls_timeout: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    """Seconds for a TLS handshake: a few round trips, and the arithmetic of a slow machine at either end."""

    handshake_timeout: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    """Seconds until the peer's HELLO must have come, and its credential be accepted; for a client, also until a try to
    connect is given up."""

    frame_timeout: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    """Seconds in which a frame that has begun, and a call that came in fragments, must be whole."""

    stall_timeout: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    """Seconds that a write may make no progress before the peer counts as gone."""

    drain_timeout: float = attrs.field(default=10.0, validator=attrs.validators.ge(0))
    """Seconds that a server which stops gives to the calls that run, before it cancels them."""

    idle_timeout: float | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.gt(0)))
    """Seconds after which a connection without a call is ended, where nothing but pings has come. None for never: a
    process of this host may have nothing to say for days."""

    keepalive: float = attrs.field(default=30.0, validator=attrs.validators.ge(1.0))
    """Seconds of silence after which a TCP peer is pinged (never on Unix sockets, where the kernel tells)."""

    keepalive_timeout: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    """Seconds without a byte after that ping until the connection is dead."""
