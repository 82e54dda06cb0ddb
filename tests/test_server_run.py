from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

import rpc
from rpc.server.serve import Options


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/s"


def files(address: str) -> list[str]:
    """What is left in the folder of a socket file."""
    return os.listdir(Path(address.removeprefix("unix:")).parent)


def signalling(address: str, *signals: signal.Signals) -> rpc.Service:
    """A service that calls itself and sends signals to this process meanwhile; after a single one the call may end."""
    service = rpc.Service("self")
    begun, may_end = trio.Event(), trio.Event()

    @service.method
    async def wait() -> None:
        begun.set()
        await may_end.wait()

    async def call() -> None:
        try:
            async with rpc.connect(address, wait=5) as client:
                await client.call(wait)
        except rpc.Unavailable:
            assert len(signals) == 2

    async def kick() -> None:
        await begun.wait()
        for number in signals:
            signal.raise_signal(number)
            await trio.testing.wait_all_tasks_blocked()
        if len(signals) == 1:
            may_end.set()

    @service.lifespan
    async def state() -> AsyncGenerator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            nursery.start_soon(kick)
            yield

    return service


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_in_good_order(number: signal.Signals, address: str) -> None:
    rpc.run(signalling(address, number), address)
    assert files(address) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(number: signal.Signals, address: str) -> None:
    with pytest.raises(SystemExit) as caught:
        rpc.run(signalling(address, signal.SIGTERM, number), address)
    assert caught.value.code == 128 + number
    assert files(address) == []


def test_a_program_that_cannot_start_says_why(address: str) -> None:
    with pytest.raises(ValueError, match="nothing to serve on"):
        rpc.run(rpc.Service("calc"), [])
    with pytest.raises(OSError, match="nowhere"):
        rpc.run(rpc.Service("calc"), "unix:/nowhere/at/all")


PROGRAM = """
import signal, sys, time
import trio
import rpc

service = rpc.Service("calc")

@service.method
async def work(seconds: float) -> str:
    print("begun", flush=True)
    try:
        await trio.sleep(seconds)
    finally:
        print("ended", flush=True)
    return "done"

@service.method
async def shielded() -> None:
    with trio.CancelScope(shield=True):
        print("shielded", flush=True)
        await trio.sleep_forever()

@service.method(thread=True)
def in_thread() -> None:
    print("in_thread", flush=True)
    time.sleep(1000)

@service.lifespan
async def state():
    try:
        yield
    finally:
        print("closed", flush=True)

rpc.run(service, sys.argv[1])
print("returned", flush=True)
"""


class Program:
    """The program above, in a process of its own."""

    def __init__(self, address: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, address], stdout=subprocess.PIPE, text=True)

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await trio.to_thread.run_sync(self.process.stdout.readline)).strip()

    async def end(self) -> tuple[int, list[str]]:
        out, _ = await trio.to_thread.run_sync(self.process.communicate)
        return self.process.returncode, out.split()


@asynccontextmanager
async def program(address: str) -> AsyncGenerator[Program]:
    with trio.fail_after(30):
        started = Program(address)
        try:
            yield started
        finally:
            started.process.kill()
            started.process.wait()
            assert started.process.stdout is not None
            started.process.stdout.close()


async def test_the_first_signal_lets_calls_end(address: str) -> None:
    results: list[str] = []
    async with program(address) as started, rpc.connect(address, wait=30) as client, trio.open_nursery() as nursery:

        async def call() -> None:
            results.append(await client.call("calc.work", 0.2))

        nursery.start_soon(call)
        assert await started.line() == "begun"
        started.process.send_signal(signal.SIGTERM)
        assert await started.end() == (0, ["ended", "closed", "returned"])
    assert results == ["done"]
    assert files(address) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_second_signal_ends_all(number: signal.Signals, address: str) -> None:
    async with (
        program(address) as started,
        rpc.connect(address, wait=30) as client,
        rpc.connect(address) as impatient,
        trio.open_nursery() as nursery,
    ):

        async def call() -> None:
            with pytest.raises(rpc.Unavailable):
                await client.call("calc.work", 1000)

        nursery.start_soon(call)
        assert await started.line() == "begun"
        started.process.send_signal(signal.SIGTERM)
        with pytest.raises(rpc.Unavailable, match="cannot connect"):
            while True:
                await refused(impatient)
        started.process.send_signal(number)
        assert await started.end() == (128 + number, ["ended", "closed"])
    assert files(address) == []


async def refused(client: rpc.Client) -> None:
    """Raise once the server takes no more calls."""
    try:
        await client.call("calc.nothing")
    except rpc.Unimplemented:
        await trio.lowlevel.checkpoint()


def test_the_arguments_are_those_of_serve() -> None:
    arguments = inspect.signature(rpc.serve).parameters.values()
    options = {argument.name for argument in arguments if argument.kind is inspect.Parameter.KEYWORD_ONLY}
    assert set(Options.__annotations__) == options - {"stop"}


@pytest.mark.parametrize("method", ["shielded", "in_thread"])
async def test_the_second_signal_ends_also_who_cannot_be_cancelled(method: str, address: str) -> None:
    async with program(address) as started, rpc.connect(address, wait=30) as client, trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(rpc.Unavailable):
                await client.call(f"calc.{method}")

        nursery.start_soon(call)
        assert await started.line() == method
        async with rpc.connect(address) as impatient:
            started.process.send_signal(signal.SIGTERM)
            with pytest.raises(rpc.Unavailable):
                while True:  # until it drains
                    await impatient.call("calc.work", 0)
            started.process.send_signal(signal.SIGINT)
            code, _ = await started.end()
        assert code == -signal.SIGINT
