"""Many of everything: calls that are opened and cancelled, connections that are lost, datagrams of garbage."""

from __future__ import annotations

import random
import socket

import pytest
import trio

import rpc
from rpc.address import parse
from rpc.wire import frames
from tests.faults.harness import KIB, MIB, Nest, canary, frames_until, raw, report, sized, statistics, until
from tests.raw_peer import HELLO, call


async def test_calls_that_are_opened_and_cancelled(nest: Nest) -> None:
    batch, rounds = 200, sized(50, 500)
    async with nest.serving() as server, canary(nest, server), rpc.connect(server.bound[0]) as watcher:
        client, first, cut = await raw(server.bound[0]), 1, 0
        start = trio.current_time()
        for _ in range(rounds):
            ids = range(first, first + 2 * batch, 2)
            first += 2 * batch
            await client.say(*(call(id, "target.wait") for id in ids))
            await watcher.call("target.add", 1, 2)
            await client.say(*(frames.cancel(id) for id in ids))
            heard = await frames_until(client, batch)
            if len(heard) < batch:  # it was cut for calls that were cancelled as soon as they were made
                assert heard[-1][0] == frames.GOAWAY
                client.close()
                client, first, cut = await raw(server.bound[0]), 1, cut + 1
        took = trio.current_time() - start

        async def is_quiet() -> bool:
            return bool((await watcher.call("target.told"))[0] == 0)

        await until(is_quiet, 5, "no handler is left")
        running, most, _ = await watcher.call("target.told")
        report("opened and cancelled", calls=batch * rounds, seconds=took, most_handlers=most, cut=cut)
        assert running == 0
        assert most <= 2 * 128, "no more than max_calls of one connection, and of one that it replaces"
        client.close()


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
async def test_connections_that_are_lost_in_a_call(nest: Nest, is_reset: bool) -> None:
    batch, rounds = 50, sized(40, 400)
    addresses = "tcp://127.0.0.1:0", f"unix:{nest.path('socket')}"
    async with nest.serving(*addresses) as server, canary(nest, server), rpc.connect(server.bound[1]) as watcher:
        tasks, files, before = await watcher.call("target.count_tasks"), server.descriptors, 0
        for index in range(rounds):
            clients = [await raw(server.bound[0], HELLO, call(1, "target.wait")) for _ in range(batch)]
            if index % 2:
                await until(lambda: watched(watcher, batch), 5, "the calls run")
            for client in clients:
                client.close(reset=is_reset)
            if index == rounds // 4:
                await until(lambda: watched(watcher, 0), 5, "the calls have ended")
                before = server.resident
        await until(lambda: watched(watcher, 0), 5, "the calls have ended")

        async def is_as_before() -> bool:
            return bool(await watcher.call("target.count_tasks") == tasks and server.descriptors == files)

        await until(is_as_before, 5, "tasks and descriptors are as before")
        report("connections lost in a call", connections=batch * rounds, more_kib=(server.resident - before) / KIB)
        assert server.resident - before < 4 * MIB


async def watched(watcher: rpc.Client, count: int) -> bool:
    """Whether so many calls of others run."""
    running, _, _ = await watcher.call("target.told")
    return bool(running == count)


async def test_datagrams_of_garbage(nest: Nest) -> None:
    """Nothing is sent back, nothing runs, and nothing is kept."""
    chance = random.Random(1)
    garbage = [chance.randbytes(chance.randrange(1200)) for _ in range(1000)]
    addresses = f"unix:{nest.path('socket')}", "udp://127.0.0.1:0"
    async with nest.serving(*addresses) as server, canary(nest, server), rpc.connect(server.bound[0]) as watcher:
        target = parse(server.bound[1])
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.connect((target.host, target.port))
            sender.setblocking(False)
            before = server.resident
            for _ in range(sized(20, 1000)):
                for datagram in garbage:
                    sender.send(datagram)
                await trio.sleep(0.005)
            told = await statistics(watcher)
            with pytest.raises(BlockingIOError):
                sender.recv(65536)
        dropped = sum(told.datagrams_dropped.values())
        report("garbage", read=dropped, more_kib=(server.resident - before) / KIB)
        assert dropped > 1000
        assert told.notifications_total == 0
        assert server.resident - before < 4 * MIB
