"""The program under test, as the suite sees it: lines in, lines out."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

__all__ = ["PATIENCE", "UnderTest", "started"]

PATIENCE = 10.0
"""Seconds for anything to come, on a machine that has much else to do."""

STARTING = 60.0
"""Seconds for the program to start in, which is far more work than anything that it is asked to do."""

ROOT = Path(__file__).parent.parent.parent

OURS = (sys.executable, "-m", "tests.conformance.application")


class UnderTest:
    """A program that serves and connects as it is told.

    Attributes:
        folder: where its Unix sockets are.
        addresses: of each server that it has been asked for, by its name.
    """

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, log: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.folder = folder
        self.addresses: dict[str, list[str]] = {}
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self._log = log
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._output, selectors.EVENT_READ)
        self._lines: list[dict[str, Any]] = []
        self._rest = b""

    def do(self, what: str, name: str, **more: Any) -> None:
        if what == "stop":
            del self.addresses[name]
        self._input.write(json.dumps({"do": what, "as": name, **more}).encode() + b"\n")
        self._input.flush()

    def next(self, name: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """What the program tells next of the part that has this name."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self._lines:
                if line["as"] == name:
                    self._lines.remove(line)
                    return line
            if not self._ready.select(max(0.0, deadline - time.monotonic())):
                raise AssertionError(f"nothing is told of {name}, but {self._lines}; the log:\n{self.log()}")
            data = self._output.read1(65_536)  # type: ignore[attr-defined]
            assert data, f"the program has ended; its log:\n{self.log()}"
            *whole, self._rest = (self._rest + data).split(b"\n")
            self._lines += map(json.loads, whole)

    def serve(self, name: str) -> list[str]:
        """The addresses of a server, a Unix socket and a TCP port, which is started where it does not run."""
        if name not in self.addresses:
            self.do("serve", name, at=[f"unix:{self.folder}/{name}", "tcp://127.0.0.1:0"])
            self.addresses[name] = self.next(name)["at"]
        return self.addresses[name]

    def settle(self) -> list[dict[str, Any]]:
        """Wait until the program has done all that it has to do; gives what it told and nobody has asked for."""
        self.do("settle", "suite")
        self.next("suite")
        left, self._lines = self._lines, []
        return left

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


@contextlib.contextmanager
def started(command: Sequence[str] = OURS) -> Iterator[UnderTest]:
    """Start a program to be tested, ours where no other is named, and end it afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="suite") as folder,
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT) as process,
    ):
        try:
            under_test = UnderTest(process, Path(folder), log)
            under_test.do("settle", "suite")
            under_test.next("suite", STARTING)
            yield under_test
        finally:
            process.kill()
