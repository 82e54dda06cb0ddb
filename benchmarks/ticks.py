"""A clock that is read like a file: it wakes any loop in time, where their own clocks round to a millisecond."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["ticks"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOEXEC = os.O_CLOEXEC
_ABSOLUTE = 1


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Time), ("first", _Time))


@contextmanager
def ticks(interval: float) -> Generator[tuple[int, float]]:
    """A descriptor that becomes readable at each tick, and the moment of the first on `time.monotonic`.

    A read of 8 bytes gives the number of ticks since the last, in the machine's order of bytes (timerfd_create(2)).
    Python itself has this from 3.13 on.
    """
    descriptor: int = _LIBC.timerfd_create(time.CLOCK_MONOTONIC, _CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    try:
        first = time.monotonic_ns() + round(interval * 1e9)
        setting = _Setting(_time(round(interval * 1e9)), _time(first))
        if _LIBC.timerfd_settime(descriptor, _ABSOLUTE, ctypes.byref(setting), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        yield descriptor, first / 1e9
    finally:
        os.close(descriptor)


def _time(nanoseconds: int) -> _Time:
    return _Time(*divmod(nanoseconds, 1_000_000_000))
