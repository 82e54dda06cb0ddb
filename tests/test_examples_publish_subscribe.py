"""Publish and subscribe: many subscribers, and one process that is stopped and does not read."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

import rpc
from examples import publish_subscribe
from examples.publish_subscribe import Board, Counts, Subscription
from tests.example_tools import EXAMPLES, serving


@asynccontextmanager
async def subscribed(address: str, topic: str) -> AsyncGenerator[trio.MemoryReceiveChannel[str]]:
    """What a subscriber of a topic receives."""
    received, messages = trio.open_memory_channel[str](math.inf)
    service = rpc.Service("subscriber")

    @service.notification
    def receive(topic: str, message: str) -> None:
        received.send_nowait(f"{topic}: {message}")

    async def subscribe() -> None:
        await client.call(publish_subscribe.subscribe, topic)

    async with rpc.connect(address, services=service) as client, trio.open_nursery() as nursery:
        before = (await client.call(publish_subscribe.counts)).subscribers
        nursery.start_soon(subscribe)
        await until_there_are(before + 1, client)
        yield messages
        nursery.cancel_scope.cancel()


async def until_there_are(subscribers: int, client: rpc.Client) -> None:
    while (await client.call(publish_subscribe.counts)).subscribers != subscribers:
        pass


async def test_a_message_goes_to_all_who_have_subscribed_to_its_topic(tmp_path: Path) -> None:
    async with (
        serving(publish_subscribe.topics, f"unix:{tmp_path}/topics.sock") as [address],
        rpc.connect(address) as client,
    ):
        assert await client.call(publish_subscribe.publish, "weather", "nobody hears it") == 0
        async with subscribed(address, "weather") as one, subscribed(address, "news") as two:
            async with subscribed(address, "weather") as three:
                assert await client.call(publish_subscribe.publish, "weather", "it rains") == 2
                assert await one.receive() == await three.receive() == "weather: it rains"
            await until_there_are(2, client)
            for number in range(1000):
                assert await client.call(publish_subscribe.publish, "news", f"number {number}") == 1
                assert await two.receive() == f"news: number {number}"
        await until_there_are(0, client)
        assert await client.call(publish_subscribe.counts) == Counts(subscribers=0, queued=1002)


async def test_who_is_too_slow_is_dropped_or_misses_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_subscribe, "QUEUE", 2)
    board = Board()
    patient, strict = Subscription(may_miss=True), Subscription(may_miss=False)
    board.add("news", patient)
    board.add("news", strict)
    assert [board.publish("news", f"{number}") for number in range(4)] == [2, 2, 0, 0]
    assert board.counts == Counts(subscribers=2, queued=4, missed=2, dropped=1)
    assert (patient.scope.cancel_called, strict.scope.cancel_called) == (False, True)
    board.remove("news", patient)
    board.remove("news", strict)
    assert board == Board(counts=Counts(subscribers=0, queued=4, missed=2, dropped=1))


@asynccontextmanager
async def listening(directory: Path, topic: str) -> AsyncGenerator[trio.Process]:
    """A subscriber in a process of its own."""
    command = [sys.executable, str(EXAMPLES / "publish_subscribe.py"), topic]
    pipe = subprocess.PIPE
    run = partial(trio.run_process, command, cwd=directory, stdout=pipe, stderr=pipe, check=False)
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(run)
        assert process.stdout is not None
        assert process.stderr is not None
        async with process.stdout, process.stderr:
            yield process
            nursery.cancel_scope.cancel()


async def test_a_process_that_does_not_read_is_dropped_and_holds_up_nobody(tmp_path: Path) -> None:
    text = "x" * 100_000
    async with (
        serving(publish_subscribe.topics, f"unix:{tmp_path}/topics.sock") as [address],
        rpc.connect(address) as client,
        listening(tmp_path, "news") as process,
    ):
        await until_there_are(1, client)
        process.send_signal(signal.SIGSTOP)
        async with subscribed(address, "news") as other:
            published = 0
            while not (await client.call(publish_subscribe.counts)).dropped:
                await client.call(publish_subscribe.publish, "news", text)
                assert await other.receive() == f"news: {text}"
                published += 1
        await until_there_are(0, client)
        assert published > publish_subscribe.QUEUE
        assert (await client.call(publish_subscribe.counts)).dropped == 1

        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        assert process.stderr is not None
        shown = b"".join([data async for data in process.stdout])
        assert shown.count(b"\n") < published
        assert shown.replace(f"news: {text}\n".encode(), b"") == b""
        failure = b"".join([data async for data in process.stderr])
        assert failure.endswith(b"ResourceExhausted: 100 messages of 'news' were waiting, and one more came\n")


async def test_a_message_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with (
        serving(publish_subscribe.topics, f"unix:{tmp_path}/topics.sock") as [address],
        rpc.connect(address) as client,
        listening(tmp_path, "weather") as process,
    ):
        await until_there_are(1, client)
        await publish_subscribe.say("weather", "it rains", address)
        assert process.stdout is not None
        shown = b""
        while not shown.endswith(b"\n"):
            shown += await process.stdout.receive_some()
        assert shown == b"weather: it rains\n"
    assert capsys.readouterr().out == "on its way to 1\n"
