"""HELLO, the first frame of each side (section 2): who I am and what I accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from rpc import limits
from rpc.errors import ProtocolError
from rpc.wire import payload as payloads
from rpc.wire import profile
from rpc.wire.frames import Frame
from rpc.wire.framing import prefix
from rpc.wire.payload import Buffer
from rpc.wire.shapes import is_list, is_map, is_uint

__all__ = ["VERSION", "Settings", "decode", "encode", "offer"]

VERSION = 1
"""The version of the protocol that this package speaks."""


@attrs.frozen(kw_only=True)
class Settings:
    """What one side accepts, as its HELLO tells it. `min_ping` is in milliseconds, the rest as in `Limits`."""

    max_frame: int = limits.LEAST_MAX_FRAME
    max_message: int = limits.LEAST_MAX_MESSAGE
    max_calls: int = limits.LEAST_MAX_CALLS
    window: int = limits.LEAST_WINDOW
    features: tuple[str, ...] = ()
    agent: str = ""
    credential: bytes | None = attrs.field(default=None, repr=False)
    min_ping: int = limits.LEAST_MIN_PING


_SELF_DESCRIBED = b"\xd9\xd9\xf7"
"""Tag 55799: it wraps HELLO and nothing else."""


def encode(settings: Settings) -> bytes:
    """The first frame of a side, its length in front.

    Raises:
        ValueError: it is larger than a peer reads from someone it does not know.
    """
    fields: dict[int, Any] = {
        0: settings.max_frame,
        1: settings.max_message,
        2: settings.max_calls,
        3: settings.window,
        4: list(settings.features),
        5: settings.agent,
        7: settings.min_ping,
    }
    if settings.credential is not None:
        fields[6] = settings.credential
    body = _SELF_DESCRIBED + payloads.encode([int(Frame.HELLO), VERSION, fields])
    if len(body) > limits.MAX_FIRST_FRAME:
        raise ValueError(f"a HELLO of {len(body)} bytes, credential and all; at most {limits.MAX_FIRST_FRAME} are read")
    return prefix(len(body)) + body


def offer(accepted: limits.Limits, agent: str, credential: bytes | None) -> bytes:
    """The first frame of a side that accepts so much; raises as `encode`."""
    settings = Settings(
        max_frame=accepted.max_frame,
        max_message=accepted.max_message,
        max_calls=accepted.max_calls,
        window=accepted.window,
        agent=agent,
        credential=credential,
        min_ping=accepted.min_ping,
    )
    return encode(settings)


def decode(body: Buffer) -> tuple[int, Settings]:
    """The version and settings of a peer's first frame; a value over ours is for the session to lower.

    Raises:
        ProtocolError: not a HELLO, or a setting of the wrong type or below the least allowed.
    """
    try:
        fields = profile.decode_hello(body)
    except profile.ProfileError as error:
        raise ProtocolError(f"the first frame is no HELLO: {error}") from error
    if not is_list(fields) or len(fields) != 3 or not is_uint(fields[0]) or fields[0] != Frame.HELLO:
        raise ProtocolError("the first frame is no HELLO: [0, version, settings] under tag 55799 was expected")
    _, version, settings = fields
    if not is_uint(version) or not is_map(settings) or not all(is_uint(key) for key in settings):
        raise ProtocolError("HELLO: the version is an unsigned integer, the settings a map with such keys")
    known = {name: _setting(name, settings[key], check) for key, (name, check) in _SETTINGS.items() if key in settings}
    return version, Settings(**known)


def _setting(name: str, value: Any, check: Callable[[Any], bool]) -> Any:
    if not check(value):
        raise ProtocolError(f"HELLO: the setting {name} is of the wrong type or too small")
    return tuple(value) if name == "features" else value


def _at_least(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


_SETTINGS: dict[int, tuple[str, Callable[[Any], bool]]] = {
    0: ("max_frame", _at_least(limits.LEAST_MAX_FRAME)),
    1: ("max_message", _at_least(limits.LEAST_MAX_MESSAGE)),
    2: ("max_calls", _at_least(limits.LEAST_MAX_CALLS)),
    3: ("window", _at_least(limits.LEAST_WINDOW)),
    4: ("features", lambda value: is_list(value) and all(type(item) is str for item in value)),
    5: ("agent", lambda value: type(value) is str),
    6: ("credential", lambda value: type(value) is bytes),
    7: ("min_ping", _at_least(limits.LEAST_MIN_PING)),
}
