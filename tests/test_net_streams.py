from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import rpc
from rpc.net.streams import Items, Stream
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event, Events
from rpc.session.session import Session
from rpc.wire import frames
from rpc.wire.gathering import Arrived
from rpc.wire.payload import encode
from rpc.wire.profile import ProfileError
from tests.pairs import LIMITS, Pair

# --- Stream ------------------------------------------------------------------------------------------------------


@attrs.define
class Host:
    """A connection as a stream sees it."""

    session: Session
    flushes: int = 0

    def flush_soon(self) -> None:
        self.flushes += 1

    def flush(self) -> None:
        self.flushes += 1

    async def read_until(self, is_there: Callable[[], bool]) -> bool:
        return False


class Call:
    """A call of two joined sessions, with a stream at each end; `move` carries what either has to say."""

    def __init__(self) -> None:
        self.pair = Pair()
        connector, acceptor = self.pair.connector, self.pair.acceptor
        self.outgoing: Outgoing = connector.caller.call("a.b", b"\x80", flags=frames.SENDS | frames.TAKES)
        [(event, incoming, _)] = self.pair.move()
        assert event is Event.CALL
        self.incoming: Incoming = incoming
        self.near_host = Host(connector)
        self.far_host = Host(acceptor)
        hosts: Any = [self.near_host, self.far_host]  # as much of a connection as a stream needs
        self.near = Stream(hosts[0], self.outgoing, connector.caller)
        self.far = Stream(hosts[1], self.incoming, acceptor.callee)

    def move(self) -> Events:
        """Act on what happens as a connection does, but for the end of the call, which is given back."""
        ends: Events = []
        for event, record, value in self.pair.move():
            stream = self.near if record is self.outgoing else self.far
            if event is Event.ITEM:
                stream.put_item(value)
            elif event is Event.ITEMS_END:
                stream.end_items()
            elif event is Event.CREDIT:
                stream.credit()
            else:
                ends.append((event, record, value))
        return ends


async def test_items_pass_both_ways() -> None:
    call = Call()
    assert await call.near.send(b"\x01")
    assert await call.far.send(b"\x02")
    assert (call.near_host.flushes, call.far_host.flushes) == (1, 1)
    assert call.move() == []
    assert await call.far.receive() == b"\x01"
    assert await call.near.receive() == b"\x02"
    assert (call.near_host.flushes, call.far_host.flushes) == (1, 1)  # no credit is due yet


async def test_the_last_item_ends_the_callers() -> None:
    call = Call()
    await call.near.send(b"\x01")
    await call.near.send(b"\x02", end=True)
    call.move()
    assert call.far.has_ended
    assert not call.far.is_over
    assert [await call.far.receive() for _ in range(4)] == [b"\x01", b"\x02", None, None]


async def test_a_receiver_is_woken(autojump_clock: trio.testing.MockClock) -> None:
    call = Call()
    received: list[Arrived | None] = []

    async def receive() -> None:
        for _ in range(2):
            received.append(await call.far.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await call.near.send(b"\x01")
        call.move()
        await trio.testing.wait_all_tasks_blocked()
        assert received == [b"\x01"]
        call.far.end_items()
    assert received == [b"\x01", None]


async def test_a_sender_waits_for_credit_and_a_receiver_grants_it(autojump_clock: trio.testing.MockClock) -> None:
    call = Call()
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(6):
            assert await call.near.send(bytes(LIMITS.window // 4))
            sent += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        assert sent == 4
        call.move()
        await call.far.receive()
        assert call.far_host.flushes == 0
        await call.far.receive()
        assert call.far_host.flushes == 1  # half a window was taken
        call.move()
        await trio.testing.wait_all_tasks_blocked()
        assert sent == 6


async def test_an_item_may_overshoot() -> None:
    call = Call()
    await call.near.send(b"\x01")
    large = encode(bytes(LIMITS.window + 10_000))
    assert await call.near.send(large)
    call.move()
    assert [await call.far.receive(), await call.far.receive()] == [b"\x01", large]


async def test_an_item_over_the_limit_of_the_peer_is_not_sent() -> None:
    call = Call()
    with pytest.raises(rpc.ResourceExhausted, match="max_message"):
        await call.near.send(bytes(LIMITS.max_message + 1))
    with pytest.raises(rpc.ResourceExhausted, match="max_message"):
        await call.far.send(bytes(LIMITS.max_message + 1))
    assert not call.pair.connector.has_output


@pytest.mark.parametrize("waits", [True, False])
async def test_nothing_is_sent_when_the_call_is_over(waits: bool, autojump_clock: trio.testing.MockClock) -> None:
    call = Call()
    results: list[bool] = []
    if waits:
        await call.near.send(bytes(LIMITS.window))

    async def send() -> None:
        results.append(await call.near.send(b"\x01"))

    async with trio.open_nursery() as nursery:
        if waits:
            nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked()
            call.near.close()
        else:
            call.near.close()
            await send()
    assert results == [False]


async def test_a_failure_comes_behind_the_items_and_stays() -> None:
    call = Call()
    await call.far.send(b"\x01")
    call.move()
    failure = rpc.NotFound("no more")
    call.near.close(failure)
    call.near.close(rpc.Cancelled("the first one counts"))
    assert await call.near.receive() == b"\x01"
    for _ in range(2):
        with pytest.raises(rpc.NotFound) as caught:
            await call.near.receive()
        assert caught.value is failure


async def test_a_close_without_failure_is_the_end() -> None:
    call = Call()
    call.near.close()
    assert call.near.is_over
    assert await call.near.receive() is None


@pytest.mark.parametrize("what", ["an item", "the end", "nothing"])
async def test_a_cancelled_receive_takes_no_item(what: str, autojump_clock: trio.testing.MockClock) -> None:
    call = Call()
    if what == "the end":
        call.near.end_items()
    with trio.CancelScope() as scope:
        scope.cancel()
        await call.near.receive()
    assert scope.cancelled_caught
    await call.far.send(b"\x01")
    call.move()
    assert await call.near.receive() == b"\x01"


async def test_a_cancelled_send_has_sent_nothing(autojump_clock: trio.testing.MockClock) -> None:
    call = Call()
    await call.near.send(bytes(LIMITS.window))
    with trio.move_on_after(1) as scope:
        await call.near.send(b"\x01")
    assert scope.cancelled_caught
    call.move()
    assert len(await call.far.receive() or b"") == LIMITS.window
    call.move()
    await call.near.send(b"\x02")
    call.move()
    assert await call.far.receive() == b"\x02"


async def test_others_have_their_turn_and_cancellation_its_place() -> None:
    call = Call()
    steps: list[int] = []

    async def others() -> None:
        while True:
            steps.append(1)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        for _ in range(4000):
            await call.near.send(b"\x01")
        assert len(steps) > 10
        call.move()
        steps.clear()
        items = Items[Any](call.far, lambda value, index: value, refuse)
        for _ in range(4000):
            await anext(items)
        assert len(steps) > 10
        nursery.cancel_scope.cancel()
    with trio.CancelScope() as scope:
        scope.cancel()
        while True:
            await call.near.send(b"\x01")
    assert scope.cancelled_caught


async def test_what_is_there_is_received_without_waiting() -> None:
    call = Call()
    assert call.near.receive_nowait() is None
    for _ in range(600):
        await call.far.send(b"\x01")
    call.move()
    received = [call.near.receive_nowait() for _ in range(600)]
    assert received.count(b"\x01") == 598
    assert received.count(None) == 2  # there are items still, but a checkpoint is due
    assert call.near.receive_nowait() == b"\x01"


# --- Items -------------------------------------------------------------------------------------------------------


def refuse(problem: ProfileError, index: int) -> rpc.Error:
    return rpc.InvalidArgument(f"item {index}: {problem}")


async def test_items_are_decoded_and_converted_in_order() -> None:
    call = Call()
    for value in ("a", 5, [None]):
        await call.far.send(encode(value))
    call.move()
    call.near.close()
    items = Items[Any](call.near, lambda value, index: (index, value), refuse)
    assert [item async for item in items] == [(0, "a"), (1, 5), (2, [None])]
    assert [item async for item in items] == []


async def test_an_item_that_cannot_be_decoded_is_refused_by_its_index() -> None:
    call = Call()
    for payload in (b"\x01", b"\xff", b"\x02"):
        await call.far.send(payload)
    call.move()
    items = Items[Any](call.near, lambda value, index: (index, value), refuse)
    assert await anext(items) == (0, 1)
    with pytest.raises(rpc.InvalidArgument, match="item 1: ") as caught:
        await anext(items)
    assert caught.value.__suppress_context__
    assert await anext(items) == (2, 2)


async def test_what_converting_raises_comes_out() -> None:
    call = Call()
    await call.far.send(b"\x01")
    call.move()

    def convert(value: Any, index: int) -> Any:
        raise rpc.Internal(f"item {index}: {value}")

    with pytest.raises(rpc.Internal, match="item 0: 1"):
        await anext(Items[Any](call.near, convert, refuse))


async def test_the_failure_of_the_call_comes_out_of_the_items() -> None:
    call = Call()
    call.near.close(rpc.Unavailable("gone"))
    with pytest.raises(rpc.Unavailable, match="gone"):
        await anext(Items[Any](call.near, lambda value, index: value, refuse))


async def test_several_tasks_take_each_item_once() -> None:
    call = Call()
    taken: list[int] = []

    async def take() -> None:
        while (payload := await call.near.receive()) is not None:
            taken.append(bytes(payload)[0])

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        for value in range(10):
            call.near.put_item(bytes((value,)))
            if value % 3 == 0:
                await trio.testing.wait_all_tasks_blocked()
        call.near.put_items([bytes((value,)) for value in range(10, 20)])
        await trio.testing.wait_all_tasks_blocked()
        call.near.end_items()
    assert sorted(taken) == list(range(20))
