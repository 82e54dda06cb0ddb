"""A thousand clients of one server at once, in one process: it takes a while, so ``make test`` leaves it out."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

import rpc
from tests.server_process import BOUND, server_process


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/s"


async def test_a_thousand_clients_with_a_hundred_calls_each(address: str) -> None:
    async with server_process(address) as server:
        everyone = trio.Event()
        connected = 0

        async def use(number: int) -> None:
            nonlocal connected
            async with rpc.connect(server.address, wait=BOUND) as client:
                connected += 1
                if connected == 1000:
                    everyone.set()
                await everyone.wait()
                method = "probe.add_async" if number % 2 else "probe.add"
                for turn in range(100):
                    assert await client.call(method, number, turn) == number + turn

        async with rpc.connect(server.address) as client:
            before = await client.call("probe.count_tasks")
            async with trio.open_nursery() as nursery:
                for number in range(1000):
                    nursery.start_soon(use, number)
            while await client.call("probe.count_tasks") > before:
                await trio.lowlevel.checkpoint()  # the last connections may still be on their way out
