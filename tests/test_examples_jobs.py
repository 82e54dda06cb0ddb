"""The job runner: real processes, real time."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
import trio

import rpc
from examples import jobs
from tests.example_tools import serving


class Witness:
    """A named pipe that a command holds open: it tells when the command has begun, and when all of it is gone."""

    def __init__(self, directory: Path) -> None:
        path = directory / "witness"
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.command = f"exec 3>{path}; echo begun >&3; sleep 60; echo not reached"

    async def begun(self) -> None:
        await trio.lowlevel.wait_readable(self._descriptor)
        assert os.read(self._descriptor, 100) == b"begun\n"

    async def ended(self) -> None:
        await trio.lowlevel.wait_readable(self._descriptor)
        assert os.read(self._descriptor, 100) == b""

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def witness(tmp_path: Path) -> Generator[Witness]:
    witness = Witness(tmp_path)
    yield witness
    witness.close()


async def test_a_job_is_followed_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(jobs.jobs, f"unix:{tmp_path}/jobs.sock") as [address]:
        assert await jobs.follow(r"echo one; printf 'two\n\nfo'; echo ur >&2; printf five; exit 3", address) == 3
    assert capsys.readouterr().out == "one\ntwo\n\nfour\nfive\n"


async def test_the_output_of_a_job_comes_from_any_line_on() -> None:
    with trio.fail_after(10):
        async with rpc.testing.client(jobs.jobs) as client:
            number = await client.call(jobs.start, "echo 1; echo 2; echo 3; exit 4")
            assert await client.call(jobs.wait, number) == 4
            for since in range(5):
                async with client.stream(jobs.output, number, since=since) as lines:
                    assert [line async for line in lines] == ["1", "2", "3"][since:]


async def test_a_cancelled_job_takes_all_its_processes_along(witness: Witness) -> None:
    with trio.fail_after(10):
        async with rpc.testing.client(jobs.jobs) as client:
            number = await client.call(jobs.start, witness.command)
            await witness.begun()
            await client.call(jobs.cancel, number)
            await witness.ended()
            assert await client.call(jobs.wait, number) == -15
            await client.call(jobs.cancel, number)


async def test_a_job_that_will_not_end_is_killed(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GRACE", 0)
    with trio.fail_after(10):
        async with rpc.testing.client(jobs.jobs) as client:
            number = await client.call(jobs.start, f"trap '' TERM; {witness.command}")
            await witness.begun()
            await client.call(jobs.cancel, number)
            await witness.ended()


async def test_a_job_outlives_its_caller_but_not_the_service(witness: Witness, tmp_path: Path) -> None:
    async with serving(jobs.jobs, f"unix:{tmp_path}/jobs.sock") as [address]:
        async with rpc.connect(address) as client:
            number = await client.call(jobs.start, f"echo hello; {witness.command}")
            await witness.begun()
        async with rpc.connect(address) as client, client.stream(jobs.output, number) as lines:
            assert await anext(lines) == "hello"
    with trio.fail_after(10):
        await witness.ended()


async def test_run_gives_the_whole_output() -> None:
    with trio.fail_after(10):
        async with rpc.testing.client(jobs.jobs) as client:
            assert await client.call(jobs.run, "echo one; echo two; exit 7") == jobs.Finished("one\ntwo", 7)


async def test_run_ends_its_command_when_the_caller_gives_up(witness: Witness) -> None:
    with trio.fail_after(10):
        async with rpc.testing.client(jobs.jobs) as client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.call, "jobs.run", witness.command)
                await witness.begun()
                nursery.cancel_scope.cancel()
            await witness.ended()


async def test_run_ends_its_command_when_the_connection_is_gone(witness: Witness, tmp_path: Path) -> None:
    async def run_in_vain(client: rpc.Client) -> None:
        with pytest.raises(rpc.Unavailable) as caught:
            await client.call(jobs.run, witness.command)
        assert caught.value.processed is rpc.Processed.UNKNOWN

    async with serving(jobs.jobs, f"unix:{tmp_path}/jobs.sock") as [address], trio.open_nursery() as nursery:
        async with rpc.connect(address) as client:
            nursery.start_soon(run_in_vain, client)
            await witness.begun()
        await witness.ended()


async def test_unknown_jobs_and_bad_commands_are_told() -> None:
    with trio.fail_after(10):
        async with rpc.testing.client(jobs.jobs) as client:
            with pytest.raises(rpc.NotFound, match="there is no job 7"):
                await client.call(jobs.wait, 7)
            with pytest.raises(rpc.RemoteError) as caught:
                await client.call(jobs.start, "echo \0")
            assert caught.value.type == "ValueError"
            assert await client.call(jobs.start, "true") == 1


async def test_who_stops_following_ends_the_job(witness: Witness, tmp_path: Path) -> None:
    async with serving(jobs.jobs, f"unix:{tmp_path}/jobs.sock") as [address]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(jobs.follow, witness.command, address)
            await witness.begun()
            nursery.cancel_scope.cancel()
        await witness.ended()
