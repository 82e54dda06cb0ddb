"""A service whose handlers do all that handlers do, and tell what happens to them."""

from __future__ import annotations

import math
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import attrs
import trio

import rpc
from rpc.service.context import Context
from rpc.service.service import Service
from rpc.wire.frames import Fields
from tests.raw_peer import RawPeer


class Refused(Exception):
    """A declared exception."""


@attrs.define
class Probe:
    """A service whose handlers tell what happens to them."""

    told: list[str] = attrs.field(factory=list)
    service: Service = attrs.field(factory=lambda: Service("probe"))
    contexts: list[Context[Any]] = attrs.field(factory=list)
    thread_began: trio.Event = attrs.field(factory=trio.Event)
    may_return: threading.Event = attrs.field(factory=threading.Event)

    def __attrs_post_init__(self) -> None:
        told, service = self.told, self.service

        @service.method
        def add(a: int, b: int = 10) -> int:
            told.append("add")
            return a + b

        @service.method
        async def add_later(a: int, b: int = 10) -> int:
            await trio.lowlevel.checkpoint()
            return a + b

        @service.method(thread=True)
        def thread() -> bool:
            return threading.current_thread() is not threading.main_thread()

        @service.method
        async def sleep(seconds: float) -> str:
            told.append("started")
            try:
                await trio.sleep(seconds)
            except trio.Cancelled:
                told.append("cancelled")
                raise
            return "slept"

        @service.method
        async def finish(seconds: float) -> str:
            told.append("started")
            with trio.CancelScope(shield=True):
                await trio.sleep(seconds)
            told.append("finished")
            return "finished"

        @service.method
        async def swallow() -> str:
            with trio.move_on_after(math.inf):
                try:
                    await trio.sleep_forever()
                except trio.Cancelled:
                    told.append("swallowed")
            return "returned anyway"

        @service.method
        async def fail_when_cancelled() -> None:
            told.append("started")
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("in the end")

        @service.method
        async def fail_in_nursery() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail_when_cancelled.function)
                nursery.start_soon(trio.sleep_forever)

        @service.method(raises=[Refused])
        def fail(how: str) -> None:
            raise {
                "undeclared": KeyError("a secret"),
                "declared": Refused("so it is", 5),
                "status": rpc.NotFound("no such row", details=["row", 5]),
            }[how]

        @service.method(raises=[Refused])
        async def fail_later(how: str) -> None:
            await trio.lowlevel.checkpoint()
            fail.function(how)

        @service.method
        def give_object() -> Any:
            return [1, object()]

        @service.method
        async def give_object_later() -> Any:
            return object()

        @service.method
        def big(count: int) -> bytes:
            return bytes(count)

        @service.method
        def ask(context: Context[Any]) -> None:
            self.contexts.append(context)

        @service.method
        async def ask_later(context: Context[Any]) -> None:
            self.contexts.append(context)

        @service.method
        async def ask_back(context: Context[Any]) -> Any:
            return await context.client.call("back.ask")

        @service.method(thread=True)
        def block() -> str:
            trio.from_thread.run_sync(self.thread_began.set)
            self.may_return.wait()
            try:
                trio.from_thread.check_cancelled()
            except trio.Cancelled:
                told.append("cancelled")
                raise
            told.append("not cancelled")
            return "returned"

        @service.notification
        def observe() -> None:
            told.append("observed")

        @service.method
        async def count(last: int) -> AsyncGenerator[int]:
            for number in range(last):
                yield number

        @service.method
        async def total(numbers: AsyncIterator[int]) -> int:
            return sum([number async for number in numbers])

        @service.context
        async def lease(name: str) -> AsyncGenerator[str]:
            yield f"lease of {name}"


async def answer(peer: RawPeer, *spoken: bytes) -> Fields:
    """The one frame that answers what was said."""
    await peer.say(*spoken)
    return await peer.hear()
