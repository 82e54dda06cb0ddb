"""Uploads: a file goes to another process piece by piece, while that tells how far it is.

In two terminals, in the same directory::

    python examples/upload.py
    python examples/upload.py some/large/file

The file is then in the directory ``uploads``. Both streams are one call: who leaves it, or is killed, ends it for both
sides, and a file of which not all has come is not kept.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

import rpc

ADDRESS = "unix:uploads.sock"

FOLDER = trio.Path("uploads")
"""Where the files are put."""

PIECE = 65_536
"""Bytes that are sent at a time."""

MOST = 1 << 30
"""Bytes of one file."""

uploads = rpc.Service("uploads")


@uploads.method
async def upload(name: str, pieces: AsyncIterable[bytes]) -> AsyncGenerator[int]:
    """Store a file, and tell after each piece of it how many bytes have come."""
    stored = 0
    async with open_upload(name) as file:
        async for piece in pieces:
            stored += len(piece)
            if stored > MOST:
                raise rpc.ResourceExhausted(f"a file has at most {MOST} bytes here")
            await file.write(piece)
            yield stored


@asynccontextmanager
async def open_upload(name: str) -> AsyncGenerator[Any]:
    """A file that has its name from the moment when it is whole; until then nobody else may upload one of that name."""
    if Path(name).name != name:
        raise rpc.InvalidArgument(f"{name!r} is not the name of a file")
    await FOLDER.mkdir(exist_ok=True)
    part = FOLDER / f".{name}.part"
    try:
        file = await part.open("xb")
    except FileExistsError:
        raise rpc.AlreadyExists(f"{name!r} is being uploaded at this moment") from None
    try:
        async with file:
            yield file
        await part.replace(FOLDER / name)
    finally:
        with trio.CancelScope(shield=True):
            await part.unlink(missing_ok=True)


async def read(path: trio.Path) -> AsyncGenerator[bytes]:
    """The pieces of a file. They are read as fast as the other side stores them."""
    async with await path.open("rb") as file:
        while piece := await file.read(PIECE):
            yield piece


async def send(path: trio.Path, address: str = ADDRESS) -> None:
    """Upload a file and print how far it is."""
    size, percent = (await path.stat()).st_size, 0
    async with rpc.connect(address, wait=5) as client, client.stream(upload, path.name, read(path)) as progress:
        async for stored in progress:
            if stored * 100 // size > percent:
                percent = stored * 100 // size
                print(f"{path.name}: {percent} %", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        trio.run(send, trio.Path(sys.argv[1]))
    else:
        rpc.run(uploads, ADDRESS)
