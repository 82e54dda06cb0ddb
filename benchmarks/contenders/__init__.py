"""Who takes part: one file each, and one row here for each way to use it."""

from __future__ import annotations

from benchmarks.contender import Contender
from benchmarks.contenders.multiprocessing_connection import MultiprocessingConnection
from benchmarks.contenders.raw_socket import RawSocket
from benchmarks.contenders.trio_cbor import TrioCbor
from benchmarks.contenders.trio_cbor_tasks import TrioCborTasks
from benchmarks.contenders.triorpc import Triorpc

CONTENDERS: tuple[Contender, ...] = (
    RawSocket(),
    MultiprocessingConnection(),
    TrioCbor(1, "bare trio + cbor2 echo, waits plainly"),
    TrioCbor(64, "bare trio + cbor2 echo, batches"),
    TrioCborTasks(64, "bare trio + cbor2 echo, a task for each call"),
    Triorpc(1, "triorpc, `def` handler", "calc.add"),
    Triorpc(1, "triorpc, `async def` handler", "calc.add_async"),
    Triorpc(64, "triorpc, `def` handler", "calc.add"),
    Triorpc(64, "triorpc, `async def` handler", "calc.add_async"),
)
