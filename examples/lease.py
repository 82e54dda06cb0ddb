"""Leases: of all processes that want to do something, one does it at a time.

In three terminals, in the same directory::

    python examples/lease.py
    python examples/lease.py backup 'echo one; sleep 10'
    python examples/lease.py backup 'echo two; sleep 10'

The second command waits for the first one, and need not wait if that is killed, with kill -9 for instance: what is held
by a process that is gone is free at once.

The other way round, a holder that has lost the server goes on and does not know that the lease is somebody else's. For
that there is the token: it rises from lease to lease, and what the lease protects can refuse one that is lower than the
highest it has seen.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator

import attrs
import trio

import rpc

ADDRESS = "unix:leases.sock"

leases = rpc.Service("leases")


@attrs.define
class Leases:
    """The locks that somebody holds, or waits for, by their names; and the last token."""

    locks: dict[str, trio.Lock] = attrs.field(factory=dict[str, trio.Lock])
    token: int = 0


@leases.lifespan
async def open_leases() -> AsyncGenerator[Leases]:
    yield Leases()


@leases.context
async def lease(context: rpc.Context[Leases], name: str) -> AsyncGenerator[int]:
    """Hold a name for as long as the block lasts; waits until it is free, behind those who waited before."""
    state = context.state
    lock = state.locks.setdefault(name, trio.Lock())
    try:
        async with lock:
            state.token += 1
            yield state.token
    finally:
        if not lock.locked():
            state.locks.pop(name, None)


@leases.method
def waiting(context: rpc.Context[Leases], name: str) -> int | None:
    """How many wait for a name; None if nobody holds it."""
    lock = context.state.locks.get(name)
    return lock and lock.statistics().tasks_waiting


async def hold(name: str, command: str, address: str = ADDRESS) -> int:
    """Run a shell command while a name is held, and give its exit code, as flock(1) does with a file."""
    async with rpc.connect(address, wait=5) as client, client.enter(lease, name) as token:
        print(f"{name} is held, with the token {token}", flush=True)
        process = await trio.run_process(command, shell=True, stdin=None, check=False)
    return process.returncode


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, command]:
            sys.exit(trio.run(hold, name, command))
        case _:
            rpc.run(leases, ADDRESS)
