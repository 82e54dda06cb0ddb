"""Bytes as the only argument of a call, or as its result, one call at a time."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.workload import Client, Measure, Turn
from benchmarks.workloads.measures import MEBIBYTES

__all__ = ["LARGEST", "Payload", "size_text"]

_MIB = 1_048_576
LARGEST = 16_777_216 - 1024
"""As much as fits a message of 16 MiB beside its envelope."""


@attrs.frozen
class Payload:
    size: int
    up: bool

    @property
    def name(self) -> str:
        return f"{size_text(self.size)} {'up' if self.up else 'down'}"

    @property
    def measures(self) -> Sequence[Measure]:
        return MEBIBYTES

    async def work(self, client: Client, turn: Turn) -> None:
        caller = await client.caller()
        data = bytes(self.size)
        turn.begin()
        while turn.lasts():
            size = await (caller.upload(data) if self.up else caller.download(self.size))
            assert size == self.size
            turn.count += size / _MIB


def size_text(size: int) -> str:
    """What the tables call so many bytes."""
    if size == LARGEST:
        return "16 MiB"
    return f"{size // 1024} KiB" if size < _MIB else f"{size // _MIB} MiB"
