"""Two services on one socket: a queue of work, and a cache of results that are good for a while.

In two terminals, in the same directory::

    python examples/two_services.py
    python examples/two_services.py client

Both have a `get` and a `put`: names belong to a service, ``queue.get`` and ``cache.get``. Each service has a state of
its own, opened before the first call and handed to its handlers only.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator

import attrs
import trio

import rpc

ADDRESS = "unix:work.sock"

# --- The queue ---------------------------------------------------------------------------------------------------

queue = rpc.Service("queue")


@attrs.frozen
class Lane:
    """Both ends of the queue."""

    entrance: trio.MemorySendChannel[str]
    exit: trio.MemoryReceiveChannel[str]


@queue.lifespan
async def open_queue() -> AsyncGenerator[Lane]:
    yield Lane(*trio.open_memory_channel[str](100))


@queue.method(name="put")
async def put_task(context: rpc.Context[Lane], task: str) -> None:
    """Add a task; waits while 100 of them are waiting."""
    await context.state.entrance.send(task)


@queue.method(name="get")
async def get_task(context: rpc.Context[Lane]) -> str:
    """Take the oldest task; waits for one. A caller that is cancelled while it waits takes none."""
    return await context.state.exit.receive()


# --- The cache ---------------------------------------------------------------------------------------------------

cache = rpc.Service("cache")

Entries = dict[str, tuple[str, float]]
"""Values, and when each of them expires, on trio's clock."""


@cache.lifespan
async def open_cache() -> AsyncGenerator[Entries]:
    yield {}


@cache.method(name="put")
def put_result(context: rpc.Context[Entries], key: str, value: str, seconds: float = 60.0) -> None:
    """Keep a value for so many seconds."""
    context.state[key] = value, trio.current_time() + seconds


@cache.method(name="get")
def get_result(context: rpc.Context[Entries], key: str) -> str:
    """The value of a key that has not expired."""
    value, expires = context.state.get(key, ("", 0.0))
    if trio.current_time() >= expires:
        context.state.pop(key, None)
        raise rpc.NotFound(f"there is no result for {key!r}")
    return value


# --- A client ----------------------------------------------------------------------------------------------------


async def main(address: str = ADDRESS) -> None:
    """Be the one who gives the work and the one who does it, over one connection."""
    async with rpc.connect(address, wait=5) as client:
        queue, cache = client.stub("queue"), client.stub("cache")
        await queue.put("paint the fence")
        task = await queue.get()
        await cache.put(task, "painted white", seconds=5)
        print(task, "->", await cache.get(task))


if __name__ == "__main__":
    if sys.argv[1:] == ["client"]:
        trio.run(main)
    else:
        rpc.run([queue, cache], ADDRESS)
