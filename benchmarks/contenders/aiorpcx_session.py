"""aiorpcX: JSON-RPC in asyncio, without its limits on what a session may cost. JSON has no bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from benchmarks.contender import Caller, Contender, Place
from benchmarks.runtimes.asyncio_loop import Asyncio

_SEEN = {"notifications": 0}


async def _add(a: int, b: int) -> int:
    return a + b


async def _echo(records: Any) -> Any:
    return records


async def _observe(name: str, value: float) -> None:
    _SEEN["notifications"] += 1


async def _notified() -> int:
    return _SEEN["notifications"]


_HANDLERS = {"add": _add, "echo": _echo, "observe": _observe, "notified": _notified}


class _Caller(Caller):
    shared = True

    def __init__(self, session: Any) -> None:
        self._session = session

    async def add(self, a: int, b: int) -> int:
        return int(await self._session.send_request("add", (a, b)))

    async def echo(self, records: Any) -> int:
        return len(await self._session.send_request("echo", (records,)))

    async def notify(self, value: float) -> None:
        await self._session.send_notification("observe", ("fps", value))

    async def notified(self) -> int:
        return int(await self._session.send_request("notified", ()))


class Aiorpcx(Contender):
    name = "aiorpcX"
    packages = ("aiorpcX",)
    runtime = Asyncio()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        asyncio.run(_serve(place, ready))

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        aiorpcx: Any = import_module("aiorpcx")
        async with aiorpcx.connect_us(place.path, session_factory=_session(aiorpcx)) as session:
            yield _Caller(session)


async def _serve(place: Place, ready: Callable[[], None]) -> None:
    aiorpcx: Any = import_module("aiorpcx")
    await aiorpcx.serve_us(_session(aiorpcx), place.path)
    ready()
    await asyncio.Event().wait()


def _session(aiorpcx: Any) -> Any:
    async def handle_request(self: object, request: Any) -> Any:
        return await aiorpcx.handler_invocation(_HANDLERS.get(request.method), request)()

    unlimited = {"cost_hard_limit": 0, "initial_concurrent": 1000}
    return type("Session", (aiorpcx.RPCSession,), {**unlimited, "handle_request": handle_request})


CONTENDERS = (Aiorpcx(),)
