"""Lifespans: the state of services, from before the first call until after the last."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from rpc.net.handlers import Handlers
from rpc.service.service import Service
from rpc.service.table import Table

__all__ = ["open_handlers"]


@asynccontextmanager
async def open_handlers(services: Service | Sequence[Service], *, debug: bool = False) -> AsyncGenerator[Handlers]:
    """The handlers of services whose lifespans are entered.

    Raises:
        ValueError: two services have one name.
    """
    table = Table((services,) if isinstance(services, Service) else services)
    async with AsyncExitStack() as stack:
        states = {service.name: await stack.enter_async_context(service.open()) for service in table.services}
        yield Handlers(table, states, debug)
