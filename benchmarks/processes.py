"""Processes and what becomes of them: some contenders' servers have children."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["cpu_time", "family", "kill_group", "lead_group"]

_CPUCLOCK_SCHED = 2
_SET_DEATH_SIGNAL = 1


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    members = [pid]
    for member in members:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # threads come and go
                members += map(int, task.read_text(encoding="ascii").split())
    return members


def cpu_time(pids: Sequence[int]) -> float:
    """Seconds of processor time that processes have used, to the nanosecond: Linux has a clock for each of them."""
    return sum(time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED) for pid in pids)


def lead_group() -> None:
    """Be the first of a group of processes, all of which end when the process ends that has started this one."""
    os.setpgid(0, 0)
    _die_with_parent()
    os.register_at_fork(after_in_child=_die_with_parent)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """End a process that leads a group, with all that belong to it."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
