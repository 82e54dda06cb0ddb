"""Arrays: numpy computes in another process, and its arrays go there and come back as they are.

In two terminals, in the same directory, with numpy installed::

    python examples/arrays.py
    python examples/arrays.py 440

The first one serves, the second sends it a noisy tone of 440 Hz and asks which it is. The memory of an array is sent
without being copied, and what arrives is a read-only view of the bytes that came.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import trio
from numpy.typing import NDArray

import rpc

ADDRESS = "unix:signals.sock"

RATE = 8000
"""Samples in a second."""

signals = rpc.Service("signals")


@signals.method(thread=True)
def spectrum(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """How loud each frequency is, from 0 Hz to half the rate."""
    if samples.ndim != 1 or not samples.size:
        raise rpc.InvalidArgument("samples are an array of one dimension, and at least one of them")
    return np.abs(np.fft.rfft(samples)) / samples.size


@signals.method(thread=True)
def windows(samples: NDArray[np.float64], size: int) -> Iterator[NDArray[np.float64]]:
    """The spectrum of each stretch of so many samples, as soon as it is computed."""
    if size < 1:
        raise rpc.InvalidArgument("a stretch has at least one sample")
    for start in range(0, len(samples) - size + 1, size):
        yield np.abs(np.fft.rfft(samples[start : start + size])) / size


def tone(frequency: float, seconds: float = 4) -> NDArray[np.float64]:
    """A tone behind noise that is louder."""
    moments = np.arange(int(RATE * seconds)) / RATE
    return np.sin(2 * np.pi * frequency * moments) + np.random.default_rng(1).normal(size=moments.size)


def loudest(loudness: NDArray[np.float64]) -> float:
    """The frequency that is the loudest of a spectrum, in Hz."""
    return float(np.argmax(loudness)) * RATE / 2 / (len(loudness) - 1)


async def listen(frequency: float, address: str = ADDRESS) -> None:
    """Send a tone and print what is heard: in all of it, and second by second."""
    samples = tone(frequency)
    async with rpc.connect(address, wait=5) as client:
        print(f"all of it: {loudest(await client.call(spectrum, samples)):.1f} Hz")
        async with client.stream(windows, samples, RATE) as seconds:
            async for loudness in seconds:
                print(f"a second: {loudest(loudness):.1f} Hz", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        trio.run(listen, float(sys.argv[1]))
    else:
        rpc.run(signals, ADDRESS)
