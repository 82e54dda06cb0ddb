"""Feeding: the items of a caller's own iterable, on their way to the callee."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import Any

from rpc.net.calls import OpenCall
from rpc.wire.payload import pack

__all__ = ["feed"]


async def feed(call: OpenCall, items: AsyncIterable[Any]) -> None:
    """Send every item, then the end, in a task of its own.

    A generator is iterated and closed here, in one task; anything else, a channel for one, is only iterated: it may
    serve other purposes. What iterating raises, and an item that cannot travel, ends the call with that error. Where
    the callee ends the call early, iterating ends too.
    """
    try:
        if inspect.isasyncgen(items):
            async with aclosing(items):
                await _send_all(call, items)
        else:
            await _send_all(call, items)
    except Exception as error:
        call.fail(error)


async def _send_all(call: OpenCall, items: AsyncIterable[Any]) -> None:
    async for item in items:
        if not await call.stream.send(pack(item)):
            return
    call.end_items()
