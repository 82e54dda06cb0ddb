"""Length prefixes: a byte stream into frame bodies, section 1 of the protocol.

A reader keeps what is left of an unfinished frame. Small frames are cut out of what was read. For a large body it has
space at hand, and the transport reads straight into it (`FrameReader.want`); or into the place where the payload is to
stay, if its owner has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from rpc.errors import ProtocolError, Reason
from rpc.text import quote
from rpc.wire.payload import Buffer

__all__ = ["PREFIX", "Fields", "FrameReader", "Place", "Room", "prefix"]

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

_PRINTED = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_SHOWN = 40
"""Bytes that are told of text in place of frames: what a child prints on the pipes of its connection, for one."""

Fields: TypeAlias = list[Any]
"""A frame that was decoded: its type, and the fields of its row."""

Room: TypeAlias = tuple[Fields, int, memoryview]
"""What a frame whose payload has a place will be, where in its body the payload begins, and the place."""

Place: TypeAlias = Callable[[Buffer, int], Room | None]
"""Asked with what has come of a large body, and its size, whether its payload has a place."""


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


class _Placed:
    """A large body whose payload is read to where it stays.

    Attributes:
        missing: bytes that are still to come.
        held: none that belong to the reader.
    """

    __slots__ = ("_lent", "_room", "missing")

    held = 0

    def __init__(self, room: memoryview) -> None:
        self.missing = len(room)
        self._room = self._lent = room

    def rest(self) -> memoryview:
        """Where the bytes go that are still to come."""
        self._lent = self._room[len(self._room) - self.missing :]
        return self._lent

    def whole(self) -> Buffer:
        """Nothing, as no other body is. Nobody writes to its place any more, and no view on it is left."""
        self._lent.release()
        self._room.release()
        return b""

    def release(self) -> None:
        """Does nothing: the space belongs to who gave it."""


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
    def held(self) -> int:
        """Bytes that have come."""
        return self._size - self.missing

    def rest(self) -> memoryview:
        """Where the bytes go that are still to come."""
        return memoryview(self._space)[self._size - self.missing : self._size]

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
        placed: what the last frame was whose payload had a place; its body is given as ``b""``.

    Args:
        place: see `Place`.
    """

    __slots__ = ("_at", "_body", "_data", "_place", "_rest", "max_frame", "placed")

    def __init__(self, max_frame: int, place: Place = lambda begun, size: None) -> None:
        self.max_frame = max_frame
        self.placed: Fields = []
        self._place = place
        self._rest = b""
        self._data: Buffer = b""
        self._at = 0
        self._body: _Body | _Placed | None = None

    @property
    def is_partial(self) -> bool:
        """Whether a frame has begun and is not yet whole."""
        return bool(self._rest) or self._body is not None

    @property
    def held(self) -> int:
        """Bytes of the unfinished frame that have come."""
        return len(self._rest) if self._body is None else self._body.held

    def bodies(self, data: Buffer) -> Iterator[Buffer]:
        """Yield each body that `data` completes; a large one is a view, good until the next one is asked for.

        Raises:
            ProtocolError: a length is 0 or over `max_frame`; the bodies before it were yielded.
        """
        if self._body is not None:
            data = self._fill(self._body, data)
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
                raise _wrong_size(bytes(data[at : at + _SHOWN]), self.max_frame)
            if end - start < size:
                if size >= _LARGE:
                    self._begin(data[start:], size)
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
        """Where a large body goes on: what is read into it is told to `filled`; None where no such body has begun."""
        return None if self._body is None else self._body.rest()

    def filled(self, count: int) -> Iterator[Buffer]:
        """Say that the first `count` bytes of the last `want` were filled; yields the body once it is whole."""
        assert self._body is not None
        self._body.missing -= count
        yield from self._finished()

    def _begin(self, begun: Buffer, size: int) -> None:
        """A large body of which so much has come."""
        room = self._place(begun, size)
        if room is None:
            self._body = _Body(size)
        else:
            self.placed, start, place = room
            self._body = _Placed(place)
            begun = begun[start:]
        self._fill(self._body, begun)

    @staticmethod
    def _fill(body: _Body | _Placed, data: Buffer) -> Buffer:
        """Give a body what belongs to it; gives back what is behind that."""
        taken = min(len(data), body.missing)
        body.rest()[:taken] = data[:taken]
        body.missing -= taken
        return data[taken:]

    def _finished(self) -> Iterator[Buffer]:
        """The large body, if it is whole."""
        body = self._body
        if body is not None and not body.missing:
            self._body = None
            yield body.whole()
            body.release()


def _wrong_size(data: bytes, limit: int) -> ProtocolError:
    """What stands in place of a length, and behind it."""
    for start, what in _FOREIGN:
        if data.startswith(start):
            return ProtocolError(what, reason=Reason.SIZE)
    if all(byte in _PRINTED for byte in data[:PREFIX]):
        shown = quote(data.decode(errors="replace"))
        return ProtocolError(f"the peer sends text in place of frames: '{shown}'", reason=Reason.SIZE)
    size = int.from_bytes(data[:PREFIX], "big")
    return ProtocolError(f"a frame of {size} bytes; 1 to {limit} are accepted", reason=Reason.SIZE)
