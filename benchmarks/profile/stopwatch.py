"""A stopwatch for functions: how long each ran without the others inside it, by the processor time of its thread.

By any other clock a send would also take as long as the peer that it wakes on the same processor.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from time import thread_time_ns
from typing import Any

import attrs

__all__ = ["Lap", "Stopwatch"]

_TRIES = 2000


@attrs.define
class Lap:
    """What one function has used: nanoseconds of its own, how often it was called, and how often it called another."""

    own: int = 0
    calls: int = 0
    inner_calls: int = 0


class Stopwatch:
    """Times functions that do not await. What timing itself costs is measured, and subtracted.

    Args:
        places: the functions, each as ``module:name`` or ``module:class.name``: where it is looked up by its callers.
    """

    def __init__(self, places: Iterable[str]) -> None:
        self._places = tuple(places)
        self._laps = {place: Lap() for place in self._places}
        self._usual: list[tuple[Any, str, Any]] = []
        self._inside = 0
        self._inner_calls = 0
        self._cost_inside, self._cost_outside = self._calibrated()

    def start(self) -> None:
        """Put a timer round each function."""
        for place in self._places:
            owner, name = _resolved(place)
            usual = inspect.getattr_static(owner, name)
            self._usual.append((owner, name, usual))
            setattr(owner, name, self._timed(usual, self._laps[place]))

    def stop(self) -> None:
        """Take the timers away."""
        while self._usual:
            owner, name, usual = self._usual.pop()
            setattr(owner, name, usual)

    def reset(self) -> None:
        """Forget what was timed."""
        for lap in self._laps.values():
            lap.own = lap.calls = lap.inner_calls = 0

    def seconds(self) -> dict[str, float]:
        """How long each function has run, without the others inside it, and without the timers."""
        return {
            place: max(0.0, lap.own - lap.calls * self._cost_inside - lap.inner_calls * self._cost_outside) / 1e9
            for place, lap in self._laps.items()
        }

    def _timed(self, function: Callable[..., Any], lap: Lap) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            around, around_calls = self._inside, self._inner_calls
            self._inside = self._inner_calls = 0
            start = thread_time_ns()
            try:
                return function(*args, **kwargs)
            finally:
                took = thread_time_ns() - start
                lap.own += took - self._inside
                lap.calls += 1
                lap.inner_calls += self._inner_calls
                self._inside = around + took
                self._inner_calls = around_calls + 1

        return timed

    def _calibrated(self) -> tuple[float, float]:
        """Nanoseconds of one timer that are inside what it times, and that are outside: the least of several tries."""

        def nothing() -> None:
            pass

        lap = Lap()
        timed = self._timed(nothing, lap)
        inside, outside = float("inf"), float("inf")
        for _ in range(5):
            lap.own = 0
            start = thread_time_ns()
            for _ in range(_TRIES):
                timed()
            took = thread_time_ns() - start
            start = thread_time_ns()
            for _ in range(_TRIES):
                nothing()
            bare = (thread_time_ns() - start) / _TRIES
            own = lap.own / _TRIES
            inside = min(inside, own - bare / 2)
            outside = min(outside, took / _TRIES - own - bare / 2)
        self._inside = self._inner_calls = 0
        return max(0.0, inside), max(0.0, outside)


def _resolved(place: str) -> tuple[Any, str]:
    """Where a function is an attribute, and its name there."""
    module, _, path = place.partition(":")
    *around, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in around:
        owner = getattr(owner, each)
    return owner, name
