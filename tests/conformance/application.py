"""The side under test as a program: ``python -m tests.conformance.application``.

It reads what to do from its standard input and tells what has happened on its standard output, one JSON object a
line; ``docs/conformance.md`` has the lines. It serves, and it connects, whatever the suite asks for.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import trio
import trio.testing

import rpc
from tests.conformance.service import suite, tell

LIMITS = rpc.Limits(max_frame=32_768, max_message=24_576, max_calls=16, window=65_536)
"""What the suite counts on: `max_calls` and `window` are the least that the protocol allows, and a message may fit in
one frame that is too large for `max_message`."""

HASTY = {
    "short_handshake": attrs.evolve(LIMITS, handshake_timeout=0.3),
    "short_frame": attrs.evolve(LIMITS, frame_timeout=0.3),
}


def limits_of(kind: str) -> rpc.Limits:
    return HASTY.get(kind, LIMITS)


def plain(value: Any) -> Any:
    """A value as JSON has it; bytes as their number, or their hex text where they are few."""
    if isinstance(value, bytes):
        return {"size": len(value)} if len(value) > 64 else {"hex": value.hex()}
    return value


@attrs.define
class Part:
    """Something that the application has open: a call, or what is around it."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    orders: trio.MemorySendChannel[Any] | None = None
    """Of items to send, of items to take, or of how to leave."""


class Application:
    """What the lines make happen; a part of it that is told of has the name that the suite gave it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._parts: dict[str, Part] = {}
        self._stops: dict[str, trio.Event] = {}
        self._client: rpc.Client | None = None
        self._closing = trio.Event()

    @property
    def client(self) -> rpc.Client:
        assert self._client is not None, "nothing is connected"
        return self._client

    async def do(self, what: str, name: str, **more: Any) -> None:
        await getattr(self, f"do_{what}")(name, **more)

    # --- Serving, and connecting -----------------------------------------------------------------------------------

    async def do_serve(self, name: str, at: list[str]) -> None:
        """Serve with the limits that the name stands for, until told to stop."""
        stop = self._stops[name] = trio.Event()
        authenticate = rpc.tokens({"open sesame": "ali"}) if name == "locked" else None

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(
                suite, at, limits=limits_of(name), authenticate=authenticate, stop=stop, task_status=task_status
            )
            tell(name, "stopped")

        tell(name, "serving", at=await self._nursery.start(serve))

    async def do_stop(self, name: str) -> None:
        self._stops.pop(name).set()

    async def do_connect(self, name: str, to: str, under: str) -> None:
        """Connect, and stay so until told to close."""

        async def connect() -> None:
            self._closing = trio.Event()
            try:
                async with rpc.connect(to, services=suite, limits=limits_of(under)) as self._client:
                    tell(name, "connected")
                    await self._closing.wait()
            except rpc.Unavailable as error:
                tell(name, "refused", reason=error.message)

        self._nursery.start_soon(connect)

    async def do_close(self, name: str) -> None:
        for part in self._parts.values():
            part.scope.cancel()
        self._parts.clear()
        self._closing.set()

    async def do_settle(self, name: str) -> None:
        """Tell when nothing is left to do."""
        await trio.testing.wait_all_tasks_blocked()
        tell(name, "settled")

    # --- Calls -----------------------------------------------------------------------------------------------------

    async def do_call(
        self,
        name: str,
        method: str,
        arguments: list[Any],
        named: dict[str, Any] | None = None,
        seconds: float | None = None,
        sends: bool = False,
    ) -> None:
        items = [self._sent_items(name)] if sends else []

        async def call() -> None:
            client = self.client.with_options(timeout=seconds)
            tell(name, "result", value=plain(await client.call(method, *arguments, *items, **named or {})))

        self._start(name, call)

    async def do_stream(self, name: str, method: str, arguments: list[Any], pulls: bool = False) -> None:
        """Call a method that streams; with `pulls`, items are taken when told to."""
        part = self._parts[name] = self._parts.get(name) or Part()
        part.orders, orders = trio.open_memory_channel[Any](1000)
        if not pulls:
            part.orders.close()

        async def stream() -> None:
            async with self.client.stream(method, *arguments) as items:
                if pulls:
                    async for _ in orders:
                        tell(name, "item", value=plain(await anext(items)))
                else:
                    async for item in items:
                        tell(name, "item", value=plain(item))
            tell(name, "ended")

        self._start(name, stream)

    async def do_enter(self, name: str, method: str, arguments: list[Any]) -> None:
        part = self._parts[name] = Part()
        part.orders, orders = trio.open_memory_channel[Any](1)

        async def enter() -> None:
            async with self.client.enter(method, *arguments) as value:
                tell(name, "entered", value=value)
                failure = await orders.receive()
                if failure is not None:
                    raise LookupError(failure)
            tell(name, "left")

        self._start(name, enter)

    async def do_notify(self, name: str, method: str, arguments: list[Any]) -> None:
        async def notify() -> None:
            await self.client.notify(method, *arguments)

        self._start(name, notify)

    async def do_cancel(self, name: str) -> None:
        self._parts[name].scope.cancel()

    async def do_order(self, name: str, value: Any = None) -> None:
        """An item to send, one to take, or how to leave: None for well."""
        orders = self._parts[name].orders
        assert orders is not None
        await orders.send(value)

    async def do_finish(self, name: str) -> None:
        orders = self._parts[name].orders
        assert orders is not None
        orders.close()

    def _start(self, name: str, run: Callable[[], Any]) -> None:
        part = self._parts.setdefault(name, Part())

        async def attempt() -> None:
            with part.scope:
                try:
                    await run()
                except rpc.Error as error:
                    tell(name, "error", code=int(error.code), processed=int(error.processed), type=error.type)
                except trio.TooSlowError:
                    tell(name, "too slow")
                except LookupError as error:
                    tell(name, "raised", message=str(error))
            if part.scope.cancelled_caught:
                tell(name, "cancelled")

        self._nursery.start_soon(attempt)

    def _sent_items(self, name: str) -> AsyncIterator[Any]:
        part = self._parts[name] = Part()
        part.orders, orders = trio.open_memory_channel[Any](1000)
        return aiter(orders)


async def main() -> None:
    """Do what the lines say, in order, until they end."""
    lines = trio.lowlevel.FdStream(os.dup(sys.stdin.fileno()))
    rest = b""
    async with trio.open_nursery() as nursery:
        application = Application(nursery)
        async for data in lines:
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                order = json.loads(line)
                await application.do(order.pop("do"), order.pop("as"), **order)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(message)s")
    trio.run(main)
