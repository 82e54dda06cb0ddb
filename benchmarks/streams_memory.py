"""``python -m benchmarks.streams_memory``: what streams cost in memory, on both sides of a Unix socket.

Server and client are processes of their own. Each scene prints by how much the resident memory of either has grown,
at the most, since it began; the bounds beside it are what the design asks for.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import attrs
import click
import trio

import rpc

_MIB = 1_048_576
_BLOCK = 65_536
_WINDOW = 262_144

_probe = rpc.Service("probe")


@_probe.method
def count(stop: int) -> Iterator[int]:
    yield from range(stop)


@_probe.method
async def total(numbers: AsyncIterable[int]) -> int:
    expected = 0
    async for number in numbers:
        assert number == expected
        expected += 1
    return expected


@_probe.method
async def blocks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(_BLOCK)


@_probe.method
async def take_slowly(pause: float, blocks: AsyncIterable[bytes]) -> int:
    taken = 0
    async for block in blocks:
        taken += len(block)
        await trio.sleep(pause)
    return taken


@_probe.method
def texts(count: int) -> Iterator[str]:
    for _ in range(count):
        yield "x"


@_probe.method
async def take_nothing(items: AsyncIterable[str]) -> None:
    await trio.sleep_forever()


@_probe.method
def add(a: int, b: int) -> int:
    return a + b


@_probe.method
def memory() -> int:
    return _resident()


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


@attrs.define
class Meter:
    """The growth of both processes, at the most, since the scene began."""

    client: rpc.Client
    start: tuple[int, int] = (0, 0)
    most: tuple[int, int] = (0, 0)

    async def begin(self) -> None:
        gc.collect()
        self.start = await self._look()
        self.most = self.start

    async def look(self) -> None:
        near, far = await self._look()
        self.most = max(near, self.most[0]), max(far, self.most[1])

    async def look_on(self) -> None:
        while True:
            await self.look()
            await trio.sleep(0.2)

    @property
    def growth(self) -> tuple[float, float]:
        """MiB, of the client and of the server."""
        near, far = self.most
        return (near - self.start[0]) / _MIB, (far - self.start[1]) / _MIB

    async def _look(self) -> tuple[int, int]:
        far = await self.client.call(memory)
        return _resident(), far


async def _each(stop: int) -> AsyncGenerator[int]:
    for number in range(stop):
        yield number


async def _take(client: rpc.Client, stop: int) -> None:
    expected = 0
    async with client.stream(count, stop) as numbers:
        async for number in numbers:
            assert number == expected
            expected += 1
    assert expected == stop


async def small_items_out(client: rpc.Client, meter: Meter, scale: float) -> None:
    await _take(client, 50_000)
    await meter.begin()
    await _take(client, int(1_000_000 * scale))


async def small_items_in(client: rpc.Client, meter: Meter, scale: float) -> None:
    assert await client.call(total, _each(50_000)) == 50_000
    await meter.begin()
    stop = int(1_000_000 * scale)
    assert await client.call(total, _each(stop)) == stop


async def slow_consumer_here(client: rpc.Client, meter: Meter, scale: float) -> None:
    await meter.begin()
    left = wanted = int(1024 * scale)
    async with client.stream(blocks, wanted) as items:
        async for _ in items:
            left -= 1
            await trio.sleep(0.01)
    assert left == 0


async def slow_consumer_there(client: rpc.Client, meter: Meter, scale: float) -> None:
    async def blocks() -> AsyncGenerator[bytes]:
        for _ in range(wanted):
            yield bytes(_BLOCK)

    await meter.begin()
    wanted = int(1024 * scale)
    assert await client.call(take_slowly, 0.01, blocks()) == wanted * _BLOCK


async def unread_here(client: rpc.Client, meter: Meter, scale: float) -> None:
    await meter.begin()
    async with client.stream(texts, 1_000_000) as items:
        await trio.sleep(5)
        await meter.look()
        for _ in range(_WINDOW // 2):  # they were all there
            assert await anext(items) == "x"


async def unread_there(client: rpc.Client, meter: Meter, scale: float) -> None:
    given = 0

    async def texts() -> AsyncGenerator[str]:
        nonlocal given
        while True:
            given += 1
            yield "x"

    await meter.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.call, "probe.take_nothing", texts())
        while given <= _WINDOW // 2:
            await trio.lowlevel.checkpoint()
        await trio.sleep(1)
        assert given == _WINDOW // 2 + 1
        await meter.look()
        nursery.cancel_scope.cancel()


async def crowd(client: rpc.Client, meter: Meter, scale: float) -> None:
    """64 streams, one of them never read, and 64 callers; the first run has no unread stream."""

    async def call(turns: int) -> None:
        for turn in range(turns):
            assert await client.call(add, turn, 1) == turn + 1

    async def everyone() -> float:
        start = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(63):
                nursery.start_soon(_take, client, int(2000 * scale))
                nursery.start_soon(call, int(200 * scale))
            nursery.start_soon(call, int(200 * scale))
        return time.perf_counter() - start

    await everyone()
    await meter.begin()
    ratios: list[float] = []
    for _ in range(5):
        alone = await everyone()
        async with client.stream(blocks, 10_000) as unread:
            beside = await everyone()
            await anext(unread)
        ratios.append(beside / alone)
    click.echo(f"    beside a stream that is never read: {sorted(ratios)[2]:.2f} times as long (median of 5)")


Scene = Callable[[rpc.Client, Meter, float], Awaitable[None]]

_SCENES: list[tuple[str, Scene, float]] = [
    ("1,000,000 small integers, server to client", small_items_out, 4),
    ("1,000,000 small integers, client to server", small_items_in, 4),
    ("64 MiB in items of 64 KiB, the client takes 10 ms for each", slow_consumer_here, 8),
    ("64 MiB in items of 64 KiB, the handler takes 10 ms for each", slow_consumer_there, 8),
    ("131,072 two-byte items that the client does not read", unread_here, 8),
    ("131,072 two-byte items that the handler does not read", unread_there, 8),
    ("64 streams, one never read, and 64 callers", crowd, 8),
]


def _serve(path: str) -> None:
    rpc.run(_probe, f"unix:{path}")


async def _play(path: str, scale: float, only: str) -> bool:
    fits = True
    for name, scene, bound in _SCENES:
        if only not in name:
            continue
        async with rpc.connect(f"unix:{path}", wait=30) as client, _metered(client) as meter:
            start = time.perf_counter()
            await scene(client, meter, scale)
            seconds = time.perf_counter() - start
            await meter.look()
        near, far = meter.growth
        fits = fits and max(near, far) < bound
        click.echo(f"{name}: client {near:+.2f} MiB, server {far:+.2f} MiB (bound {bound:g}); {seconds:.1f} s")
    return fits


@asynccontextmanager
async def _metered(client: rpc.Client) -> AsyncGenerator[Meter]:
    meter = Meter(client)
    await meter.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(meter.look_on)
        yield meter
        nursery.cancel_scope.cancel()


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="16 makes 1 GiB of the 64 MiB.")
@click.option("--only", default="", help="Only scenes whose name holds this.")
def main(scale: float, only: str) -> None:
    """Measure the memory of streams; exit code 1 where a bound is passed."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(path,))
        server.start()
        try:
            fits = trio.run(_play, path, scale, only)
        finally:
            server.terminate()
            server.join()
    raise SystemExit(not fits)


if __name__ == "__main__":
    main()
