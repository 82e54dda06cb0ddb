"""What is counted: a call of each kind, both sides in one process, so that nobody's timing changes what is done."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import trio

import rpc
from rpc.blocking import Client as BlockingClient

__all__ = ["BLOCKING", "WORKLOADS", "Place", "Workload", "calc"]

calc = rpc.Service("calc")
_MIB = 1_048_576
_DATAGRAMS = 8
"""How many are sent before they are read: every system keeps as many."""
_RECORDS = [{"id": number, "name": f"record {number}", "good": True, "sizes": [0.5, 1.5]} for number in range(10)]


@calc.method
def add(a: int, b: int) -> int:
    return a + b


@calc.method
async def add_async(a: int, b: int) -> int:
    return a + b


@calc.method
def upload(data: bytes) -> int:
    return len(data)


@calc.method
def download(size: int) -> bytes:
    return bytes(size)


@calc.method
def echo(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return records


@calc.method
async def sleep() -> None:
    await trio.sleep_forever()


@calc.method
async def give(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@calc.method
async def take(numbers: AsyncIterable[int]) -> int:
    return len([number async for number in numbers])


@attrs.define
class Sink:
    """Where notifications end.

    Attributes:
        seen: how many have come.
    """

    seen: int = 0


sink = Sink()


@calc.notification
def observe(name: str, value: float) -> None:
    sink.seen += 1


@attrs.frozen
class Place:
    """Where a workload finds its server.

    Attributes:
        client: of a connection of its own.
        address: for another one.
        datagrams: the address that takes them.
    """

    client: rpc.Client
    address: str
    datagrams: str


@attrs.frozen
class Workload:
    """Something that a client does.

    Attributes:
        name: in the table of ceilings.
        count: operations of one run; what is counted is divided by it.
        run: does so many of them.
    """

    name: str
    count: int
    run: Callable[[Place, int], Awaitable[None]]


async def _one_at_a_time(place: Place, count: int) -> None:
    for number in range(count):
        assert await place.client.call(add, number, 1) == number + 1


async def _one_at_a_time_async(place: Place, count: int) -> None:
    for number in range(count):
        assert await place.client.call(add_async, number, 1) == number + 1


async def _in_flight(place: Place, count: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(64):
            nursery.start_soon(_one_at_a_time, place, count // 64)


async def _in_flight_async(place: Place, count: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(64):
            nursery.start_soon(_one_at_a_time_async, place, count // 64)


async def _notify(place: Place, count: int) -> None:
    for _ in range(count):
        await place.client.notify(observe, "fps", 0.5)
    await place.client.call(add, 1, 2)


async def _stream_down(place: Place, count: int) -> None:
    async with place.client.stream(give, count) as numbers:
        assert len([number async for number in numbers]) == count


async def _stream_up(place: Place, count: int) -> None:
    assert await place.client.call(take, rpc.each(range(count))) == count


async def _upload(place: Place, count: int) -> None:
    data = bytes(_MIB)
    for _ in range(count):
        assert await place.client.call(upload, data) == _MIB


async def _download(place: Place, count: int) -> None:
    for _ in range(count):
        assert len(await place.client.call(download, _MIB)) == _MIB


async def _echo(place: Place, count: int) -> None:
    for _ in range(count):
        assert await place.client.call(echo, _RECORDS) == _RECORDS


async def _cancel(place: Place, count: int) -> None:
    for _ in range(count):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(place.client.call, sleep)
                for _ in range(2):  # so that it is the first to be sent: one pass runs its tasks in any order
                    await trio.lowlevel.checkpoint()
                await place.client.call(add, 1, 2)
                scope.cancel()


async def _send_datagrams(place: Place, count: int) -> None:
    async with rpc.notifier(place.datagrams) as notifier:
        for _ in range(count // _DATAGRAMS):
            sink.seen = 0
            for _ in range(_DATAGRAMS):
                notifier.send(observe, "fps", 0.5)
            while sink.seen < _DATAGRAMS:
                await trio.lowlevel.checkpoint()


async def _connect(place: Place, count: int) -> None:
    for _ in range(count):
        async with rpc.connect(place.address, polling=False):
            pass


WORKLOADS = (
    Workload("one call, def", 32, _one_at_a_time),
    Workload("one call, async def", 32, _one_at_a_time_async),
    Workload("64 in flight, def", 256, _in_flight),
    Workload("64 in flight, async def", 256, _in_flight_async),
    Workload("call and cancel", 16, _cancel),
    Workload("notification", 512, _notify),
    Workload("datagram", 256, _send_datagrams),
    Workload("connection", 16, _connect),
    Workload("item down", 512, _stream_down),
    Workload("item up", 512, _stream_up),
    Workload("10 records echoed", 16, _echo),
    Workload("1 MiB up", 4, _upload),
    Workload("1 MiB down", 4, _download),
)


def blocking_calls(client: BlockingClient, count: int) -> None:
    """One call at a time, by a client without trio; what its server does is not counted."""
    for number in range(count):
        assert client.call(add, number, 1) == number + 1


BLOCKING = ("one call, blocking client", 32, blocking_calls)
