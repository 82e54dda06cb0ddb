"""Peers that write very slowly, or read nothing at all."""

from __future__ import annotations

import trio

import rpc
from rpc.wire import frames
from tests.faults.harness import LONG, MIB, Nest, canary, frames_until, raw, report, sized, statistics, until
from tests.raw_peer import HELLO, call, greeting

PEERS = 1000
SLOW: dict[str, float] = {} if LONG else {"handshake_timeout": 1.0, "frame_timeout": 3.0}
GONE, INTERVAL = (35, 10.0) if LONG else (9, 1.0)
STALLED: dict[str, float] = {} if LONG else {"stall_timeout": 2.5}
CUT = 12 if LONG else 9
"""Seconds, in the short form more than such a machine needs that is busy, and less than the defaults would take."""


async def test_a_thousand_peers_that_send_a_byte_now_and_then(nest: Nest) -> None:
    """All have greeted; then they begin a frame."""
    async with nest.serving(limits=SLOW | {"max_connections": 1100}) as server, canary(nest, server):
        clients = [await raw(server.bound[0]) for _ in range(PEERS)]
        async with rpc.connect(server.bound[0]) as watcher:
            start = trio.current_time()
            for byte in call(1, "target.add", 1, 2):
                for client in clients:
                    try:
                        client.stream.socket._sock.send(bytes((byte,)))  # type: ignore[attr-defined]
                    except OSError:
                        pass
                with trio.move_on_after(INTERVAL):
                    while (await statistics(watcher)).connections > 2:  # noqa: ASYNC110
                        await trio.sleep(0.1)
                    break
            gone = trio.current_time() - start
            cut = (await statistics(watcher)).connections_cut
        for client in clients:
            client.close()
        report("slow writers", peers=PEERS, gone_s=gone)
        assert gone < GONE
        assert sum(cut.values()) == PEERS


async def test_peers_that_never_finish_their_greeting(nest: Nest) -> None:
    count = sized(200, 1000)
    async with nest.serving(limits=SLOW | {"max_greeting": count}) as server, canary(nest, server):
        clients = [await raw(server.bound[0], HELLO[:5]) for _ in range(count)]
        async with trio.open_nursery() as nursery:
            start = trio.current_time()
            for client in clients:
                nursery.start_soon(frames_until, client, 10)
        gone = trio.current_time() - start
        for client in clients:
            client.close()
        report("unfinished greetings", peers=count, gone_s=gone)
        assert gone < sized(5, 35)


async def test_a_reader_that_never_reads(nest: Nest) -> None:
    """It asks for 100 MiB in one stream, and has given credit for all of it. What else it asks for is shed."""
    async with nest.serving(limits=STALLED) as server, canary(nest, server):  # noqa: SIM117
        async with rpc.connect(server.bound[0]) as watcher:

            async def is_cut() -> bool:
                return (await statistics(watcher)).connections == 2

            async with watcher.stream("target.pour", 100, 65_536) as items:
                assert len([item async for item in items]) == 100
            await trio.sleep(0.1)
            before = server.resident
            client = await raw(server.bound[0], greeting(window=2**40))
            await client.say(call(1, "target.pour", 1600, 65_536, flags=frames.TAKES))
            start, most, id = trio.current_time(), server.resident, 1
            while not (await statistics(watcher)).calls_shed:  # its first second is for those who are only busy
                id += 2
                await client.say(call(id, "target.add", 1, 2))
                await trio.sleep(0.2)
            while not await is_cut():
                most = max(most, server.resident)
                assert trio.current_time() - start < CUT
                await trio.sleep(0.05)
            shed = (await statistics(watcher)).calls_shed
            figures = {"cut_s": trio.current_time() - start, "more_mib": (most - before) / MIB}
            report("a reader that never reads", **figures, **shed)
            assert shed == {"max_unread": 1}
            assert most - before < 2 * MIB
            client.close()
            await until(is_cut, 1, "nothing is left")
