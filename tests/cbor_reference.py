"""The CBOR profile once more, as plainly as it can be written, and strategies for items to try it on."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

from rpc.limits import MAX_DEPTH
from rpc.wire.heads import ARRAY, BYTES, MAP, TAG, TEXT, write_head


class Refused(Exception):
    """The item breaks the profile."""


class Unknown(Exception):
    """The item has a tag whose content the reference does not judge."""


class Reference:
    """A decoder of protocol section 8, slow and simple. Of the tags it knows big integers and sets."""

    def __init__(self, data: bytes, *, tags: bool) -> None:
        self.data = data
        self.tags = tags
        self.position = 0

    def whole(self) -> Any:
        value = self.item(1)
        if self.position != len(self.data):
            raise Refused
        return value

    def take(self, size: int) -> bytes:
        piece = self.data[self.position : self.position + size]
        if len(piece) < size:
            raise Refused
        self.position += size
        return piece

    def head(self) -> tuple[int, int, bytes]:
        """The major type, the argument, and the bytes that hold it where it is not in the first."""
        [head] = self.take(1)
        info = head & 31
        if info > 27:
            raise Refused
        raw = b"" if info < 24 else self.take(1 << (info - 24))
        return head >> 5, int.from_bytes(raw, "big") if raw else info, raw

    def item(self, level: int) -> Any:
        major, argument, raw = self.head()
        if major == 7:
            return self.simple(argument, raw)
        if major >= ARRAY and level > MAX_DEPTH:
            raise Refused
        if major == TAG:
            return self.tagged(argument, level + 1)
        if major == ARRAY:
            return [self.item(level + 1) for _ in range(argument)]
        if major == MAP:
            return self.map(argument, level + 1)
        if major in (BYTES, TEXT):
            return self.string(major, argument)
        return argument if major == 0 else -1 - argument

    def simple(self, argument: int, raw: bytes) -> Any:
        if not raw and argument in (20, 21, 22):
            return {20: False, 21: True, 22: None}[argument]
        if len(raw) < 2:
            raise Refused
        return struct.unpack({2: ">e", 4: ">f", 8: ">d"}[len(raw)], raw)[0]

    def string(self, major: int, size: int) -> Any:
        piece = self.take(size)
        try:
            return piece if major == BYTES else piece.decode()
        except UnicodeDecodeError:
            raise Refused from None

    def hashable(self, level: int) -> Any:
        if self.data[self.position : self.position + 1] >= bytes((TEXT + 1 << 5,)):
            raise Refused
        return self.item(level)

    def map(self, size: int, level: int) -> Any:
        pairs: dict[Any, Any] = {}
        for _ in range(size):
            key = self.hashable(level)
            if key in pairs:
                raise Refused
            pairs[key] = self.item(level)
        return pairs

    def tagged(self, tag: int, level: int) -> Any:
        if self.tags and tag == 2:
            content = self.item(level)
            if type(content) is bytes and len(content) <= 64:
                return int.from_bytes(content, "big")
        elif self.tags and tag == 258:
            return self.set(level)
        elif self.tags and tag in (0, 1, 3, 4, 37, 1004):
            raise Unknown
        raise Refused

    def set(self, level: int) -> Any:
        major, size, _ = self.head()
        if major != ARRAY or level > MAX_DEPTH:
            raise Refused
        members = [self.hashable(level + 1) for _ in range(size)]
        if len(set(members)) < len(members):
            raise Refused
        return set(members)


def reference_outcome(data: bytes, *, tags: bool) -> str | None:
    """What the reference makes of `data`, as text; "refused" where it breaks the profile, None if it cannot tell."""
    try:
        return repr(Reference(data, tags=tags).whole())
    except Refused:
        return "refused"
    except Unknown:
        return None


def heads(major: int, argument: int) -> st.SearchStrategy[bytes]:
    """A head of any width that holds the argument."""
    widths = [width for width in (1, 2, 4, 8) if argument < 256**width]
    wide = [bytes((major << 5 | 23 + width.bit_length(),)) + argument.to_bytes(width, "big") for width in widths]
    return st.sampled_from([write_head(major, argument), *wide])


@st.composite
def items(draw: st.DrawFn, depth: int = 0) -> bytes:
    """An item that is well-formed, and often within the profile."""
    major = draw(st.integers(0, 7 if depth < 4 else 3))
    if major < BYTES:
        return draw(heads(major, draw(st.integers(0, 2**64 - 1))))
    if major in (BYTES, TEXT):
        content = draw(st.binary(max_size=3) if major == BYTES else st.text(max_size=3).map(str.encode))
        return draw(heads(major, len(content))) + content
    if major == ARRAY:
        members = draw(st.lists(items(depth + 1), max_size=3))
        return draw(heads(ARRAY, len(members))) + b"".join(members)
    if major == MAP:
        keys = st.sampled_from([b"\x01", b"\x02", b"\x20", b"\x61a", b"\x61b", b"\x41a", b"\x80", b"\xf5"])
        pairs = draw(st.lists(st.tuples(keys, items(depth + 1)), max_size=3))
        return draw(heads(MAP, len(pairs))) + b"".join(key + value for key, value in pairs)
    if major == TAG:
        content = draw(st.sampled_from([b"\x42\x01\x02", b"\x82\x01\x61a", b"\x82\x01\x01"]) | items(depth + 1))
        return draw(st.sampled_from([b"\xc2", b"\xd9\x01\x02", b"\xd8\x1e"])) + content
    return draw(
        st.sampled_from([b"\xf4", b"\xf5", b"\xf6", b"\xf7", b"\xf9\x3e\x00", b"\xfb" + struct.pack(">d", 1.5)])
    )


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """An item with some bytes changed, dropped or added."""
    data = bytearray(draw(items()))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 1))] = draw(st.binary(max_size=2))
    return bytes(data)
