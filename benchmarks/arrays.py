"""``python -m benchmarks.arrays``: a float64 array of 1,000,000 elements beside the same bytes as `bytes`.

Server and client are processes of their own with a Unix socket between them. Each round times every way once, so that
what else the machine does hits all alike; the ratio is that of the medians. It needs numpy.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import click
import numpy as np
import trio
from numpy.typing import NDArray

import rpc

_ELEMENTS = 1_000_000
_BOUND = 0.5
"""The least speed of an array as a part of that of the bytes."""

Numbers: TypeAlias = NDArray[np.float64]
Way: TypeAlias = Callable[[rpc.Client], Awaitable[object]]

_numbers: Numbers = np.arange(float(_ELEMENTS))
_grid: Numbers = _numbers.reshape(1000, -1)
_bytes = _numbers.tobytes()

_store = rpc.Service("store")


@_store.method
def put_bytes(data: bytes) -> int:
    return len(data)


@_store.method
def put_array(data: Numbers) -> int:
    return data.nbytes


@_store.method
def get_bytes() -> bytes:
    return _bytes


@_store.method
def get_array() -> Numbers:
    return _numbers


@_store.method
def get_grid() -> Numbers:
    return _grid


_PAIRS: list[tuple[str, Way, Way]] = [
    ("an argument", lambda client: client.call(put_array, _numbers), lambda client: client.call(put_bytes, _bytes)),
    (
        "an argument of 2 dimensions",
        lambda client: client.call(put_array, _grid),
        lambda client: client.call(put_bytes, _bytes),
    ),
    ("a result", lambda client: client.call(get_array), lambda client: client.call(get_bytes)),
    ("a result of 2 dimensions", lambda client: client.call(get_grid), lambda client: client.call(get_bytes)),
]
"""What is measured: with an array, and with bytes."""


def _serve(path: str) -> None:
    rpc.run(_store, f"unix:{path}")


async def _check(client: rpc.Client) -> None:
    assert await client.call(put_array, _grid) == await client.call(put_bytes, _bytes) == 8 * _ELEMENTS
    assert (await client.call(get_array)).tobytes() == await client.call(get_bytes)
    assert (await client.call(get_grid)).shape == _grid.shape


async def _time(client: rpc.Client, way: Way) -> float:
    start = time.perf_counter()
    await way(client)
    return time.perf_counter() - start


async def _measure(path: str, rounds: int) -> bool:
    fits = True
    async with rpc.connect(f"unix:{path}", wait=30) as client:
        await _check(client)
        times: dict[Any, list[float]] = {way: [] for _, *ways in _PAIRS for way in ways}
        for _ in range(rounds):
            for way, row in times.items():
                row.append(await _time(client, way))
    for name, array, plain in _PAIRS:
        with_array, with_bytes = statistics.median(times[array]), statistics.median(times[plain])
        speed = with_bytes / with_array
        fits = fits and speed >= _BOUND
        click.echo(
            f"{name}: {with_array * 1e3:.2f} ms as an array, {with_bytes * 1e3:.2f} ms as bytes;"
            f" {speed:.2f} of the speed (bound {_BOUND:g})"
        )
    return fits


@click.command()
@click.option("--rounds", default=50, show_default=True, help="How often each way is timed.")
def main(rounds: int) -> None:
    """Compare arrays with bytes; exit code 1 where an array has less than half the speed."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(path,))
        server.start()
        try:
            fits = trio.run(_measure, path, rounds)
        finally:
            server.terminate()
            server.join()
    raise SystemExit(not fits)


if __name__ == "__main__":
    main()
