"""The server that is made to suffer."""

from __future__ import annotations

import gc
import logging
import os
import resource
from collections.abc import AsyncIterable, AsyncIterator, Callable
from functools import partial
from typing import Any

import attrs
import trio

import rpc
from rpc.server.signals import stop_on_signals
from tests.served import count_tasks as tasks_of_this_process

target = rpc.Service("target")


@attrs.define
class Account:
    """What the handlers of one server have done."""

    journal: int = -1
    running: int = 0
    most_running: int = 0
    notes: int = 0
    wrong: int = 0

    def write(self, word: str, number: int) -> None:
        """One line in the journal: the kernel has it, and keeps it when this process is killed."""
        os.write(self.journal, b"%b %d\n" % (word.encode(), number))


account = Account()


@target.method
def echo(data: bytes) -> bytes:
    return data


@target.method
def add(a: int, b: int) -> int:
    return a + b


@target.method
def record(number: int) -> int:
    account.write("begun", number)
    account.write("done", number)
    return number


@target.method
async def record_slowly(number: int) -> int:
    account.write("begun", number)
    await trio.sleep(0.002)
    account.write("done", number)
    return number


@target.method(idempotent=True)
async def recall(number: int) -> int:
    account.write("recalled", number)
    await trio.sleep(0.002)
    return number


@target.method
async def wait() -> None:
    account.running += 1
    account.most_running = max(account.most_running, account.running)
    try:
        await trio.sleep_forever()
    finally:
        account.running -= 1


@target.method
async def pour(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(size)


@target.method
async def gather(numbers: AsyncIterable[int]) -> int:
    return sum([number async for number in numbers])


@target.method
def count_objects() -> int:
    """What is left of all that this process has done, when what is garbage is gone."""
    gc.collect()
    return len(gc.get_objects())


@target.method
async def count_tasks() -> int:
    return await tasks_of_this_process.function()


@target.method
def told() -> tuple[int, int, int]:
    """Handlers of `wait` that run, the most that ever ran, and the notes that were taken."""
    return account.running, account.most_running, account.notes


@target.method
def noted() -> tuple[int, int]:
    """The notes that were taken, and how many of them were wrong."""
    return account.notes, account.wrong


@target.notification
def note(number: int, square: int) -> None:
    account.notes += 1
    account.wrong += number * number != square


def serve(
    ready: Callable[[list[str]], None],
    *,
    bind: list[str],
    journal: str | None = None,
    files: int | None = None,
    tls: list[str] | None = None,
    limits: dict[str, Any],
) -> None:
    """Serve until SIGTERM, then drain; `ready` is told where.

    Args:
        ready: is called with the addresses.
        bind: where to serve.
        journal: a file for what `record` has done.
        files: descriptors that this process may have open.
        tls: the files of a certificate and of its key.
        limits: fields of `rpc.Limits`.
    """
    logging.basicConfig(level=logging.INFO, format="%(created).3f %(message)s")
    if journal is not None:
        account.journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    context = None if tls is None else rpc.server_tls(*tls)
    options: dict[str, Any] = {"tls": context, "limits": rpc.Limits(**limits), "insecure": True}
    trio.run(partial(_serve, ready, bind, options))


async def _serve(ready: Callable[[list[str]], None], bind: list[str], options: dict[str, Any]) -> None:
    async with stop_on_signals() as stop, trio.open_nursery() as nursery:
        ready(await nursery.start(partial(rpc.serve, target, bind, stop=stop, **options)))
