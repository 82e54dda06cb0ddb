"""Lifespans: the state of services, from before the first call until after the last."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from rpc.net.handlers import Handlers
from rpc.service.service import Service
from rpc.service.table import Table

__all__ = ["open_handlers"]


@asynccontextmanager
async def open_handlers(services: Service | Sequence[Service], *, debug: bool = False) -> AsyncGenerator[Handlers]:
    """The handlers of services whose lifespans are entered.

    Raises:
        TypeError: one of them is no service.
        ValueError: two services have one name.
    """
    table = Table(_several(services))
    async with AsyncExitStack() as stack:
        states = {service.name: await stack.enter_async_context(service.open()) for service in table.services}
        yield Handlers(table, states, debug)


def _several(services: Any) -> Sequence[Service]:
    """One or several, as they are given; the table refuses what is none."""
    if isinstance(services, str) or not isinstance(services, Iterable):
        return (cast("Service", services),)
    return tuple(cast("Iterable[Service]", services))
