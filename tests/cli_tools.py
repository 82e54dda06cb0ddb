"""What the tests of the command line share: commands in this process, a server in a thread, programs of their own."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import trio
from click.testing import CliRunner, Result

import rpc
from rpc.cli import main

PATIENCE = 15.0
"""Seconds after which something that must come is given up; it is never waited for to the end where all is well."""


def rpc_command(*words: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, list(words))


@contextmanager
def serving(
    service: rpc.Service | Sequence[rpc.Service], bind: Sequence[str], *, debug: bool = False, **options: Any
) -> Iterator[list[str]]:
    """Serve in a thread, for commands that run their own event loop; gives the bound addresses."""
    started: queue.Queue[list[str]] = queue.Queue()
    stop = trio.Event()

    async def serve() -> None:
        tokens.put(trio.lowlevel.current_trio_token())
        async with trio.open_nursery() as nursery:
            started.put(await nursery.start(partial(rpc.serve, service, bind, stop=stop, debug=debug, **options)))

    tokens: queue.Queue[trio.lowlevel.TrioToken] = queue.Queue()
    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    try:
        yield started.get(timeout=PATIENCE)
    finally:
        tokens.get(timeout=PATIENCE).run_sync_soon(stop.set)
        thread.join(PATIENCE)


class Program:
    """``python -m rpc`` with some words in a process of its own, whose output is read as it comes."""

    def __init__(self, *words: str, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rpc", *words],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,)) for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str] | None) -> None:
        assert stream is not None
        with stream:
            for line in stream:
                self._lines.put(line.rstrip("\n"))

    def wait_for(self, text: str) -> str:
        """The first line, from here on, that has this text."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            if text in line:
                return line

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that makes no line, while the program runs."""
        give_up = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < give_up
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)

    def end(self) -> tuple[int, list[str]]:
        """Wait for its end: the exit code, and the lines that were not waited for."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code, list(self._lines.queue)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.end()
