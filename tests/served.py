"""A server in a process of its own, where the process is the point: ``python -m tests.served ADDRESS``.

What its handlers see is printed, a line each, with the time of the clock that all processes of a host share.
"""

from __future__ import annotations

import sys
import time

import trio

import rpc

probe = rpc.Service("probe")


def tell(word: str) -> None:
    print(word, time.monotonic(), flush=True)


@probe.method
def add(a: int, b: int) -> int:
    return a + b


@probe.method
async def add_async(a: int, b: int) -> int:
    await trio.lowlevel.checkpoint()
    return a + b


@probe.method
def echo(data: bytes) -> bytes:
    return data


@probe.method
def make(size: int) -> bytes:
    return bytes(size)


@probe.method
async def sleep(seconds: float) -> None:
    tell("started")
    try:
        await trio.sleep(seconds)
    except trio.Cancelled:
        tell("cancelled")
        raise


@probe.method
async def count_tasks() -> int:
    """Tasks of this process, without those of trio itself."""
    await trio.lowlevel.checkpoint()
    root = trio.lowlevel.current_root_task()
    assert root is not None
    waiting, count = [root], 0
    while waiting:
        task = waiting.pop()
        count += 1
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return count


if __name__ == "__main__":
    rpc.run(probe, sys.argv[1:], limits=rpc.Limits(max_connections=2000))
