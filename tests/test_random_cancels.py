"""Callers that give up at random, against handlers of every sort: nothing is confused, and nothing is left behind."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.limits import Limits
from rpc.net import readiness
from rpc.net.memory import memory_links
from rpc.service.context import Context
from rpc.service.service import Service
from tests.raw_peer import Links, Pair, connected, socket_links

LINKS: dict[str, Callable[[], Links]] = {
    "sockets": socket_links,
    "sockets that hold little": partial(socket_links, 2048),
    "sockets with a task each": socket_links,
    "memory": memory_links,
}

service = Service("mixed")


@service.method
def quick(value: int, data: bytes) -> list[Any]:
    return [value, data]


@service.method
async def with_checkpoint(value: int, data: bytes) -> list[Any]:
    await trio.lowlevel.checkpoint()
    return [value, data]


@service.method
async def slow(value: int, data: bytes) -> list[Any]:
    await trio.sleep(value % 7 / 10)
    return [value, data]


@service.method
async def shielded(value: int, data: bytes) -> list[Any]:
    with trio.CancelScope(shield=True):
        await trio.sleep(value % 7 / 10)
    return [value, data]


@service.method
async def swallowing(value: int, data: bytes) -> list[Any]:
    try:
        await trio.sleep(value % 7 / 10)
    except trio.Cancelled:
        return [value, b"swallowed"]
    return [value, data]


@service.method
async def failing(value: int, data: bytes) -> list[Any]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, value % 7 / 10)
        try:
            await trio.sleep(value % 5 / 10)
        finally:
            raise rpc.Aborted("as always", details=value)


@service.method
async def calling_back(context: Context[Any], value: int, data: bytes) -> list[Any]:
    result: list[Any] = await context.client.call("mixed.slow", value, data)
    return result


METHODS = ["quick", "with_checkpoint", "slow", "shielded", "swallowing", "failing", "calling_back"]


class Caller:
    """One task that makes calls, gives some of them up, and checks what the others give."""

    def __init__(self, client: rpc.Client, seed: int) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.ended = 0

    async def run(self, count: int) -> None:
        for _ in range(count):
            value = self.random.randrange(1_000_000)
            data = self.random.randbytes(self.random.choice([0, 10, 10, 10, 5000, 40_000]))
            async with trio.open_nursery() as nursery:
                patience = self.random.choice([None, None, 0, 0.05, 0.3, 0.6])
                if patience is not None and self.random.random() < 0.5:
                    nursery.start_soon(self._cancel_after, nursery.cancel_scope, patience)
                elif patience is not None:
                    nursery.cancel_scope.deadline = trio.current_time() + patience
                await self._call(value, data)
                nursery.cancel_scope.cancel()
            self.ended += 1

    async def _cancel_after(self, scope: trio.CancelScope, seconds: float) -> None:
        for _ in range(self.random.randrange(4)):
            await trio.lowlevel.checkpoint()
        await trio.sleep(seconds)
        scope.cancel()

    async def _call(self, value: int, data: bytes) -> None:
        method = self.random.choice(METHODS)
        try:
            result = await self.client.call(f"mixed.{method}", value, data)
        except rpc.Aborted as error:
            assert method == "failing"
            result = [error.details, data]
        except rpc.Unavailable:
            return
        assert result == [value, data] or (method == "swallowing" and result == [value, b"swallowed"])


def assert_nothing_is_left(pair: Pair) -> None:
    for connection in (pair.near, pair.far):
        assert connection.session.caller.calls == {}
        assert connection.session.callee.calls == {}
        assert not connection.session.has_output
        assert not connection.room
        assert not connection.drained


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize(("seed", "callers"), [(1, 1), (2, 3), (3, 10)])
async def test_random_cancels_leave_nothing_behind(
    kind: str, seed: int, callers: int, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "sockets with a task each":
        monkeypatch.setattr(readiness, "_HAS_EPOLL", False)
    limits = Limits(max_calls=16)
    async with connected(
        service, links=LINKS[kind], limits=limits, client_limits=limits, client_services=service
    ) as pair:
        with trio.fail_after(1000):
            async with trio.open_nursery() as nursery:
                everyone = [Caller(pair.client, 100 * seed + number) for number in range(callers)]
                everyone += [Caller(pair.far.client, 200 * seed + number) for number in range(callers // 2)]
                for caller in everyone:
                    nursery.start_soon(caller.run, 300 // len(everyone))
        await trio.sleep(5)
        assert_nothing_is_left(pair)
        assert await pair.client.call(quick, 5, b"") == [5, b""]


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("seed", range(3))
async def test_a_close_at_random_ends_every_call(
    kind: str, seed: int, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "sockets with a task each":
        monkeypatch.setattr(readiness, "_HAS_EPOLL", False)
    noise = random.Random(seed)
    async with connected(service, links=LINKS[kind], limits=Limits(max_calls=16), client_services=service) as pair:
        far = pair.far
        callers = [Caller(pair.client, 300 + seed), Caller(pair.client, 400 + seed), Caller(far.client, 500 + seed)]
        callers += [Caller(pair.client, 600 + number) for number in range(20)]
        with trio.fail_after(1000):
            async with trio.open_nursery() as nursery:
                for caller in callers:
                    nursery.start_soon(caller.run, 50)
                await trio.sleep(noise.random())
                for _ in range(noise.randrange(5)):
                    await trio.lowlevel.checkpoint()
                (pair.near if noise.random() < 0.5 else far).end("at random")
        assert all(caller.ended == 50 for caller in callers)
        await trio.sleep(5)
        for connection in (pair.near, far):
            assert connection.is_over
            assert connection.session.is_idle
        assert not pair.serving.connections
