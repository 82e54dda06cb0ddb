"""What the tests of faults share: processes to hurt, a canary, meters, and peers that speak by hand."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

import rpc
from rpc.address import Scheme, parse
from rpc.server.builtin import Statistics, stats
from rpc.wire.frames import Fields, decode
from rpc.wire.framing import FrameReader
from tests.raw_peer import HELLO

__all__ = ["KIB", "LONG", "MIB", "Canary", "Nest", "Process", "RawClient", "canary", "frames_until", "raw", "sized"]
__all__ += ["close_raw_clients", "lasting_port", "metronome", "report", "statistics", "until"]

LONG = os.environ.get("FAULTS") == "long"
"""Whether this is the long form, with the full numbers and the times that are the defaults."""

KIB, MIB = 1024, 1_048_576

_TICKS = os.sysconf("SC_CLK_TCK")


def sized(short: int, long: int) -> int:
    """A number for this form of the tests."""
    return long if LONG else short


def report(what: str, **figures: float) -> None:
    """Print what was measured; the long form shows it."""
    print(f"  {what}: " + ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items()))


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float, what: str) -> float:
    """Wait until something is so, and give the seconds that it took."""
    start = trio.current_time()
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return trio.current_time() - start
        assert trio.current_time() - start < seconds, f"not within {seconds} s: {what}"
        await trio.sleep(0.02)


@attrs.define
class Metronome:
    """How late this process was woken at worst: so much of a time that it has measured may be the machine's."""

    late: float = 0.0

    async def beat(self) -> None:
        while True:
            due = trio.current_time() + 0.01
            await trio.sleep_until(due)
            self.late = max(self.late, trio.current_time() - due)


@asynccontextmanager
async def metronome() -> AsyncGenerator[Metronome]:
    """One that beats throughout the block."""
    beats = Metronome()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(beats.beat)
        yield beats
        nursery.cancel_scope.cancel()


# --- Processes -------------------------------------------------------------------------------------------------


@attrs.frozen
class Process:
    """A child of the nest, and its meters."""

    pid: int
    bound: list[str]
    log: Path

    def send(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    @property
    def resident(self) -> int:
        """Bytes of memory of its own that are resident."""
        [line] = [line for line in self._read("status").splitlines() if line.startswith("RssAnon:")]
        return int(line.split()[1]) * KIB

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def processor(self) -> float:
        """Seconds of processor time so far."""
        user, system = self._read("stat").rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS

    @property
    def logged(self) -> list[str]:
        """The lines of its log."""
        return self.log.read_text().splitlines()

    def _read(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()


class Nest:
    """Starts processes; see `tests.faults.nest`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one_at_a_time = trio.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nest"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent,
        )

    def path(self, name: str) -> Path:
        """A new path of that name."""
        return self._folder / f"{name}{time.monotonic_ns()}"

    async def start(self, role: str, **options: Any) -> Process:
        """Start a process, and wait until it is ready.

        Raises:
            RuntimeError: it could not begin; the message has its traceback.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log = self.path("log")
        order = json.dumps({"role": role, "log": str(log), "options": options}).encode() + b"\n"
        async with self._one_at_a_time:
            self._process.stdin.write(order)
            self._process.stdin.flush()
            with trio.fail_after(60, shield=True):  # whoever gave up would leave the answer to the next one
                line = await trio.to_thread.run_sync(self._process.stdout.readline, abandon_on_cancel=True)
        answer = json.loads(line)
        if "failure" in answer:
            raise RuntimeError(answer["failure"])
        return Process(log=log, **answer)

    @asynccontextmanager
    async def serving(
        self, *bind: str, limits: dict[str, Any] | None = None, **options: Any
    ) -> AsyncGenerator[Process]:
        """A server, on a Unix socket where nothing is said."""
        bind = bind or (f"unix:{self.path('socket')}",)
        process = await self.start("serve", bind=bind, limits=limits or {}, **options)
        try:
            yield process
            assert not [line for line in process.logged if "Traceback" in line], process.log.read_text()
        finally:
            process.kill()

    def close(self) -> None:
        """End what is left."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def lasting_port() -> int:
    """A free TCP port that servers can have one after the other: the system gives none of these to clients."""
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(20_000, 30_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


async def statistics(client: rpc.Client) -> Statistics:
    """What the server tells of itself."""
    return await client.call(stats)


# --- The canary --------------------------------------------------------------------------------------------------


@attrs.define
class Canary:
    """What the canary has seen; complete when the block is over."""

    process: Process
    took: list[float] = attrs.field(factory=list)
    late: float = 0.0
    errors: list[str] = attrs.field(factory=list)

    @property
    def calls(self) -> int:
        return len(self.took)

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the calls has ended."""
        return self.took[math.ceil(share * len(self.took)) - 1]


@asynccontextmanager
async def canary(nest: Nest, server: Process, *, bound: float = 0.5) -> AsyncGenerator[Canary]:
    """A client of the server's that calls every 10 ms, in a process of its own, throughout the block.

    None of its calls may fail. `bound` is for the 99th percentile, on a machine that has other things to do, and lets
    the canary itself wait at times; what it was is reported.
    """
    path = nest.path("report")
    bird = Canary(await nest.start("canary", address=server.bound[0], report=str(path)))
    try:
        yield bird
        bird.process.send(signal.SIGTERM)
        await until(path.exists, 10, "the canary reports")
        told = json.loads(path.read_text())
        bird.took, bird.errors, bird.late = told["took"], told["errors"], told["late"]
    finally:
        bird.process.kill()
    figures = {
        "p50_ms": bird.percentile(0.5) * 1e3,
        "p99_ms": bird.percentile(0.99) * 1e3,
        "longest_ms": bird.took[-1] * 1e3,
        "late_ms": bird.late * 1e3,
    }
    report("canary", calls=bird.calls, errors=len(bird.errors), **figures)
    assert not bird.errors, bird.errors[:5]
    assert bird.percentile(0.99) < bound + bird.late


# --- Peers that speak by hand --------------------------------------------------------------------------------------


@attrs.define(eq=False)
class RawClient:
    """A socket that has said something."""

    stream: trio.SocketStream
    reader: FrameReader = attrs.field(factory=lambda: FrameReader(MIB))
    is_greeted: bool = False

    def __attrs_post_init__(self) -> None:
        _raw_clients.add(self)

    async def say(self, *spoken: bytes) -> None:
        await self.stream.send_all(b"".join(spoken))

    async def hear(self) -> list[Fields] | None:
        """The frames of one read behind the HELLO; None when the other side has closed."""
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError:
            return None
        bodies = list(self.reader.bodies(data))
        if bodies and not self.is_greeted:
            self.is_greeted = True
            bodies.pop(0)
        heard = [fields for body in bodies if (fields := decode(body)) is not None]
        return heard if data else None

    def close(self, *, reset: bool = False) -> None:
        """Close the socket, in order or with a reset."""
        if reset and self.stream.socket.fileno() >= 0:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.stream.socket.close()


_raw_clients: weakref.WeakSet[RawClient] = weakref.WeakSet()


def close_raw_clients() -> None:
    """Close what a test has left open that failed: it would be found, and blamed, in one of those behind it."""
    for client in list(_raw_clients):
        client.close()


async def raw(address: str, *spoken: bytes) -> RawClient:
    """Connect, and say HELLO where nothing else is wanted.

    A server that lets nobody in may have closed the connection before a word was said: what it told is there to hear.
    """
    target = parse(address)
    is_path = target.scheme is Scheme.UNIX
    plain = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET)
    try:
        plain.setblocking(False)
        sock = trio.socket.from_stdlib_socket(plain)
        if is_path:
            while plain.connect_ex(target.path):  # noqa: ASYNC110 - the queue of the server is full
                await trio.sleep(0.01)
        else:
            await sock.connect((target.host, target.port))
        client = RawClient(trio.SocketStream(sock))
        with contextlib.suppress(trio.BrokenResourceError):
            await client.say(*(spoken or (HELLO,)))
    except BaseException:
        plain.close()
        raise
    return client


async def frames_until(client: RawClient, count: int) -> list[Fields]:
    """The next frames, as many, or fewer where the connection ends."""
    heard: list[Fields] = []
    while len(heard) < count:
        more = await client.hear()
        if more is None:
            break
        heard += more
    return heard
