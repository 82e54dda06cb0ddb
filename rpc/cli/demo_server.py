"""The other process of ``rpc demo``: ``rpc serve``, started and stopped."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import click
import trio

from rpc.cli.failure import ExitCode, Failure
from rpc.net.background import open_background

__all__ = ["Server", "open_server"]

_LISTENING = "listening on "


@attrs.frozen(eq=False)
class Server:
    """A server in a process of its own.

    Attributes:
        process: it.
        command: what was run, as one would type it.
        unix, udp: its addresses.
        path: its socket file.
        startup: seconds from its start until it listened.
    """

    process: trio.Process
    command: str
    unix: str
    udp: str
    path: Path
    startup: float

    async def stop(self) -> int:
        """Send it SIGTERM; gives its exit code once it has ended."""
        self.process.terminate()
        return await self.process.wait()


@asynccontextmanager
async def open_server(target: str) -> AsyncGenerator[Server]:
    """Serve a target on a Unix socket in a directory of its own, and on a free UDP port.

    At the end the process has ended and the directory is gone, however the block was left.

    Raises:
        Failure: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="rpc-demo-") as directory:
        path = Path(directory) / "cafe.sock"
        arguments = ["serve", target, "--bind", f"unix:{path}", "--bind", "udp://127.0.0.1:0"]
        async with open_background() as nursery:
            start = trio.current_time()
            process: trio.Process = await nursery.start(
                partial(
                    trio.run_process,
                    [sys.executable, "-m", "rpc", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    check=False,
                )
            )
            lines = _lines(process)
            unix, udp = await _addresses(lines)
            nursery.start_soon(_drain, lines)
            command = " ".join(["rpc", *arguments]).replace(" --bind", " \\\n    --bind")
            yield Server(process, command, unix, udp, path, trio.current_time() - start)


async def _lines(process: trio.Process) -> AsyncIterator[str]:
    assert process.stderr is not None
    rest = b""
    async for data in process.stderr:
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield click.unstyle(line.decode(errors="replace"))


async def _addresses(lines: AsyncIterator[str]) -> tuple[str, str]:
    """Wait until the server tells where it listens."""
    found: dict[str, str] = {}
    last = "it said nothing"
    async for line in lines:
        last = line
        if line.startswith(_LISTENING):
            address = line.removeprefix(_LISTENING).split()[0]
            found[address.partition(":")[0]] = address
        if len(found) == 2:
            return found["unix"], found["udp"]
    raise Failure(f"the server did not start: {last}", ExitCode.FAILED)


async def _drain(lines: AsyncIterator[str]) -> None:
    """Read what the server logs, so that it never waits for that; it is not a part of the show."""
    async for _ in lines:
        pass
