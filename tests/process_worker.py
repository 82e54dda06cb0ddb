"""A service for whoever starts it: ``python -m tests.process_worker``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import trio
import trio.testing

import rpc

worker = rpc.Service("worker")


@worker.method
def add(a: int, b: int) -> int:
    return a + b


@worker.method
async def countdown(start: int) -> AsyncIterator[int]:
    for number in range(start, 0, -1):
        yield number


@worker.method
async def ask(context: rpc.Context, number: int) -> int:
    """Ask whoever calls."""
    answer: int = await context.client.call("near.double", number)
    return answer


@worker.method
def whisper(word: str) -> str:
    """Use the standard streams in every way that a program has, and give what was read."""
    print(f"{word} by print", flush=True)
    subprocess.run(["echo", f"{word} by a child"], check=True)
    return sys.stdin.read()


@worker.method
def peer(context: rpc.Context) -> tuple[str, int | None, int]:
    """Who calls, as far as this side knows, and who its parent is."""
    return context.peer.transport, context.peer.pid, os.getppid()


@worker.method
def environment(name: str) -> str | None:
    return os.environ.get(name)


@worker.notification
async def write(path: Path, text: str) -> None:
    await trio.testing.wait_all_tasks_blocked()  # until the connection is over
    path.write_text(text)


@worker.method
async def hold(path: Path) -> AsyncIterator[str]:
    """Make a file and stream until stopped, which the file then tells."""
    try:
        yield "held"
        await trio.sleep_forever()
    finally:
        path.write_text("let go")


@worker.method
async def leave(status: int) -> None:
    os._exit(status)


if __name__ == "__main__":
    trio.run(rpc.serve_stdio, worker)
