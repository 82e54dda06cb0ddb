"""All faults mixed, for some time: no wrong answer, and no memory that is not given back.

``FAULTS_SOAK`` has the seconds; 600 in the long form.
"""

from __future__ import annotations

import os
import random

import trio

import rpc
from rpc.wire import frames
from tests.faults.harness import MIB, Nest, Process, canary, raw, report, sized
from tests.raw_peer import HELLO, call, greeting

SECONDS = float(os.environ.get("FAULTS_SOAK", sized(4, 600)))


async def _work(server: Process, chance: random.Random, counts: dict[str, int]) -> None:
    """Calls with answers that are known, some of them given up."""
    async with rpc.connect(server.bound[0], wait=5) as client:
        while True:
            data = chance.randbytes(chance.choice((10, 1000, 100_000)))
            if await client.call("target.echo", data) != data:
                counts["wrong"] += 1
            counts["calls"] += 1
            with trio.move_on_after(0.001):
                await client.call("target.wait")


async def _harm(server: Process, chance: random.Random, counts: dict[str, int]) -> None:
    """Peers that say nonsense, half a frame, or too much, never read, and leave in any way."""
    words = [
        (chance.randbytes(500),),
        (HELLO, call(1, "target.add", 1, 2)[:9]),
        (HELLO, *(call(id, "target.wait") for id in range(1, 101, 2))),
        (HELLO, *(call(id, "target.wait") + frames.cancel(id) for id in range(1, 1201, 2))),
        (greeting(window=2**40), call(1, "target.pour", 1600, 65_536, flags=frames.TAKES)),
    ]
    while True:
        client = await raw(server.bound[0], HELLO[:1])
        try:
            spoken = chance.choice(words)
            await client.say(b"".join(spoken)[1:])
            with trio.move_on_after(chance.uniform(0, 0.2)):
                await trio.sleep(1)
        except trio.BrokenResourceError:
            pass
        finally:
            client.close(reset=chance.random() < 0.5)
        counts["harmed"] += 1


async def test_all_faults_mixed(nest: Nest) -> None:
    counts = {"calls": 0, "wrong": 0, "harmed": 0}
    async with nest.serving("tcp://127.0.0.1:0") as server, canary(nest, server), trio.open_nursery() as nursery:
        for seed in range(4):
            nursery.start_soon(_work, server, random.Random(seed), counts)
            nursery.start_soon(_harm, server, random.Random(seed), counts)
        await trio.sleep(SECONDS / 2)
        before = server.resident
        await trio.sleep(SECONDS / 2)
        more = server.resident - before
        nursery.cancel_scope.cancel()
    report("soak", seconds=SECONDS, more_mib_in_second_half=more / MIB, **counts)
    assert counts["wrong"] == 0
    assert counts["calls"] > 50
    assert more < 8 * MIB
