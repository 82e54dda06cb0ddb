"""Restarts: a client that calls on while its server is stopped and started again, and while it is killed.

In two terminals, in the same directory::

    while python examples/restart.py; do :; done
    python examples/restart.py count

Then end the server as often as you like. ``pkill -TERM -f 'restart.py$'`` has it stop as a new version of it would: it
lets the calls that it has taken come to their end, the client waits for the next server, and no call fails.
``pkill -KILL`` takes calls along: of those nobody knows whether they ran, and the client is told so; except for
`total`, which is declared idempotent, as to read twice does no harm.

The server keeps its count in a file, so what the client prints goes on where it was.
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

import rpc

ADDRESS = "unix:restart.sock"
COUNT = Path("restart.count")

counter = rpc.Service("counter")


@counter.method
async def add(number: int) -> int:
    """Add to the count."""
    await trio.sleep(0.02)  # as work does
    return kept(number)


@counter.method(idempotent=True)
def total() -> int:
    """The count as it stands."""
    return kept()


def kept(more: int = 0) -> int:
    """The count in its file, with what is added to it."""
    number = int(COUNT.read_text()) + more if COUNT.exists() else more
    COUNT.write_text(str(number))
    return number


async def count(address: str = ADDRESS) -> None:
    """Count, and print each number, for as long as there is a server again within a minute."""
    async with rpc.connect(address, wait=60, reconnect=True) as client:
        while True:
            try:
                print(await client.call(add, 1), flush=True)
            except rpc.Unavailable as error:
                if error.processed is rpc.Processed.NOT_PROCESSED:
                    raise
                print(f"{error}: it stands at {await client.call(total)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["count"]:
        trio.run(count)
    else:
        rpc.run(counter, ADDRESS)
