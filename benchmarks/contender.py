"""What a way to call another process must offer to be measured: one file in ``contenders``, and nothing else.

Nothing here imports more than it must, nor may the file of a contender at its top: how long a program takes to its
first call is measured too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Any, NamedTuple

from benchmarks.runtime import Runtime

__all__ = ["Caller", "Contender", "Kind", "NotOfferedError", "Place", "Record"]

Record = Mapping[str, object]


class Kind(Enum):
    """What part a contender plays in the tables."""

    OURS = "triorpc"
    LIMIT = "limit"
    PEER = "peer"
    BATCH = "batch"  # a peer's way to send several calls as one message, which is another thing than several calls


class Place(NamedTuple):
    """Where a server is: a Unix socket, and a port of the loopback for what cannot use one or wants datagrams."""

    path: str
    port: int


class NotOfferedError(Exception):
    """This contender has no such thing, and the table leaves its place empty."""


class Caller:
    """One connection, and what can be called over it. A contender overrides what it offers.

    Callers that block are written as coroutines too, which never wait: a loop runs them without asyncio or trio.

    Attributes:
        shared: several tasks, or threads for one that blocks, may call over this connection at the same time.
        own_connection: there is a connection for each of these, and not for each thread for instance.
    """

    shared = False
    own_connection = True

    async def claim(self) -> None:
        """Told to a caller that is from now on used by the present thread, where a library wants to know."""

    async def add(self, a: int, b: int) -> int:
        """The sum, computed by the server."""
        raise NotOfferedError

    async def many(self, count: int, lasts: Callable[[], bool]) -> int:
        """Keep `count` calls of `add` open while it lasts, in a way of the contender's own; how many were answered."""
        raise NotImplementedError

    async def upload(self, data: bytes) -> int:
        """The length of the data, as the server sees it."""
        raise NotOfferedError

    async def download(self, size: int) -> int:
        """The length of the data that the server has sent, which has the size asked for."""
        raise NotOfferedError

    def natural(self, records: Sequence[Record]) -> Any:
        """The records as a program that uses this library would have them anyway; not measured."""
        return records

    async def echo(self, records: Any) -> int:
        """Send records in their natural form and get them back in the same: how many."""
        raise NotOfferedError

    def give(self, count: int) -> AsyncIterator[object]:
        """A stream of integers from the server."""
        raise NotOfferedError

    async def take(self, count: int) -> int:
        """Stream integers to the server; how many it took."""
        raise NotOfferedError

    def give_blocks(self, count: int, size: int) -> AsyncIterator[object]:
        """A stream of blocks from the server."""
        raise NotOfferedError

    async def take_blocks(self, count: int, size: int) -> int:
        """Stream blocks to the server; how many it took."""
        raise NotOfferedError

    async def notify(self, value: float) -> None:
        """Tell the server something that it does not answer, and counts."""
        raise NotOfferedError

    async def send_datagram(self, value: float) -> None:
        """The same as one datagram."""
        raise NotOfferedError

    async def notified(self) -> int:
        """How much the server has been told since it started."""
        raise NotOfferedError

    async def cancel(self) -> None:
        """Start a call that would never end, call `add`, and cancel the first."""
        raise NotOfferedError

    async def cancelled(self) -> int:
        """How many of the server's handlers were stopped since it started."""
        raise NotOfferedError


class Contender:
    """One way to call another process, with what it calls there. Objects are pickled into the two processes.

    Attributes:
        name: what the tables call it.
        packages: what it needs from the package index, beside what this project has anyway.
        runtime: what its client runs on.
    """

    name: str
    kind = Kind.PEER
    packages: tuple[str, ...] = ()
    runtime: Runtime

    def missing(self) -> str | None:
        """Why it cannot take part, where that is not a package."""
        return None

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        """Be the server process: listen, say so with `ready`, and serve until killed."""
        raise NotImplementedError

    def connect(self, place: Place) -> AbstractAsyncContextManager[Caller]:
        """A connection, in the client process."""
        raise NotImplementedError
