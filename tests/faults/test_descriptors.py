"""More peers than the server can have descriptors: `ulimit -n 64`, and 200 of them."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import rpc
from rpc.wire import frames
from tests.faults.harness import Nest, RawClient, canary, frames_until, metronome, raw, report, sized
from tests.raw_peer import HELLO, call

PEERS, SECONDS = 200, sized(3, 20)


@pytest.mark.parametrize("limits", [{}, {"max_connections": 1000}], ids=["limited", "exhausted"])
async def test_everyone_is_answered_or_refused(nest: Nest, limits: dict[str, Any]) -> None:
    answered = refused = 0
    longest = 0.0
    clients: list[RawClient] = []

    async def visit() -> None:
        nonlocal answered, refused, longest
        start = trio.current_time()
        client = await raw(server.bound[0], HELLO + call(1, "target.add", 1, 2))
        clients.append(client)
        heard = await frames_until(client, 1)
        longest = max(longest, trio.current_time() - start)
        if heard and heard[0][0] == frames.REPLY:
            answered += 1
        else:
            assert [fields[0] for fields in heard] in ([], [frames.GOAWAY])
            refused += 1

    async with nest.serving(files=64, limits=limits) as server, canary(nest, server), metronome() as beats:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                for _ in range(PEERS):
                    nursery.start_soon(visit)
        assert answered >= 25
        assert answered + refused == PEERS
        assert longest < 1 + beats.late
        before, logged = server.processor, len(server.logged)
        await trio.sleep(SECONDS)
        share = (server.processor - before) / SECONDS
        for client in clients:
            client.close()
        start = trio.current_time()
        async with rpc.connect(server.bound[0], wait=1) as late:
            assert await late.call("target.add", 1, 2) == 3
        back = trio.current_time() - start
        complaints = sum("cannot accept" in line for line in server.logged)
        report(
            "64 descriptors, 200 peers", answered=answered, refused=refused, longest_ms=longest * 1e3,
            processor_percent=share * 100, back_ms=back * 1e3, lines=len(server.logged), complaints=complaints,
        )  # fmt: skip
        assert share < 0.1, "and the canary's calls are in it"
        assert back < 1 + beats.late
        assert complaints <= 1 + SECONDS / 5
        assert len(server.logged) - logged <= 2 + SECONDS / 5, "who waits is not logged again and again"
