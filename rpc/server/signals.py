"""SIGTERM and SIGINT: the first asks to drain, the second ends everything. SIGHUP: certificates are read again."""

from __future__ import annotations

import signal
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from rpc.net.background import open_background
from rpc.net.tls import ReloadingContext

__all__ = ["reload_on_hangup", "stop_on_signals"]


@asynccontextmanager
async def stop_on_signals() -> AsyncGenerator[trio.Event]:
    """An event that the first signal sets; the second one cancels the block.

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
            async for number in signals:
                if stop.is_set():
                    forced = number
                    nursery.cancel_scope.cancel()
                    return
                stop.set()

    async with open_background() as nursery:
        await nursery.start(listen)
        yield stop
    if forced is not None:
        raise SystemExit(128 + forced)


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
