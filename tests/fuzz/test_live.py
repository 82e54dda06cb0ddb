"""Whole sessions, random and mutated, on a server that has another client: that one is served throughout."""

from __future__ import annotations

import random
import socket

import trio

import rpc
from tests.faults.harness import KIB, MIB, Nest, Process, canary, until
from tests.fuzz.amounts import chance_of, report, tenth_of
from tests.fuzz.material import Spoken, cuts_of, known_sessions, mutated_session, random_session

AT_ONCE = 8
"""Sessions."""

P99 = 0.05
"""Seconds within which the other client is answered, but for one call of a hundred."""

KEPT = 2000
"""Objects: trio itself keeps up to a thousand deadlines that were taken back, until it clears them away."""


async def test_sessions_on_a_live_server(nest: Nest) -> None:
    count = tenth_of(50_000)
    async with nest.serving() as server, rpc.connect(server.bound[0]) as watcher:
        tasks, files = await watcher.call("target.count_tasks"), server.descriptors
        async with canary(nest, server):  # to compare: what the machine has to do besides is in both
            await trio.sleep(1)
        start = trio.current_time()
        async with canary(nest, server, bound=P99) as bird:
            await _fuzz(server, range(count // 2))
            await until(lambda: _is_quiet(watcher, tasks + 3), 10, "only the canary is left")
            before, objects = server.resident, await watcher.call("target.count_objects")
            await _fuzz(server, range(count // 2, count))
        took = trio.current_time() - start
        await until(lambda: _is_quiet(watcher, tasks), 10, "no task is left")
        await until(lambda: server.descriptors == files, 5, "no descriptor is left")
        left, more = await watcher.call("target.count_objects") - objects, server.resident - before
        report("live", sessions=count, seconds=took, more_kib=more / KIB, objects_left=left)
        assert left < KEPT
        assert more < 2 * MIB
        assert bird.calls > 50
        assert not [line for line in server.logged if "inside this" in line], "a failure of the library's own"


async def _is_quiet(watcher: rpc.Client, tasks: int) -> bool:
    return bool(await watcher.call("target.count_tasks") <= tasks)


async def _fuzz(server: Process, numbers: range) -> None:
    path = server.bound[0].removeprefix("unix:")
    async with trio.open_nursery() as nursery:
        for first in range(AT_ONCE):
            nursery.start_soon(_sessions, path, numbers[first::AT_ONCE])


async def _sessions(path: str, numbers: range) -> None:
    for number in numbers:
        chance = chance_of(f"live {number}")
        await _session(path, chance, _spoken(chance))


def _spoken(chance: random.Random) -> Spoken:
    known = [session for session in known_sessions() if session.by_connector]
    session = chance.choice(known) if chance.randrange(2) else random_session(chance, by_connector=True)
    return mutated_session(chance, session) if chance.randrange(3) else session


async def _session(path: str, chance: random.Random, spoken: Spoken) -> None:
    """Say all of it, in pieces, and leave in one of the ways there are."""
    with trio.socket.socket(socket.AF_UNIX) as sock:
        await sock.connect(path)
        try:
            for piece in cuts_of(chance, b"".join(spoken.frames)):
                await sock.send(piece)
            match chance.randrange(4):
                case 0:
                    return  # without a look at what was answered
                case 1:
                    await sock.recv(65_536)
                case _:
                    sock.shutdown(socket.SHUT_WR)
                    with trio.fail_after(10):
                        while await sock.recv(65_536):
                            pass
        except (BrokenPipeError, ConnectionResetError):
            pass  # it had heard enough
