"""Frames by hand, row by row of protocol section 3."""

from __future__ import annotations

from tests.conformance.cbor import NULL, array, mapping, octets, tag, text, uint

__all__ = [
    "BEAT",
    "END",
    "GENEROUS",
    "HELLO",
    "MORE",
    "NAMED",
    "NOTHING",
    "SENDS",
    "TAKES",
    "args",
    "call",
    "cancel",
    "credit",
    "data",
    "error",
    "error_map",
    "frame",
    "goaway",
    "hello",
    "named",
    "notify",
    "ping",
    "pong",
    "reply",
    "settings",
]

MORE, END, NAMED, SENDS, TAKES = 1, 2, 4, 8, 16

SELF_DESCRIBED = 55799

args = array
"""Arguments by position."""

NOTHING = args()


def frame(body: bytes) -> bytes:
    """A body with its length in front."""
    return len(body).to_bytes(4, "big") + body


def settings(**values: bytes) -> bytes:
    """Settings by the names of section 2, with encoded values."""
    names = ("max_frame", "max_message", "max_calls", "window", "features", "agent", "credential", "min_ping")
    return mapping(*((uint(names.index(name)), value) for name, value in values.items()))


def hello(content: bytes = mapping(), *, version: bytes = uint(1), kind: bytes = uint(0)) -> bytes:
    """HELLO with encoded settings; without any it takes the least of everything."""
    return frame(tag(SELF_DESCRIBED, array(kind, version, content)))


HELLO = hello()
GENEROUS = hello(settings(max_message=uint(2**20), max_calls=uint(128), window=uint(2**20)))
"""A HELLO that takes frames of 16384 bytes, and more than enough of them."""


def call(
    id: int,
    method: str,
    payload: bytes = NOTHING,
    *,
    flags: int = 0,
    timeout: bytes = NULL,
    meta: bytes = NULL,
) -> bytes:
    """CALL of a method of the suite."""
    return frame(array(uint(1), uint(id), uint(flags), text(f"suite.{method}"), timeout, meta, octets(payload)))


def data(id: int, payload: bytes, flags: int = 0) -> bytes:
    return frame(array(uint(2), uint(id), uint(flags), octets(payload)))


def reply(id: int, payload: bytes, flags: int = 0) -> bytes:
    return frame(array(uint(3), uint(id), uint(flags), octets(payload)))


def error(id: int, content: bytes) -> bytes:
    return frame(array(uint(4), uint(id), content))


def error_map(code: int, message: str = "", *more: tuple[int, bytes]) -> bytes:
    """The map of section 5; `more` are further keys with encoded values."""
    pairs = [(uint(0), uint(code)), (uint(1), text(message)), *((uint(key), value) for key, value in more)]
    return mapping(*pairs)


def cancel(id: int) -> bytes:
    return frame(array(uint(5), uint(id)))


def credit(id: int, total: int) -> bytes:
    return frame(array(uint(6), uint(id), uint(total)))


def named(positional: bytes = NOTHING, **values: bytes) -> bytes:
    """Arguments by position and by name."""
    return array(positional, mapping(*((text(name), value) for name, value in values.items())))


def notify(method: str, payload: bytes, meta: bytes = NULL) -> bytes:
    return frame(array(uint(7), text(f"suite.{method}"), meta, octets(payload)))


def ping(token: int) -> bytes:
    return frame(array(uint(8), uint(token)))


def pong(token: int) -> bytes:
    return frame(array(uint(9), uint(token)))


def goaway(last_id: int | None, reason: int = 0, words: str = "") -> bytes:
    return frame(array(uint(10), NULL if last_id is None else uint(last_id), uint(reason), text(words)))


BEAT = 0xBEA7
"""The token of the ping that the suite itself asks at the end of a conversation."""
