"""Length prefixes: a byte stream into frame bodies, section 1 of the protocol.

A reader keeps what is left of an unfinished frame. Small frames are cut out of what was read; for a large body
it allocates the space once and lets the transport read straight into it (`FrameReader.want`).
"""

from __future__ import annotations

from collections.abc import Iterator

from rpc.errors import ProtocolError, Reason
from rpc.wire.payload import Buffer

__all__ = ["PREFIX", "FrameReader", "prefix"]

PREFIX = 4
"""Bytes of the length before each body: an unsigned integer, big-endian."""

_LARGE = 65_536
"""Body bytes from which the transport reads straight into the body: pieces would have to be joined afterwards."""

_FOREIGN = (
    (b"\x16\x03", "the peer speaks TLS: connect with tls://"),
    (b"\x15\x03", "the peer speaks TLS: connect with tls://"),
    (b"GET ", "the peer speaks HTTP"),
    (b"POST", "the peer speaks HTTP"),
    (b"PUT ", "the peer speaks HTTP"),
    (b"HEAD", "the peer speaks HTTP"),
    (b"OPTI", "the peer speaks HTTP"),
    (b"DELE", "the peer speaks HTTP"),
    (b"PATC", "the peer speaks HTTP"),
    (b"CONN", "the peer speaks HTTP"),
    (b"PRI ", "the peer speaks HTTP/2"),
    (b"HTTP", "the peer speaks HTTP"),
    (b"SSH-", "the peer speaks SSH"),
)
"""How the first bytes of other protocols read; as lengths they are all far over any max_frame."""


def prefix(size: int) -> bytes:
    """The four bytes before a body of `size` bytes."""
    return size.to_bytes(PREFIX, "big")


_SPACE = 262_144
"""Bytes of the space for a large body: a frame of the usual `Limits.max_frame`."""

_RUN = 16_384
"""Bytes that are looked at for bodies which are alike: they are copied for that."""

_MOST_SPARE = 4
_spare: list[bytearray] = []
"""Spaces to be used again, for whichever connection: memory that the system has to give anew costs more than what is
read into it."""


class _Body:
    """A large body on its way in.

    Attributes:
        missing: bytes that are still to come.
    """

    __slots__ = ("_size", "_space", "missing")

    def __init__(self, size: int) -> None:
        self.missing = size
        self._size = size
        try:
            self._space = _spare.pop() if size <= _SPACE else bytearray(size)
        except IndexError:
            self._space = bytearray(_SPACE)

    @property
    def filled(self) -> int:
        """Bytes that have come."""
        return self._size - self.missing

    def rest(self) -> memoryview:
        """Where the bytes go that are still to come."""
        return memoryview(self._space)[self._size - self.missing : self._size]

    def fill(self, data: Buffer) -> Buffer:
        """Take what belongs to it; gives back what is behind that."""
        taken = min(len(data), self.missing)
        self.rest()[:taken] = data[:taken]
        self.missing -= taken
        return data[taken:]

    def whole(self) -> memoryview:
        """The body itself, until `release`."""
        return memoryview(self._space)[: self._size]

    def release(self) -> None:
        """Nobody looks at the body any more."""
        if len(self._space) == _SPACE and len(_spare) < _MOST_SPARE:
            _spare.append(self._space)


class FrameReader:
    """Cuts what a transport has read into frame bodies.

    Attributes:
        max_frame: the largest body that is accepted now, in bytes; its owner changes it when HELLO was read.
    """

    __slots__ = ("_at", "_body", "_data", "_rest", "max_frame")

    def __init__(self, max_frame: int) -> None:
        self.max_frame = max_frame
        self._rest = b""
        self._data: Buffer = b""
        self._at = 0
        self._body: _Body | None = None

    @property
    def is_partial(self) -> bool:
        """Whether a frame has begun and is not yet whole."""
        return bool(self._rest) or self._body is not None

    @property
    def held(self) -> int:
        """Bytes of the unfinished frame that have come."""
        return len(self._rest) if self._body is None else self._body.filled

    def bodies(self, data: Buffer) -> Iterator[Buffer]:
        """Yield each body that `data` completes; a large one is a view, good until the next one is asked for.

        Raises:
            ProtocolError: a length is 0 or over `max_frame`; the bodies before it were yielded.
        """
        if self._body is not None:
            data = self._body.fill(data)
            yield from self._finished()
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        if end > _LARGE:
            data = memoryview(data)  # so that a large body can be handed on without a copy
        while end - at >= PREFIX:
            start = at + PREFIX
            size = int.from_bytes(data[at:start], "big")
            if not 0 < size <= self.max_frame:
                self._rest = b""
                raise _wrong_size(size, self.max_frame)
            if end - start < size:
                if size >= _LARGE:
                    self._body = _Body(size)
                    self._body.fill(data[start:])
                    at = end
                break
            at = start + size
            # Whatever a consumer does between two bodies, the reader must know what is left by then.
            self._rest = b""
            self._data, self._at = data, at
            yield data[start:at] if end <= _LARGE or size >= _LARGE else bytes(data[start:at])
            at = self._at
        self._data = b""
        self._rest = bytes(data[at:])

    def alike(self, start: bytes, size: int) -> list[bytes]:
        """The ends of the bodies that follow the last one, as many as begin with `start` and have `size` bytes.

        They are not given again; what ends them, and those behind the first `_RUN` bytes, still are.
        """
        start = prefix(size) + start
        ends: list[bytes] = []
        data = bytes(self._data[self._at : self._at + _RUN])
        at, head, whole = 0, len(start), PREFIX + size
        last = len(data) - whole
        while at <= last and data[at : at + head] == start:
            ends.append(data[at + head : at + whole])
            at += whole
        self._at += at
        return ends

    def want(self) -> memoryview | None:
        """The unfilled rest of a large body, to be read into and then told to `filled`; None if there is none."""
        return None if self._body is None else self._body.rest()

    def filled(self, count: int) -> Iterator[Buffer]:
        """Say that the first `count` bytes of the last `want` were filled; yields the body once it is whole."""
        assert self._body is not None
        self._body.missing -= count
        yield from self._finished()

    def _finished(self) -> Iterator[Buffer]:
        """The large body, if it is whole."""
        body = self._body
        if body is not None and not body.missing:
            self._body = None
            yield body.whole()
            body.release()


def _wrong_size(size: int, limit: int) -> ProtocolError:
    head = prefix(size)
    for start, what in _FOREIGN:
        if head.startswith(start):
            return ProtocolError(what, reason=Reason.SIZE)
    return ProtocolError(f"a frame of {size} bytes; 1 to {limit} are accepted", reason=Reason.SIZE)
