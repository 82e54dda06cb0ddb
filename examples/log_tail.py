"""Log files, followed from another process: the last lines, and then each line as it is written.

In two terminals, in the same directory::

    python examples/log_tail.py
    python examples/log_tail.py app.log

and in a third one::

    date >> app.log

Ctrl-C in the second terminal ends the stream, and closes the file in the first. As with ``tail -f``, a log that is
renamed is followed under its new name.
"""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import trio

import rpc

ADDRESS = "unix:logs.sock"

FOLDER = Path()
"""Whose files are served, and no others."""

BACK = 65_536
"""Bytes before the end of a log in which its last lines are looked for."""

PAUSE = 0.2
"""Seconds until a log that has not grown is looked at again."""

logs = rpc.Service("logs")


@logs.method
async def follow(name: str, last: int = 10) -> AsyncGenerator[str]:
    """The last lines of a log, and then each line that is written to it, until the caller has seen enough."""
    async with await trio.open_file(find(name), "rb") as file:
        size = await file.seek(0, io.SEEK_END)
        await file.seek(max(0, size - BACK))
        *lines, rest = (await file.read()).split(b"\n")
        lines = lines[max(0, len(lines) - last) :]
        while True:
            for line in lines:
                yield line.decode(errors="replace")
            if not lines:
                await trio.sleep(PAUSE)
            *lines, rest = (rest + await file.read(BACK)).split(b"\n")


def find(name: str) -> Path:
    """The path of a log; nobody gets out of the folder."""
    if Path(name).name != name:
        raise rpc.InvalidArgument(f"{name!r} is not the name of a file")
    path = FOLDER / name
    if not path.is_file():
        raise rpc.NotFound(f"there is no log {name!r}")
    return path


async def show(name: str, address: str = ADDRESS) -> None:
    """Print a log as it grows. Who prints slowly is sent no more than that."""
    async with rpc.connect(address, wait=5) as client, client.stream(follow, name) as lines:
        async for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        trio.run(show, sys.argv[1])
    else:
        rpc.run(logs, ADDRESS)
