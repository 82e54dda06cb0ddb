"""Restarts: the count goes on, whatever becomes of the server."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

import rpc
from examples import restart
from tests.example_tools import EXAMPLES


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the server has its socket, and its count."""
    return tmp_path


@contextmanager
def running(directory: Path, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """The example in a process of its own."""
    command = [sys.executable, str(EXAMPLES / "restart.py"), *arguments]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def told(client: subprocess.Popen[str]) -> str:
    """A line that the client prints."""
    assert client.stdout is not None
    return client.stdout.readline().rstrip()


async def test_the_count_goes_on(directory: Path) -> None:
    with running(directory, "count") as client:
        with running(directory) as server:
            assert [told(client) for _ in range(3)] == ["1", "2", "3"]
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
        with running(directory) as server:
            number = int(told(client))
            while number < 10:
                before, number = number, int(told(client))
                assert number == before + 1
            server.kill()
        with running(directory):
            while (line := told(client)).isdecimal():
                pass
            failure, count = line.split(": it stands at ")
            assert failure.startswith("the connection was lost: ")
            assert told(client) == str(int(count) + 1)


async def test_where_there_is_no_server_any_more_the_client_says_so(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(rpc.serve, restart.counter, restart.ADDRESS)
            async with rpc.connect(restart.ADDRESS, reconnect=True) as client:
                assert await client.call(restart.add, 2) == 2
                nursery.cancel_scope.cancel()
                with trio.CancelScope(shield=True), pytest.raises(rpc.Unavailable, match=r"lost|cannot connect"):
                    while True:
                        await client.call(restart.total)
