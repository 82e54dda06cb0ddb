"""Counting what is done while a piece of code runs: the same number on every machine, however busy it is."""

from __future__ import annotations

import gc
import inspect
import select
import socket
import sys
import tracemalloc
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import cbor2
import msgspec
import trio

import rpc

__all__ = ["MEANINGS", "counting", "weighing"]

MEANINGS = {
    "bytecodes": "instructions of Python that the code of this package executes",
    "calls": "functions that it calls, of Python and of C",
    "system calls": "of sockets and of waiting for them, whoever makes them",
    "switches": "steps of trio's tasks",
    "passes": "turns of trio's loop",
    "encodes": "values given to the codec",
    "decodes": "values taken from it",
    "conversions": "values fitted to annotations",
    "peak": "KiB of memory at most, beyond what was in use before",
    "kept": "blocks of memory that are still in use afterwards",
}
"""What is counted, each for one operation of a workload, both sides together."""

_HOME = f"{Path(rpc.__file__).parent}/"

_SENDS = {"send", "sendmsg", "sendto"}
_RECEIVES = {"recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"}

_SYSTEM: dict[type, frozenset[str]] = {
    socket.socket: frozenset(_SENDS | _RECEIVES),
    select.epoll: frozenset({"poll", "register", "modify", "unregister"}),
    type(select.poll()): frozenset({"poll"}),
}
"""The functions that ask the kernel, by the class of what they are called on."""

_FUNCTIONS: dict[Any, str] = {
    cbor2.dumps: "encodes",
    cbor2.loads: "decodes",
    msgspec.convert: "conversions",
    msgspec.to_builtins: "conversions",
}


@contextmanager
def counting(counts: Counter[str]) -> Generator[None]:
    """Count into `counts` all that this thread does inside the block."""
    instrument = _Instrument(counts)
    tracer, profiler = sys.gettrace(), sys.getprofile()
    is_in_trio = trio.lowlevel.in_trio_run()
    if is_in_trio:
        trio.lowlevel.add_instrument(instrument)
    gc.collect()
    gc.disable()  # what is collected, and when, is nobody's doing
    frame = inspect.currentframe()
    assert frame is not None
    frame.f_trace_opcodes = True  # Python 3.12 looks for it only when a tracer is set
    sys.settrace(_Tracer(counts).enter)
    sys.setprofile(_profiler(counts))
    try:
        yield
    finally:
        sys.setprofile(profiler)
        sys.settrace(tracer)
        gc.enable()
        if is_in_trio:
            trio.lowlevel.remove_instrument(instrument)


@contextmanager
def weighing(counts: Counter[str]) -> Generator[None]:
    """Put into `counts` how much memory the block needs, and how much of it stays."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    blocks = sys.getallocatedblocks()
    tracemalloc.reset_peak()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        counts["kept"] += max(0, sys.getallocatedblocks() - blocks)
        counts["peak"] += (peak - before) // 1024
    finally:
        tracemalloc.stop()


class _Instrument(trio.abc.Instrument):
    """Counts what trio's loop does."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._counts["switches"] += 1

    def before_io_wait(self, timeout: float) -> None:
        self._counts["passes"] += 1


class _Tracer:
    """Counts the instructions of this package's own functions."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not _is_ours(frame):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._step

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            self._counts["bytecodes"] += 1
        return self._step


def _profiler(counts: Counter[str]) -> Any:
    """A function that is told of each call, and counts those by this package, and those that mean something."""

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            if frame.f_back is not None and _is_ours(frame.f_back):
                counts["calls"] += 1
        elif event == "c_call":
            if _is_ours(frame):
                counts["calls"] += 1
            meaning = _meaning(argument)
            if meaning is not None:
                counts[meaning] += 1

    return profile


def _meaning(function: Any) -> str | None:
    """What a call of a function of C counts as."""
    owner = getattr(function, "__self__", None)
    for kind, names in _SYSTEM.items():
        if isinstance(owner, kind):
            return "system calls" if function.__name__ in names else None
    try:
        return _FUNCTIONS.get(function)
    except TypeError:  # a method of something that cannot be hashed
        return None


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_HOME)
