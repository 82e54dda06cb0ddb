"""A service whose handlers stream, take streams and are entered, and tell what happens to them."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio
import trio.testing

import rpc
from rpc.net.memory import memory_links
from rpc.service.context import Context
from rpc.service.service import Service
from rpc.wire import frames
from rpc.wire.frames import Fields
from rpc.wire.payload import decode
from tests.raw_peer import Pair, RawPeer, connected


class Refused(Exception):
    """A declared exception."""


@attrs.define
class StreamProbe:
    """Handlers of every sort, and the words that they tell as they go on."""

    told: list[Any] = attrs.field(factory=list)
    service: Service = attrs.field(factory=lambda: Service("probe"))

    def __attrs_post_init__(self) -> None:
        self._add_items_out()
        self._add_items_in()
        self._add_contexts()

    def _add_items_out(self) -> None:
        told, service = self.told, self.service

        @service.method
        async def count(start: int, stop: int) -> AsyncIterator[int]:
            try:
                for number in range(start, stop):
                    yield number
            except BaseException as error:
                told.append(type(error).__name__)
                raise
            finally:
                told.append("closed")

        @service.method
        def count_plainly(start: int, stop: int) -> Iterator[int]:
            try:
                yield from range(start, stop)
            finally:
                told.append("closed")

        @service.method(thread=True)
        def count_in_threads(start: int, stop: int) -> Iterator[int]:
            threads = {threading.current_thread()}
            try:
                for number in range(start, stop):
                    threads.add(threading.current_thread())
                    yield number
            finally:
                assert threading.main_thread() not in threads | {threading.current_thread()}
                told.append("closed")

        @service.method
        async def ticks(seconds: float) -> AsyncIterator[int]:
            try:
                number = 0
                while True:
                    yield number
                    number += 1
                    await trio.sleep(seconds)
            except trio.Cancelled:
                told.append("cancelled")
                raise
            finally:
                told.append("closed")

        @service.method
        async def shielded_end() -> AsyncIterator[int]:
            try:
                yield 0
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(2)
                told.append("closed")

        @service.method(raises=[Refused])
        async def fail_after(items: int, how: str = "declared") -> AsyncIterator[int]:
            for number in range(items):
                yield number
            if how == "in a nursery":
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep_forever)
                    raise Refused("so it is", items)
            raise {
                "declared": Refused("so it is", items),
                "undeclared": KeyError("a secret"),
                "status": rpc.NotFound("no more of them"),
            }[how]

        @service.method
        async def fail_when_left() -> AsyncIterator[int]:
            try:
                yield 0
                await trio.sleep_forever()
            finally:
                raise rpc.DataLoss("could not be put away")

        @service.method
        async def give(values: list[Any]) -> AsyncIterator[Any]:
            for value in values:
                yield value

        @service.method
        async def give_misfits() -> AsyncIterator[int]:
            values: list[Any] = [1, 2, "three"]
            for value in values:
                yield value

        @service.method
        async def give_object() -> AsyncIterator[Any]:
            try:
                yield 1
                yield object()
            finally:
                told.append("closed")

        @service.method
        async def give_blocks(count: int, size: int) -> AsyncIterator[bytes]:
            try:
                for number in range(count):
                    yield bytes(size)
                    told.append(number)
            finally:
                told.append("closed")

        @service.method
        async def deadline_of(context: Context[Any]) -> AsyncIterator[float]:
            yield context.deadline - trio.current_time()
            yield trio.current_effective_deadline() - trio.current_time()

    def _add_items_in(self) -> None:
        told, service = self.told, self.service

        @service.method
        async def total(numbers: AsyncIterable[int]) -> int:
            result = 0
            try:
                async for number in numbers:
                    result += number
            except BaseException as error:
                told.append(type(error).__name__)
                raise
            return result

        @service.method
        async def first(numbers: AsyncIterator[int], count: int) -> list[int]:
            return [await anext(numbers) for _ in range(count)]

        @service.method
        async def collect(values: AsyncIterable[Any]) -> list[Any]:
            return [value async for value in values]

        @service.method
        async def refuse(numbers: AsyncIterable[int], after: int) -> None:
            count = 0
            async for _ in numbers:
                count += 1
                if count == after:
                    raise rpc.FailedPrecondition(f"{after} are enough")

        @service.method
        async def unread(blocks: AsyncIterable[Any]) -> None:
            try:
                await trio.sleep_forever()
            finally:
                told.append("closed")

        @service.method
        async def shielded_reader(numbers: AsyncIterable[int]) -> None:
            with trio.CancelScope(shield=True):
                try:
                    async for _ in numbers:
                        pass
                    told.append("an end")
                except rpc.Cancelled:
                    told.append("rpc.Cancelled")
                    raise

        @service.method
        async def echo(values: AsyncIterable[Any]) -> AsyncIterator[Any]:
            try:
                async for value in values:
                    yield value
            finally:
                told.append("closed")

        @service.method
        async def both(count: int, blocks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
            for _ in range(count):
                yield bytes(65_536)
            async for block in blocks:
                yield block

    def _add_contexts(self) -> None:
        told, service = self.told, self.service

        @service.context
        @asynccontextmanager
        async def lease(name: str) -> AsyncGenerator[str]:
            told.append("entered")
            try:
                yield f"token of {name}"
            except BaseException as error:
                told.append(error)
                raise
            else:
                told.append("committed")
            finally:
                told.append("left")

        @service.context
        async def swallow() -> AsyncGenerator[None]:
            try:
                yield
            except rpc.Error as error:
                told.append(error)

        @service.context(raises=[Refused])
        async def fail_as_entered() -> AsyncGenerator[None]:
            told.append("asked")
            if "asked" in told:
                raise Refused("not today")
            yield

        @service.context(raises=[Refused])
        async def fail_as_left() -> AsyncGenerator[int]:
            try:
                yield 1
            finally:
                raise Refused("cannot be left")

        @service.context
        async def misfit() -> AsyncGenerator[int]:
            value: Any = "one"
            yield value

        @service.context
        async def shielded() -> AsyncGenerator[int]:
            with trio.CancelScope(shield=True):
                try:
                    yield 1
                except BaseException as error:
                    told.append(error)
                    raise
                told.append("committed")

        @service.context
        async def with_tasks() -> AsyncGenerator[int]:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                yield 1
                nursery.cancel_scope.cancel()


@asynccontextmanager
async def paired(probe: StreamProbe, **options: Any) -> AsyncGenerator[Pair]:
    """Both sides in memory; at the end neither has a call open."""
    with trio.fail_after(1000):
        async with connected(probe.service, links=memory_links, **options) as pair:
            yield pair
            await trio.testing.wait_all_tasks_blocked()
            for connection in (pair.near, pair.far):
                assert connection.session.is_idle


def handle(probe: StreamProbe, name: str) -> Any:
    return probe.service.handles[f"probe.{name}"]


class Source:
    """An iterable of the caller's own, and what became of it."""

    def __init__(self, stop: int | None = None, *, failure: Exception | None = None, pause: float = 0) -> None:
        self.stop = stop
        self.failure = failure
        self.pause = pause
        self.given = 0
        self.task: trio.lowlevel.Task | None = None
        self.closed_in: trio.lowlevel.Task | None = None

    async def numbers(self) -> AsyncGenerator[int]:
        self.task = trio.lowlevel.current_task()
        try:
            while self.given != self.stop:
                self.given += 1
                yield self.given
                if self.pause:
                    await trio.sleep(self.pause)
            if self.failure is not None:
                raise self.failure
        finally:
            self.closed_in = trio.lowlevel.current_task()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, and in the task that iterated it."""
        return self.task is not None and self.closed_in is self.task


async def hear_items(peer: RawPeer) -> tuple[list[Any], Fields]:
    """The decoded items of the only call, and its end."""
    items: list[Any] = []
    while (fields := await peer.hear())[0] == frames.DATA:
        assert fields[2] == 0
        items.append(decode(fields[3]))
    return items, fields
