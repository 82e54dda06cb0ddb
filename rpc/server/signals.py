"""SIGTERM and SIGINT: the first asks to drain, the second ends everything. SIGHUP: certificates are read again."""

from __future__ import annotations

import os
import signal
import ssl
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import trio

from rpc.net.background import open_background
from rpc.net.tls import ReloadingContext

__all__ = ["reload_on_hangup", "stop_on_signals"]

_MOMENT = 1.0
"""Seconds that handlers which were cancelled have for their cleaning up."""


@asynccontextmanager
async def stop_on_signals() -> AsyncGenerator[trio.Event]:
    """An event that the first signal sets; the second one cancels the block.

    Where the block has not ended a second after that, since a handler shields itself or sits in a thread, the signal
    ends the process as if nobody had listened for it.

    Raises:
        SystemExit: with 128 + the number of the signal, after a second one.
        RuntimeError: this is not the main thread, the only one that signals come to.
    """
    stop = trio.Event()
    forced: int | None = None

    async def listen(task_status: trio.TaskStatus[None]) -> None:
        nonlocal forced
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            await anext(signals)
            stop.set()
            number = await anext(signals)
        forced = number
        stack.enter_context(_within_a_moment(number))
        nursery.cancel_scope.cancel()

    with ExitStack() as stack:
        async with open_background() as nursery:
            await nursery.start(listen)
            yield stop
    if forced is not None:
        raise SystemExit(128 + forced)


@contextmanager
def _within_a_moment(number: int) -> Generator[None]:
    """Unless the block ends in time, end the process by a signal."""
    # It takes the main thread to restore the default action, so that is done beforehand.
    before = signal.signal(number, signal.SIG_DFL)
    timer = threading.Timer(_MOMENT, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(number, before)


@asynccontextmanager
async def reload_on_hangup(tls: ssl.SSLContext | None) -> AsyncGenerator[None]:
    """While the block runs, SIGHUP has a context of `rpc.server_tls` read its files; other contexts have none.

    Raises:
        RuntimeError: this is not the main thread, the only one that signals come to.
    """
    if not isinstance(tls, ReloadingContext):
        yield
        return

    async def listen(task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                tls.reload()

    async with open_background() as nursery:
        await nursery.start(listen)
        yield
