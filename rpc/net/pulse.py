"""Pings, in both directions: signs of life that are asked for, and those that the peer asks for."""

from __future__ import annotations

import itertools

import trio

from rpc.errors import Reason, Unavailable
from rpc.net.host import Host
from rpc.net.timers import PingMeter

__all__ = ["Pulse"]

_tokens = itertools.count(1)


class Pulse:
    """The pings of one connection."""

    __slots__ = ("_asked", "_host", "_is_stopped", "_meter")

    def __init__(self, host: Host) -> None:
        self._host = host
        self._meter: PingMeter | None = None
        self._asked: dict[int, trio.Event] = {}
        self._is_stopped = False

    async def ping(self) -> float:
        """Ask the peer for a sign of life; gives the round trip in seconds.

        Raises:
            Unavailable: the connection ended, or the peer has begun to end it, before the answer.
        """
        host = self._host
        token = next(_tokens)
        answered = self._asked[token] = trio.Event()
        start = trio.current_time()
        host.session.ping(token)
        host.flush()
        try:
            if not (host.is_over or self._is_stopped):
                await answered.wait()
        finally:
            del self._asked[token]
        if host.is_over or self._is_stopped:
            raise Unavailable(f"the connection ended: {host.end_reason or 'the peer ends it'}")
        return trio.current_time() - start

    def take_ping(self, token: int) -> None:
        """The peer asks: answer, unless it asks too often."""
        if self._meter is None:
            self._meter = PingMeter(self._host.limits)
        if self._meter.allows(trio.current_time()):
            self._host.session.pong(token)
        else:
            self._host.abort(Reason.TOO_MANY, "too many pings")

    def take_pong(self, token: int) -> None:
        """The peer has answered; one that was not asked for is nothing."""
        answered = self._asked.get(token)
        if answered is not None:
            answered.set()

    def stop(self) -> None:
        """The connection has ended, or is about to, and whoever waits for an answer is told."""
        self._is_stopped = True
        for answered in self._asked.values():
            answered.set()
