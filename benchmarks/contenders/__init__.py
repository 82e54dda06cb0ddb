"""Who takes part: one file each, and one row here for each way to use it."""

from __future__ import annotations

from benchmarks.contender import Contender
from benchmarks.contenders.multiprocessing_connection import MultiprocessingConnection
from benchmarks.contenders.raw_socket import RawSocket
from benchmarks.contenders.trio_cbor import TrioCbor

CONTENDERS: tuple[Contender, ...] = (
    RawSocket(),
    MultiprocessingConnection(),
    TrioCbor(1, "bare trio + cbor2 echo, waits plainly"),
    TrioCbor(64, "bare trio + cbor2 echo, batches"),
)
