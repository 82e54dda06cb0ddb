"""Feeding: the items of a caller's own iterable, on their way to the callee."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import Any

import trio

from rpc.net.calls import OpenCall
from rpc.service.convert import Writer
from rpc.service.outgoing import placed
from rpc.wire.payload import EncodeError, pack

__all__ = ["feed"]

_logger = logging.getLogger("rpc")


async def feed(call: OpenCall, items: AsyncIterable[Any], write: Writer | None = None) -> None:
    """Send every item, then the end, in a task of its own.

    A generator is iterated and closed here, in one task; anything else, a channel for one, is only iterated: it may
    serve other purposes. What iterating raises, and an item that cannot travel, ends the call with that error. Where
    the callee ends the call early, iterating ends too; what it raises then is logged, as the call has its outcome.

    Args:
        call: the call that takes them.
        items: the caller's own iterable.
        write: lowers each of them, where its annotation asks for that.
    """
    try:
        if inspect.isasyncgen(items):
            async with aclosing(items):
                await _send_all(call, items, write)
        else:
            await _send_all(call, items, write)
    except Exception as error:
        _fail(call, error)
    except BaseExceptionGroup as group:
        # A generator with tasks of its own raises failures and cancellation in one.
        failure, cancelled = group.split(Exception)
        if failure is not None:
            _fail(call, failure)
        assert cancelled is not None  # else it would be an ExceptionGroup
        raise cancelled from None


async def _send_all(call: OpenCall, items: AsyncIterable[Any], write: Writer | None) -> None:
    async for item in items:
        try:
            payload = pack(item if write is None else write(item))
        except EncodeError as error:
            raise placed(error, "item") from error.__cause__
        if not await call.stream.send(payload):
            return
    call.end_items()


def _fail(call: OpenCall, failure: Exception) -> None:
    if call.has_ended or trio.current_effective_deadline() == -math.inf:
        _logger.error("a stream failed as it was closed: %s", type(failure).__name__, exc_info=failure)
    else:
        call.fail(failure)
