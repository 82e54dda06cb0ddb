"""What is measured: one file for each kind of workload, and one row here for each form of it."""

from __future__ import annotations

from benchmarks.workload import Workload
from benchmarks.workloads.cancel import Cancel
from benchmarks.workloads.connections import Connections
from benchmarks.workloads.idle import Idle
from benchmarks.workloads.in_flight import InFlight
from benchmarks.workloads.latency import Latency
from benchmarks.workloads.notifications import Notifications
from benchmarks.workloads.payload import LARGEST, Payload
from benchmarks.workloads.records import Records
from benchmarks.workloads.startup import Startup
from benchmarks.workloads.streams import Stream

KIB, MIB = 1024, 1_048_576

STREAMS: tuple[Workload, ...] = (
    Stream(up=False),
    Stream(up=True),
    Stream(up=False, size=64 * KIB),
    Stream(up=True, size=64 * KIB),
)

QUICK: tuple[Workload, ...] = (
    Idle(50),  # first: later there is free memory in the processes, which would be used again
    InFlight(1),
    InFlight(8),
    InFlight(64),
    Connections(64),
    *(Payload(size, up) for size in (64 * KIB, MIB, LARGEST) for up in (True, False)),
    Records(100),
    *STREAMS,
    Notifications(datagrams=False),
    Notifications(datagrams=True),
    Cancel(),
    Latency(2000),
    Startup(),
)
"""All kinds, in under a minute."""

LONG: tuple[Workload, ...] = (
    Idle(50),
    *(InFlight(count) for count in (1, 2, 4, 8, 16, 32, 64, 256)),
    Connections(64),
    *(Payload(size, up) for size in (KIB, 8 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, LARGEST) for up in (True, False)),
    Records(100),
    *STREAMS,
    Notifications(datagrams=False),
    Notifications(datagrams=True),
    Cancel(),
    Latency(2000),
    Startup(),
)
"""The same kinds with more points for the plots."""
