"""All faults mixed, for some time: no wrong answer, and no memory that is not given back.

There are two servers. One is harmed by hostile peers in every way that they have; nobody else may notice. The other is
killed, stopped, and drained, and started again at the same addresses; its clients are told the truth about each call.
``FAULTS_SOAK`` has the seconds; 600 in the long form.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

import rpc
from rpc.server.builtin import Statistics
from tests.certificates import Authority
from tests.faults.harm import HARMS, PATIENCE, Mark
from tests.faults.harness import KIB, LONG, MIB, Nest, Process, canary, lasting_port, report, sized, statistics, until
from tests.faults.load import Ledger, work

SECONDS = float(os.environ.get("FAULTS_SOAK", sized(10, 600)))

HARMED = {"max_connections": 1000, "frame_timeout": PATIENCE}
"""More connections than descriptors, and less time for a frame than slow writers take."""

SHAKEN = {"keepalive": 1.0, "keepalive_timeout": 1.0}
"""So that a server that is stopped is found while it is."""

KEPT = 2000
"""Objects: trio itself keeps up to a thousand deadlines that were taken back, until it clears them away."""

GROWTH = sized(32, 4) * MIB
"""Bytes. The short form may be all warm-up: a leak is seen in its objects, and memory is bounded roughly."""


@attrs.define
class Memory:
    """What a process has held, from its first sample to its last."""

    process: Process
    samples: list[tuple[float, int]] = attrs.field(factory=list)

    async def watch(self) -> None:
        start = trio.current_time()
        while True:
            self.samples.append((trio.current_time() - start, self.process.resident))
            await trio.sleep(SECONDS / 1000)

    def least(self, begin: float, end: float) -> int:
        """The least bytes that it held between two shares of the time."""
        return min(size for at, size in self.samples if begin <= at / SECONDS <= end)

    @property
    def growth(self) -> int:
        """Bytes that it has grown by behind the warm-up: from the third quarter to the last."""
        return self.least(0.75, 1) - self.least(0.5, 0.75)

    @property
    def slope(self) -> float:
        """The same as bytes an hour."""
        return self.growth / (SECONDS / 4) * 3600


@attrs.define
class Soak:
    """What takes part.

    Attributes:
        mark: the server that is harmed.
        victim: the server that is killed, stopped and drained; `start` puts another one in its place.
        steady, shaken: what the clients of each were told.
        harms: what was done to them.
    """

    mark: Mark
    victim: Process
    start: Callable[[], Awaitable[Process]]
    tls: ssl.SSLContext
    steady: Ledger = attrs.field(factory=Ledger)
    shaken: Ledger = attrs.field(factory=Ledger)
    harms: Counter[str] = attrs.field(factory=Counter)
    is_over: bool = False

    async def run(self) -> None:
        """Do everything at once, for as long as it takes."""
        async with trio.open_nursery() as nursery:
            for address in (self.mark.tcp, self.mark.unix, self.mark.tls):
                nursery.start_soon(self._work, address, self.steady)
            for address in self.victim.bound:
                nursery.start_soon(self._work, address, self.shaken)
            nursery.start_soon(self._notify)
            nursery.start_soon(self._restart)
            for seed in range(6):
                nursery.start_soon(self._harm, random.Random(seed))
            await trio.sleep(SECONDS)
            self.is_over = True

    async def _work(self, address: str, ledger: Ledger) -> None:
        """Be one client after the other."""
        chance = random.Random(address)
        is_steady = ledger is self.steady
        options: dict[str, Any] = {"tls": self.tls} if address.startswith("tls:") else {}
        if not is_steady:
            options |= {"limits": rpc.Limits(keepalive=1, keepalive_timeout=1), "reconnect": True}
        while not self.is_over:
            try:
                async with rpc.connect(address, wait=20, **options) as client:
                    for _ in range(chance.randrange(1, 20)):
                        await work(client, chance, ledger, steady=is_steady, acts=10)
            except rpc.Unavailable as error:
                ledger.wrong.append(f"{address} for 20 s: {error}")

    async def _notify(self) -> None:
        """Send datagrams, which may be lost, but come as they were sent."""
        chance = random.Random(1)
        async with rpc.notifier(self.mark.udp) as notifier:
            while not self.is_over:
                number = chance.randrange(10**6)
                notifier.send("target.note", number, number * number)
                self.steady.counts["noted"] += 1
                await trio.sleep(0.005)

    async def _harm(self, chance: random.Random) -> None:
        while not self.is_over:
            act = chance.choice(HARMS)
            with contextlib.suppress(trio.BrokenResourceError, OSError):  # it was not let in: others crowd
                await act(self.mark, chance)
            self.harms[act.__name__] += 1

    async def _restart(self) -> None:
        chance = random.Random(1)
        while not self.is_over:
            await trio.sleep(chance.uniform(0.3, 1))
            fault = chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP))
            self.victim.send(fault)
            self.harms[fault.name] += 1
            if fault is signal.SIGSTOP:
                await trio.sleep(chance.choice((0.2, 2.5)))
                self.victim.send(signal.SIGCONT)
            else:
                await until(lambda: not Path(f"/proc/{self.victim.pid}").exists(), 15, "the server has ended")
                self.victim = await self.start()


async def test_all_faults_mixed(nest: Nest, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = [str(path) for path in authority.issue("localhost", "127.0.0.1")]
    journals = nest.path("journal"), nest.path("journal")
    ports = lasting_port(), lasting_port()
    bind = [f"tcp://127.0.0.1:{ports[0]}", f"unix:{nest.path('socket')}", f"tls://127.0.0.1:{ports[1]}"]
    start = partial(nest.start, "serve", tls=tls, journal=str(journals[1]), limits=SHAKEN)
    victim = await start(bind=bind)
    bind = [f"unix:{nest.path('socket')}", "tcp://127.0.0.1:0", "tls://127.0.0.1:0", "udp://127.0.0.1:0"]
    async with nest.serving(*bind, tls=tls, journal=str(journals[0]), files=256, limits=HARMED) as server:
        unix, tcp, secure, udp = server.bound
        mark = Mark(nest, tcp=tcp, unix=unix, tls=secure, udp=udp)
        soak = Soak(mark, victim, partial(start, bind=victim.bound), rpc.client_tls(authority.ca))
        memory = Memory(server)
        async with rpc.connect(unix) as watcher:
            before = {"tasks": await watcher.call("target.count_tasks"), "descriptors": server.descriptors}
            objects = await watcher.call("target.count_objects")
            async with canary(nest, server), trio.open_nursery() as nursery:
                nursery.start_soon(memory.watch)
                await soak.run()
                nursery.cancel_scope.cancel()
            soak.victim.kill()

            now: dict[str, int] = {}

            async def is_as_before() -> bool:
                now.update(tasks=await watcher.call("target.count_tasks"), descriptors=server.descriptors)
                return now == before

            with trio.move_on_after(10):
                await until(is_as_before, 60, "all is as before")
            left = await watcher.call("target.count_objects") - objects
            notes, wrong_notes = await watcher.call("target.noted")
            told = await statistics(watcher)
    _report(soak, memory, notes, left, told)
    for ledger, journal in zip((soak.steady, soak.shaken), journals, strict=True):
        ledger.judge(journal)
        assert not ledger.wrong, ledger.wrong[:10]
        assert ledger.counts["calls"] > 10 * SECONDS
    assert now == before
    assert not wrong_notes
    assert 0 < notes <= soak.steady.counts["noted"]
    assert memory.growth < GROWTH
    if LONG:
        assert len(soak.harms) == len(HARMS) + 3
        assert memory.slope < MIB
    else:
        assert left < KEPT


def _report(soak: Soak, memory: Memory, notes: int, left: int, told: Statistics) -> None:
    counts = {
        "calls": soak.steady.counts["calls"] + soak.shaken.counts["calls"],
        "given_up": soak.steady.counts["given up"] + soak.shaken.counts["given up"],
        "lost": soak.shaken.counts["lost"],
        "notes": notes,
        "connections": told.connections_total,
    }
    figures = {"objects_left": left, "grew_kib": memory.growth / KIB, "mib_an_hour": memory.slope / MIB}
    report("soak", seconds=SECONDS, wrong=len(soak.steady.wrong + soak.shaken.wrong), **counts, **figures)
    report("soak, faults", **dict(sorted(soak.harms.items())))
    report("soak, cut", **told.connections_cut)
    report("soak, refused", **told.connections_refused)
