"""The log of what peers cause: one line for one event, and never more of them than somebody can read.

Each line belongs to a kind, and to whoever has caused it. Of one kind ten lines a second are written for each, and a
hundred for all; the rest is counted, and told in one line when the second is over.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import TypeAlias

import attrs
import trio

from rpc.net.access import origin_of
from rpc.peer import Peer
from rpc.text import indented, quote

__all__ = ["PeerLog"]

_logger = logging.getLogger("rpc")

_EACH, _ALL = 10, 100
"""Lines of one kind in a second, for one peer or one handler, and for all of them."""

_KEPT = 1024
"""Peers and kinds that are remembered for their second; the oldest is forgotten first."""


@attrs.define
class _Second:
    """The lines of one kind and one cause, from the first on."""

    began: float
    lines: int = 0
    left_out: int = 0


_Seconds: TypeAlias = dict[tuple[str, str], _Second]
"""By kind and cause, in the order in which they began."""


class PeerLog:
    """Writes to the logger ``rpc``.

    What a peer has said must be quoted by whoever writes it; the address in front of it is the transport's.
    """

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._seconds: _Seconds = {}
        self._all: _Seconds = {}
        self._has_left_out = trio.Event()

    def write(
        self, level: int, kind: str, peer: Peer, message: str, *args: object, failure: BaseException | None = None
    ) -> None:
        """Write a line of what a peer has caused: its address, a colon, and the message."""
        if _logger.isEnabledFor(level) and self._has_room(kind, origin_of(peer)):
            _emit(level, f"%s: {message}", (peer.address, *args), failure)

    def write_of(
        self, level: int, kind: str, name: str, message: str, *args: object, failure: BaseException | None = None
    ) -> None:
        """Write a line of something that has a name here: a handler, or a reason."""
        if _logger.isEnabledFor(level) and self._has_room(kind, name):
            _emit(level, message, args, failure)

    async def run(self) -> None:
        """Tell what was left out behind each second, until cancelled; without it, the next line tells."""
        while True:
            await self._has_left_out.wait()
            await trio.sleep(1)
            self._has_left_out = trio.Event()
            self._tell(self._clock())
            if any(second.left_out for second in (*self._seconds.values(), *self._all.values())):
                self._has_left_out.set()

    def _has_room(self, kind: str, cause: str) -> bool:
        now = self._clock()
        self._tell(now)
        if len(self._seconds) >= _KEPT:
            self._forget(self._seconds, next(iter(self._seconds)))
        return self._count(self._seconds, (kind, cause), _EACH, now) and self._count(self._all, (kind, ""), _ALL, now)

    def _count(self, seconds: _Seconds, key: tuple[str, str], most: int, now: float) -> bool:
        second = seconds.get(key)
        if second is None:
            second = seconds[key] = _Second(now)
        if second.lines < most:
            second.lines += 1
            return True
        second.left_out += 1
        self._has_left_out.set()
        return False

    def _tell(self, now: float) -> None:
        """Forget the seconds that are over, telling what was left out in them."""
        for seconds in (self._seconds, self._all):
            # They stand in the order in which they began.
            while seconds and now - seconds[key := next(iter(seconds))].began >= 1:
                self._forget(seconds, key)

    @staticmethod
    def _forget(seconds: _Seconds, key: tuple[str, str]) -> None:
        kind, cause = key
        left_out = seconds.pop(key).left_out
        if left_out:
            _logger.warning("%s: %s: %d more lines were left out", quote(cause or "others"), kind, left_out)


def _emit(level: int, message: str, args: tuple[object, ...], failure: BaseException | None) -> None:
    info = None if failure is None else (type(failure), failure, failure.__traceback__)
    file, line, function, _ = _logger.findCaller(stacklevel=3)
    record = _logger.makeRecord(_logger.name, level, file, line, message, args, info, function)
    if failure is not None:
        # A message of an exception may be a peer's: what formatters would make of it themselves is not made safe.
        record.exc_text = indented("".join(traceback.format_exception(failure)))
    _logger.handle(record)
