"""``polling=False`` is heard of by every reader, wherever it is said."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

import rpc
from rpc.net import polling
from rpc.net.polling import Polling
from tests.cli_tools import PATIENCE, serving
from tests.process_worker import add as add_of_worker
from tests.raw_peer import client_of, connection_of, socket_links

CALLS = 130
"""More than two rounds of trying the slower way."""

calc = rpc.Service("calc")


@calc.method
def add(a: int, b: int) -> int:
    return a + b


@attrs.define
class Polls:
    """How often anybody in this process has begun to poll."""

    count: int = 0


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Polls:
    polls, starts = Polls(), Polling.starts

    def counted(self: Polling) -> bool:
        is_polling = starts(self)
        polls.count += is_polling
        return is_polling

    monkeypatch.setattr(Polling, "starts", counted)
    monkeypatch.setattr(polling, "_IDLE", 3600.0)  # a busy machine is slow, not idle
    return polls


async def call_often(client: rpc.Client) -> None:
    for number in range(CALLS):
        assert await client.call("calc.add", number, 1) == number + 1


@pytest.mark.parametrize("is_polling", [True, False])
async def test_of_serve_and_connect(polls: Polls, tmp_path: Path, is_polling: bool) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            serve = partial(rpc.serve, calc, f"unix:{tmp_path}/s", polling=is_polling)
            [address] = await nursery.start(serve)
            async with rpc.connect(address, polling=is_polling) as client:
                await call_often(client)
            nursery.cancel_scope.cancel()
    assert bool(polls.count) is is_polling


@pytest.mark.parametrize("is_polling", [True, False])
def test_of_a_blocking_client(polls: Polls, tmp_path: Path, is_polling: bool) -> None:
    with (
        serving(calc, [f"unix:{tmp_path}/s"], polling=False) as [address],
        rpc.blocking.connect(address, timeout=PATIENCE, polling=is_polling) as client,
    ):
        for number in range(CALLS):
            assert client.call(add, number, 1) == number + 1
    assert bool(polls.count) is is_polling


@pytest.mark.parametrize("is_polling", [True, False])
async def test_of_a_client_of_a_process(polls: Polls, is_polling: bool) -> None:
    command = [sys.executable, "-m", "tests.process_worker"]
    with trio.fail_after(PATIENCE):
        async with rpc.connect_process(command, polling=is_polling) as client:
            for number in range(CALLS):
                assert await client.call(add_of_worker, number, 1) == number + 1
    assert bool(polls.count) is is_polling


@pytest.mark.parametrize("is_polling", [True, False])
async def test_of_a_process(polls: Polls, monkeypatch: pytest.MonkeyPatch, is_polling: bool) -> None:
    near, far = socket_links()
    monkeypatch.setattr("rpc.server.stdio.take_standard_link", lambda: far)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(rpc.serve_stdio, calc, polling=is_polling))
            async with client_of(near) as client:
                connection_of(client).polling = Polling(is_allowed=False)
                await call_often(client)
    assert bool(polls.count) is is_polling
