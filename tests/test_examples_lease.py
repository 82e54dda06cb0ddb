"""Leases: one holder at a time, whatever becomes of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

import rpc
from examples import lease
from tests.example_tools import EXAMPLES, serving


async def waiting(client: rpc.Client, number: int | None) -> None:
    """Wait until so many wait for the name."""
    while await client.call(lease.waiting, "backup") != number:
        pass


async def test_holders_follow_one_another(autojump_clock: trio.testing.MockClock) -> None:
    held: list[tuple[int, float]] = []

    async def hold() -> None:
        async with client.enter(lease.lease, "backup") as token:
            held.append((token, trio.current_time() - start))
            await trio.sleep(60)

    async with rpc.testing.client(lease.leases) as client:
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(hold)
                await waiting(client, number)
            async with client.enter(lease.lease, "restore") as token:
                assert token == 2
        assert held == [(1, 0), (3, 60), (4, 120)]
        assert await client.call(lease.waiting, "backup") is None


async def test_a_holder_that_fails_and_one_that_is_cancelled_let_go() -> None:
    async with rpc.testing.client(lease.leases) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.enter(lease.lease, "backup"):
                raise ZeroDivisionError
        with trio.CancelScope() as scope:
            async with client.enter(lease.lease, "backup"):
                scope.cancel()
                await trio.lowlevel.checkpoint()
        async with client.enter(lease.lease, "backup") as token:
            assert token == 3
        await waiting(client, None)


async def test_who_waits_no_longer_is_not_waited_for() -> None:
    async with rpc.testing.client(lease.leases) as client:
        async with client.enter(lease.lease, "backup"):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.enter(lease.lease, "backup").__aenter__)
                await waiting(client, 1)
                nursery.cancel_scope.cancel()
            await waiting(client, 0)
        await waiting(client, None)


@contextmanager
def holding(directory: Path) -> Generator[subprocess.Popen[bytes]]:
    """A process that holds the lease until its command, which is told so by its input, ends."""
    command = [sys.executable, str(EXAMPLES / "lease.py"), "backup", "cat; exit 3"]
    with subprocess.Popen(command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


async def told(process: subprocess.Popen[bytes]) -> str:
    """A line of what a process prints."""
    assert process.stdout is not None
    return (await trio.to_thread.run_sync(process.stdout.readline)).decode()


async def test_a_holder_that_is_killed_lets_go(tmp_path: Path) -> None:
    async with serving(lease.leases, f"unix:{tmp_path}/leases.sock") as [address]:
        with holding(tmp_path) as holder:
            assert await told(holder) == "backup is held, with the token 1\n"
            async with rpc.connect(address) as client, trio.open_nursery() as nursery:
                nursery.start_soon(enter_and_leave, client)
                await waiting(client, 1)
                holder.kill()
    assert holder.returncode == -9


async def enter_and_leave(client: rpc.Client) -> None:
    async with client.enter(lease.lease, "backup") as token:
        assert token == 2


async def test_the_holder_gives_the_exit_code_of_its_command(tmp_path: Path) -> None:
    async with serving(lease.leases, f"unix:{tmp_path}/leases.sock") as [address]:
        with holding(tmp_path) as holder:
            await told(holder)
            assert holder.stdin is not None
            holder.stdin.close()
            assert await trio.to_thread.run_sync(holder.wait) == 3
            async with rpc.connect(address) as client:
                await enter_and_leave(client)
