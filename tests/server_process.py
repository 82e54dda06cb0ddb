"""A server in a process of its own, and what it prints."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

import rpc

BOUND = 60.0
"""Seconds after which a test that waits for a process has failed."""


@attrs.define
class Server:
    """A server process and the lines that it prints."""

    process: trio.Process
    address: str
    _rest: bytes = b""

    async def heard(self, word: str) -> float:
        """Wait for a line of the server's that begins with `word`; gives its time."""
        while True:
            said, moment = await self.next()
            if said == word:
                return moment

    async def next(self) -> tuple[str, float]:
        """The next line of the server's: a word and its time."""
        assert self.process.stdout is not None
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                said, _, moment = line.decode().partition(" ")
                return said, float(moment)
            data = await self.process.stdout.receive_some()
            assert data, "the server has ended"
            self._rest += data


@asynccontextmanager
async def server_process(address: str, module: str = "tests.served") -> AsyncGenerator[Server]:
    with trio.fail_after(BOUND):
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", module, address],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
        )
        try:
            async with rpc.connect(address, wait=BOUND):
                yield Server(process, address)
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            assert process.stdout is not None
            await process.stdout.aclose()
