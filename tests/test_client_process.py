from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

import rpc
from rpc.errors import Processed
from tests.process_worker import add, ask, countdown, environment, hold, leave, peer, whisper, write

ROOT = Path(__file__).parent.parent

near = rpc.Service("near")


@near.method
def double(number: int) -> int:
    return 2 * number


def worker(**options: Any) -> AbstractAsyncContextManager[rpc.Client]:
    return rpc.connect_process([sys.executable, "-m", "tests.process_worker"], cwd=ROOT, **options)


def pid_of(client: rpc.Client) -> int:
    assert client.peer.pid is not None
    return client.peer.pid


def is_gone(pid: int) -> bool:
    """Whether a process is no more, not even as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(params=[False, True], ids=["socket", "pipes"])
def pipes(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(autouse=True)
async def bound() -> AsyncIterator[None]:
    with trio.fail_after(60):
        yield


# --- While it runs -------------------------------------------------------------------------------------------------


async def test_calls_streams_and_callbacks(pipes: bool) -> None:
    async with worker(pipes=pipes, services=near, env={**os.environ, "COLOUR": "green"}) as client:
        assert await client.call(add, 2, 3) == 5
        assert await client.call(environment, "COLOUR") == "green"
        async with client.stream(countdown, 3) as numbers:
            assert [number async for number in numbers] == [3, 2, 1]
        assert await client.call(ask, 21) == 42
        assert client.peer.address == f"process:{client.peer.pid}"
        assert client.peer.transport == ("pipe" if pipes else "unix")
        assert (client.peer.uid, client.peer.gid) == (os.geteuid(), os.getegid())
        told = await client.call(peer)
    assert told == (("pipe", None, os.getpid()) if pipes else ("unix", os.getpid(), os.getpid()))


async def test_standard_streams_do_no_harm(pipes: bool, tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    with printed.open("w") as file:
        where: dict[str, Any] = {"stderr": file} if pipes else {"stdout": file}
        async with worker(pipes=pipes, **where) as client:
            assert await client.call(whisper, "hush") == ""
            assert await client.call(add, 1, 1) == 2
    assert printed.read_text() == "hush by print\nhush by a child\n"


# --- Its end -------------------------------------------------------------------------------------------------------


async def test_a_notification_just_before_the_end_still_runs(pipes: bool, tmp_path: Path) -> None:
    async with worker(pipes=pipes) as client:
        await client.notify(write, tmp_path / "note", "done")
    assert (tmp_path / "note").read_text() == "done"
    assert is_gone(pid_of(client))


async def test_a_cancelled_block_stops_handlers_and_leaves_no_process(tmp_path: Path) -> None:
    pid = 0
    with trio.CancelScope() as scope:
        async with worker() as client, client.stream(hold, tmp_path / "note") as words:
            pid = pid_of(client)
            assert await anext(words) == "held"
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert (tmp_path / "note").read_text() == "let go"
    assert is_gone(pid)


async def test_an_exception_of_the_block_comes_out_as_it_is() -> None:
    pid = 0
    with pytest.raises(KeyError, match="mine"):
        async with worker() as client:
            pid = pid_of(client)
            raise KeyError("mine")
    assert is_gone(pid)


# --- Its death -----------------------------------------------------------------------------------------------------


async def test_a_crash_ends_open_calls_with_the_exit_status(pipes: bool, tmp_path: Path) -> None:
    async with worker(pipes=pipes) as client:
        async with client.stream(hold, tmp_path / "note") as words:
            assert await anext(words) == "held"
            with pytest.raises(rpc.Unavailable, match="the process exited with 3") as caught:
                await client.call(leave, 3)
            assert caught.value.processed == Processed.UNKNOWN
            with pytest.raises(rpc.Unavailable, match="the process exited with 3"):
                await anext(words)
        with pytest.raises(rpc.Unavailable, match="the process exited with 3") as caught:
            await client.call(add, 1, 2)
        assert caught.value.processed == Processed.NOT_PROCESSED
    assert is_gone(pid_of(client))


async def test_a_kill_ends_open_calls_with_its_signal(tmp_path: Path) -> None:
    async with worker() as client, client.stream(hold, tmp_path / "note") as words:
        assert await anext(words) == "held"
        os.kill(pid_of(client), signal.SIGKILL)
        with pytest.raises(rpc.Unavailable, match="the process was killed by SIGKILL"):
            await anext(words)
    assert not (tmp_path / "note").exists()


async def test_sigterm_drains() -> None:
    async with worker() as client:
        async with client.stream(countdown, 2) as numbers:
            assert await anext(numbers) == 2
            os.kill(pid_of(client), signal.SIGTERM)
            assert await anext(numbers) == 1
        with pytest.raises(rpc.Unavailable) as caught:
            while True:
                await client.call(add, 1, 2)
        assert caught.value.processed == Processed.NOT_PROCESSED


# --- No start ------------------------------------------------------------------------------------------------------


async def refusal(*command: str, **options: Any) -> rpc.Unavailable:
    with pytest.raises(rpc.Unavailable) as caught:
        async with rpc.connect_process(command, **options):
            pass  # pragma: no cover
    assert caught.value.processed == Processed.NOT_PROCESSED
    return caught.value


async def test_a_command_that_does_not_exist(pipes: bool) -> None:
    error = await refusal("no-such-command", pipes=pipes)
    assert error.message == "cannot start 'no-such-command': No such file or directory"
    assert isinstance(error.__cause__, FileNotFoundError)


async def test_a_process_that_exits_before_it_speaks(pipes: bool) -> None:
    error = await refusal("sh", "-c", "exit 5", pipes=pipes)
    assert error.message.endswith(": the process exited with 5")


async def test_a_process_that_says_nothing(pipes: bool) -> None:
    error = await refusal("sleep", "60", pipes=pipes, wait=0.05, grace=0.05)
    assert error.message.endswith(": no HELLO came in time")


async def test_a_process_that_speaks_something_else() -> None:
    error = await refusal("sh", "-c", "echo how do you do; cat >&2", pipes=True, stderr=subprocess.DEVNULL)
    assert "the peer sends text in place of frames: 'how do you do" in error.message
    assert isinstance(error.__cause__, rpc.ProtocolError)
