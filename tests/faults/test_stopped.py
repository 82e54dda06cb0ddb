"""A process that is stopped: its host answers for it, and it does not."""

from __future__ import annotations

import signal

import pytest
import trio

import rpc
from tests.faults.harness import LONG, Nest, report, statistics, until

LIMITS: dict[str, float] = {} if LONG else {"keepalive": 1.0, "keepalive_timeout": 1.0}
BOUND = 41 if LONG else 8
"""Seconds: 30 of silence, 10 for the answer to a ping, and one."""


async def test_a_server_that_is_stopped_is_found_by_its_client(nest: Nest) -> None:
    async with nest.serving("tcp://127.0.0.1:0") as server:  # noqa: SIM117
        async with rpc.connect(server.bound[0], limits=rpc.Limits(**LIMITS)) as client:  # type: ignore[arg-type]
            await client.call("target.add", 1, 2)
            server.send(signal.SIGSTOP)
            start = trio.current_time()
            with trio.fail_after(BOUND), pytest.raises(rpc.Unavailable) as caught:
                await client.call("target.add", 1, 2)
            assert caught.value.processed is rpc.Processed.UNKNOWN
            report("a stopped server is found", seconds=trio.current_time() - start)


async def test_a_client_that_is_stopped_is_found_by_its_server(nest: Nest) -> None:
    async with nest.serving("tcp://127.0.0.1:0", f"unix:{nest.path('socket')}", limits=LIMITS) as server:
        bird = await nest.start("canary", address=server.bound[0], report=str(nest.path("report")))
        async with rpc.connect(server.bound[1]) as client:

            async def is_alone() -> bool:
                return (await statistics(client)).connections == 1

            assert not await is_alone()
            bird.send(signal.SIGSTOP)
            took = await until(is_alone, BOUND, "the stopped client is found")
            bird.kill()
            report("a stopped client is found", seconds=took)
