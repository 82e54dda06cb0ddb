"""Many of everything: calls that are opened and cancelled, connections that are lost, datagrams of garbage."""

from __future__ import annotations

import random
import socket

import pytest
import trio

import rpc
from rpc.address import parse
from rpc.wire import frames
from rpc.wire.frames import Fields
from tests.faults.harness import KIB, MIB, Nest, canary, frames_until, raw, report, sized, statistics, until
from tests.raw_peer import HELLO, call

MAX_CALLS = rpc.Limits().max_calls


async def test_calls_that_are_opened_and_cancelled(nest: Nest) -> None:
    """On one connection, each when its handler runs: it is not cut for them, and has never more than its share."""
    batch, rounds = 200, sized(50, 500)
    async with nest.serving() as server, canary(nest, server), rpc.connect(server.bound[0]) as watcher:
        client = await raw(server.bound[0])
        start = trio.current_time()
        for index in range(rounds):
            ids = range(2 * batch * index + 1, 2 * batch * (index + 1), 2)
            await client.say(*(call(id, "target.wait") for id in ids))
            await until(lambda: watched(watcher, MAX_CALLS), 5, "the handlers run")
            await client.say(*(frames.cancel(id) for id in ids))
            heard = await frames_until(client, batch)
            assert {fields[0] for fields in heard} == {frames.ERROR}
        took = trio.current_time() - start
        await until(lambda: watched(watcher, 0), 5, "no handler is left")
        _, most, _ = await watcher.call("target.told")
        report("opened and cancelled", calls=batch * rounds, seconds=took, most_handlers=most)
        assert most == MAX_CALLS
        client.close()


async def test_calls_that_are_cancelled_in_the_same_breath(nest: Nest) -> None:
    """Whoever opens them is cut for it, time and again, and runs next to nothing."""
    batch, rounds = 100, sized(20, 200)
    async with nest.serving() as server, canary(nest, server), rpc.connect(server.bound[0]) as watcher:
        start, count = trio.current_time(), 0
        for _ in range(rounds):
            client, first = await raw(server.bound[0]), 1
            heard: list[Fields] = []
            while not heard or heard[-1][0] == frames.ERROR:
                ids = range(first, first + 2 * batch, 2)
                first += 2 * batch
                count += batch
                await client.say(*(call(id, "target.wait") + frames.cancel(id) for id in ids))
                heard = await frames_until(client, batch)
            assert heard[-1][0] == frames.GOAWAY
            client.close()
        took = trio.current_time() - start
        await until(lambda: watched(watcher, 0), 5, "no handler is left")
        _, most, _ = await watcher.call("target.told")
        cut = (await statistics(watcher)).connections_cut
        report("cancelled in the same breath", calls=count, seconds=took, most_handlers=most, cut=cut["too_many"])
        assert cut == {"too_many": rounds}
        assert most <= MAX_CALLS


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
async def test_connections_that_are_lost_in_a_call(nest: Nest, is_reset: bool) -> None:
    batch, rounds = 50, sized(40, 400)
    addresses = "tcp://127.0.0.1:0", f"unix:{nest.path('socket')}"
    async with nest.serving(*addresses) as server, canary(nest, server), rpc.connect(server.bound[1]) as watcher:
        tasks, files, before, objects = await watcher.call("target.count_tasks"), server.descriptors, 0, 0
        for index in range(rounds):
            clients = [await raw(server.bound[0], HELLO, call(1, "target.wait")) for _ in range(batch)]
            if index % 2:
                await until(lambda: watched(watcher, batch), 5, "the calls run")
            for client in clients:
                client.close(reset=is_reset)
            if index == rounds // 4:
                await until(lambda: watched(watcher, 0), 5, "the calls have ended")
                before, objects = server.resident, await watcher.call("target.count_objects")
        await until(lambda: watched(watcher, 0), 5, "the calls have ended")

        async def is_as_before() -> bool:
            return bool(await watcher.call("target.count_tasks") == tasks and server.descriptors == files)

        await until(is_as_before, 5, "tasks and descriptors are as before")
        more, left = server.resident - before, await watcher.call("target.count_objects") - objects
        report("connections lost in a call", connections=batch * rounds, more_kib=more / KIB, objects_left=left)
        assert more < 4 * MIB
        assert left < batch * rounds / 20, "what is left of each connection is less than one object"


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
                for index, datagram in enumerate(garbage):
                    sender.send(datagram)
                    if not index % 50:  # more would not find room in the kernel, until the server has had its turn
                        await watcher.call("target.add", index, 1)
            sent = sized(20, 1000) * len(garbage)

            async def all_is_read() -> bool:
                return sum((await statistics(watcher)).datagrams_dropped.values()) == sent

            await until(all_is_read, 10, "every datagram is read and dropped")
            told = await statistics(watcher)
            with pytest.raises(BlockingIOError):
                sender.recv(65536)
        report("garbage", sent=sent, more_kib=(server.resident - before) / KIB)
        assert told.notifications_total == 0
        assert server.resident - before < 4 * MIB
