"""The whole, on real sockets and between real processes: what a user may rely on."""

from __future__ import annotations

import logging
import os
import random
import secrets
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
import trio

import rpc
from tests import served
from tests.server_process import BOUND, server_process


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/s"


async def test_calls_over_max_calls_wait_their_turn(address: str) -> None:
    async with server_process(address) as server, rpc.connect(server.address) as client:
        results: list[int] = []

        async def call(number: int) -> None:
            results.append(await client.call("probe.add_async", number, 0))

        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(call, number)
    assert sorted(results) == list(range(200))


async def test_a_deadline_cancels_the_handler_when_it_strikes(address: str) -> None:
    async with server_process(address) as server, rpc.connect(server.address) as client:
        late = []
        for _ in range(5):
            deadline = time.monotonic() + 0.2
            with pytest.raises(trio.TooSlowError), trio.fail_after(0.2):
                await client.call("probe.sleep", 10)
            late.append(await server.heard("cancelled") - deadline)
        assert min(late) < 0.05


async def test_a_cancelled_caller_cancels_its_handler(address: str) -> None:
    async with server_process(address) as server, rpc.connect(server.address) as client:
        late = []
        for _ in range(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.call, "probe.sleep", 10)
                await server.heard("started")
                cancelled = time.monotonic()
                nursery.cancel_scope.cancel()
            late.append(await server.heard("cancelled") - cancelled)
        assert min(late) < 0.05


async def test_the_death_of_a_client_cancels_its_handlers(address: str) -> None:
    program = f"""
import rpc, trio
async def main():
    async with rpc.connect({address!r}) as client:
        await client.call("probe.sleep", 1000)
trio.run(main)
"""
    async with server_process(address) as server:
        late = []
        for _ in range(3):
            client = await trio.lowlevel.open_process([sys.executable, "-c", program])
            await server.heard("started")
            killed = time.monotonic()
            client.send_signal(signal.SIGKILL)
            late.append(await server.heard("cancelled") - killed)
            await client.wait()
        assert min(late) < 0.05


async def test_the_death_of_a_server_ends_open_calls(address: str) -> None:
    async with server_process(address) as server, rpc.connect(server.address) as client:

        async def kill() -> None:
            await server.heard("started")
            server.process.kill()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            with pytest.raises(rpc.Unavailable) as caught:
                await client.call("probe.sleep", 1000)
        assert caught.value.processed is rpc.Processed.UNKNOWN
        with pytest.raises(rpc.Unavailable) as caught:
            await client.call("probe.add", 1, 2)
        assert caught.value.processed is rpc.Processed.NOT_PROCESSED


async def test_the_largest_result_passes_and_one_byte_more_does_not(address: str) -> None:
    head = 5  # of a byte string of that length
    async with server_process(address) as server, rpc.connect(server.address) as client:
        assert len(await client.call("probe.make", 16_777_216 - head)) == 16_777_216 - head
        with pytest.raises(rpc.ResourceExhausted, match="max_message, 16777216 bytes") as caught:
            await client.call("probe.make", 16_777_216 - head + 1)
        assert caught.value.processed is rpc.Processed.DO_NOT_RETRY
        assert await client.call("probe.add", 1, 1) == 2


async def test_the_largest_payloads_pass_while_small_calls_go_on(address: str) -> None:
    head = 6  # of the array, and of a byte string of that length
    largest = secrets.token_bytes(16_777_216 - head)
    async with server_process(address) as server, rpc.connect(server.address) as client:
        answered = 0
        sizes: list[int] = []

        async def call_on() -> None:
            nonlocal answered
            while not sizes:
                assert await client.call("probe.add", answered, 1) == answered + 1
                answered += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call_on)
            result = await client.call("probe.echo", largest)
            sizes.append(len(result))
        assert result == largest
        assert answered > 2
        with pytest.raises(rpc.ResourceExhausted, match="max_message, 16777216 bytes") as caught:
            await client.call("probe.echo", largest + b"x")
        assert caught.value.processed is rpc.Processed.DO_NOT_RETRY
        assert await client.call("probe.add", 1, 1) == 2


STRANGERS = {
    "http": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP"),
    "tls": (bytes.fromhex("160301020001000001fc0303") + bytes(32), "TLS"),
    "zeroes": (bytes(64), "0 bytes"),
    "no hello": (b"\x00\x00\x00\x03\x82\x08\x01", "HELLO"),
    "escapes": (b"\x00\x00\x00\x05\xd9\xd9\xf7\x1b\x0a", "HELLO"),
}


@pytest.mark.parametrize("name", STRANGERS)
async def test_a_stranger_is_turned_away_with_a_reason_and_nobody_notices(
    name: str, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    greeting, reason = STRANGERS[name]
    caplog.set_level(logging.DEBUG, "rpc")
    with trio.fail_after(BOUND):
        async with trio.open_nursery() as nursery:
            await nursery.start(rpc.serve, served.probe, address)
            async with rpc.connect(address) as client:
                stream = await trio.open_unix_socket(address.removeprefix("unix:"))
                await stream.send_all(greeting)
                await stream.send_eof()
                answer = b"".join([chunk async for chunk in stream])
                await stream.aclose()
                assert reason.encode() in answer
                assert await client.call(served.add, 1, 2) == 3
            nursery.cancel_scope.cancel()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert reason in warnings[0]
    assert warnings[0].isprintable()
    assert len(warnings[0]) < 400


@pytest.mark.parametrize("seed", range(20))
async def test_random_bytes_end_only_their_own_connection(seed: int, address: str) -> None:
    noise = random.Random(seed).randbytes(10_000)
    with trio.fail_after(BOUND):
        async with trio.open_nursery() as nursery:
            await nursery.start(rpc.serve, served.probe, address)
            async with rpc.connect(address) as client:
                with socket.socket(socket.AF_UNIX) as stranger:
                    stranger.connect(address.removeprefix("unix:"))
                    stranger.sendall(noise)
                    stranger.shutdown(socket.SHUT_WR)
                    assert await client.call(served.add, 1, 2) == 3
            nursery.cancel_scope.cancel()


async def test_the_socket_file_is_private_and_gone_at_the_end(address: str) -> None:
    path = Path(address.removeprefix("unix:"))
    async with trio.open_nursery() as nursery:
        await nursery.start(rpc.serve, served.probe, address)
        assert path.stat().st_mode & 0o777 == 0o600
        nursery.cancel_scope.cancel()
    assert not path.exists()
    assert os.listdir(path.parent) == []
