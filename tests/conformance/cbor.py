"""CBOR by hand, for those who send, and a reader that lets nothing pass but what a sender may send."""

from __future__ import annotations

import struct
from typing import Any

__all__ = [
    "FALSE",
    "NULL",
    "TRUE",
    "UNDEFINED",
    "Unsendable",
    "array",
    "double",
    "mapping",
    "negative",
    "octets",
    "read",
    "tag",
    "text",
    "uint",
    "wide",
]

UINT, NEGATIVE, OCTETS, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)

FALSE, TRUE, NULL, UNDEFINED = b"\xf4", b"\xf5", b"\xf6", b"\xf7"


# --- Writing -----------------------------------------------------------------------------------------------------


def wide(major: int, argument: int, width: int) -> bytes:
    """A head with the argument in so many bytes: 1, 2, 4 or 8; 0 for one in the first byte."""
    if not width:
        return bytes((major << 5 | argument,))
    return bytes((major << 5 | 23 + width.bit_length(),)) + argument.to_bytes(width, "big")


def head(major: int, argument: int) -> bytes:
    """The shortest head."""
    return wide(major, argument, 0 if argument < 24 else next(n for n in (1, 2, 4, 8) if argument < 256**n))


def uint(value: int) -> bytes:
    return head(UINT, value)


def negative(value: int) -> bytes:
    return head(NEGATIVE, -1 - value)


def octets(value: bytes) -> bytes:
    return head(OCTETS, len(value)) + value


def text(value: str) -> bytes:
    return head(TEXT, len(value.encode())) + value.encode()


def array(*items: bytes) -> bytes:
    return head(ARRAY, len(items)) + b"".join(items)


def mapping(*pairs: tuple[bytes, bytes]) -> bytes:
    return head(MAP, len(pairs)) + b"".join(key + value for key, value in pairs)


def tag(number: int, content: bytes) -> bytes:
    return head(TAG, number) + content


def double(value: float) -> bytes:
    return b"\xfb" + struct.pack(">d", value)


# --- Reading -----------------------------------------------------------------------------------------------------


class Unsendable(Exception):
    """Bytes that no sender may write."""


def read(data: bytes) -> Any:
    """The one item of `data`, of the kinds that an envelope has.

    Raises:
        Unsendable: it is not one item, or not of the form that section 8 asks of senders.
    """
    reader = _Reader(data)
    try:
        value = reader.item()
    except (IndexError, UnicodeDecodeError, struct.error) as error:
        raise Unsendable(f"{data.hex()}: {error!r}") from error
    if reader.at != len(data):
        raise Unsendable(f"{data.hex()}: bytes follow the item")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise IndexError(self.at)
        return self.data[self.at - size : self.at]

    def item(self) -> Any:
        start = self.at
        [first] = self.take(1)
        major, info = first >> 5, first & 31
        if info > 27:
            raise Unsendable(f"{self.data.hex()}: byte {start} is a head that nobody sends")
        width = 0 if info < 24 else 1 << (info - 24)
        argument = int.from_bytes(self.take(width), "big") if width else info
        if major == SIMPLE:
            return self.simple(argument, width)
        if self.data[start : self.at] != head(major, argument):
            raise Unsendable(f"{self.data.hex()}: byte {start} is not the shortest head")
        return self.content(major, argument)

    def content(self, major: int, argument: int) -> Any:
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self.take(argument)
            case 3:
                return self.take(argument).decode()
            case 4:
                return [self.item() for _ in range(argument)]
            case 5:
                pairs = [(self.item(), self.item()) for _ in range(argument)]
                if len(dict(pairs)) < len(pairs):
                    raise Unsendable(f"{self.data.hex()}: a key twice")
                return dict(pairs)
            case _:
                raise Unsendable(f"{self.data.hex()}: tag {argument} in an envelope")

    def simple(self, argument: int, width: int) -> Any:
        if width > 1:
            code = {2: ">e", 4: ">f", 8: ">d"}[width]
            return struct.unpack(code, argument.to_bytes(width, "big"))[0]
        if width or argument not in (20, 21, 22):
            raise Unsendable(f"{self.data.hex()}: simple value {argument}")
        return {20: False, 21: True, 22: None}[argument]
