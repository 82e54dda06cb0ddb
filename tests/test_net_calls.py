from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed
from rpc.net.memory import memory_links
from rpc.service.context import Context
from rpc.service.service import Service
from rpc.wire import frames
from rpc.wire.payload import encode
from tests.outgoing import Calls
from tests.raw_peer import (
    Links,
    connected,
    connection_of,
    failure,
    greeting,
    notify,
    raw_server,
    reply,
    socket_links,
)

variable = contextvars.ContextVar("variable", default="nothing")

KINDS = pytest.mark.parametrize("links", [socket_links, memory_links])


# --- Alone and with others -------------------------------------------------------------------------------------


async def test_one_caller_reads_for_all() -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        calls.start("first")
        await peer.hear_calls(1)
        calls.start("second")
        calls.start("third")
        two, three = await peer.hear_calls(2)
        await peer.say(reply(three, "three"), failure(two, rpc.NotFound("two")))
        await trio.testing.wait_all_tasks_blocked()
        assert calls.ended["third"] == "three" or isinstance(calls.ended["third"], rpc.NotFound)
        assert "first" not in calls.ended
        await peer.say(reply(1, "one"))
        await trio.testing.wait_all_tasks_blocked()
        assert calls.ended["first"] == "one"


async def test_the_reading_goes_on_when_its_caller_leaves() -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        first = calls.start("first")
        await peer.hear_calls(1)
        calls.start("second")
        await peer.hear_calls(1)
        first.cancel()
        assert await peer.hear() == [frames.CANCEL, 1]
        await peer.say(reply(3, "three"))
        await trio.testing.wait_all_tasks_blocked()
        assert calls.ended == {"first": "cancelled", "second": "three"}
        await peer.say(failure(1, rpc.Cancelled()))
        calls.start("third")
        [third] = await peer.hear_calls(1)
        await peer.say(reply(third, "five"))


async def test_a_caller_that_reads_leaves_others_their_turn(autojump_clock: trio.testing.MockClock) -> None:
    ticks = 0
    chatter = Service("chatter")

    @chatter.notification
    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks < 10_000:
            peer.socket.send(notify("chatter.tick"))  # there is always something to read

    async with raw_server(services=chatter) as (client, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.call, "far.method")
            await peer.hear_calls(1)
            await peer.say(notify("chatter.tick"))
            for _ in range(20):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert 0 < ticks < 10_000


# --- Variables -------------------------------------------------------------------------------------------------


@KINDS
async def test_a_handler_sees_no_variable_of_the_caller_whose_read_started_it(links: Callable[[], Links]) -> None:
    seen = []
    near, far = Service("near"), Service("far")

    @near.method
    async def look() -> None:
        seen.append(variable.get())
        variable.set("of a handler")
        await trio.lowlevel.checkpoint()
        seen.append(variable.get())

    @near.method
    def look_at_once() -> None:
        seen.append(variable.get())
        variable.set("of a handler")

    @far.method
    async def call_back(context: Context[Any]) -> None:
        for target in (look, look_at_once, look):
            await context.client.call(target)

    variable.set("of the connection")
    async with connected(far, links=links, client_services=near) as pair:
        variable.set("of the caller")
        await pair.client.call(call_back)
        assert variable.get() == "of the caller"
    assert seen == ["of the connection", "of a handler", "of the connection", "of the connection", "of a handler"]


# --- Cancellation ----------------------------------------------------------------------------------------------


async def test_a_call_that_was_cancelled_before_it_left_never_runs() -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        calls.start("first")
        await peer.hear_calls(1)
        async with trio.open_nursery() as inner:
            inner.start_soon(client.call, "far.method", "cancelled")
            inner.cancel_scope.cancel()
        calls.start("last", "last")
        heard = [await peer.hear()]
        while heard[-1][-1] != encode(["last"]):
            heard.append(await peer.hear())
        *others, last = heard
        # Where the flusher was quicker, it has no time left, and its end is not waited for.
        assert all(fields[0] == frames.CANCEL or fields[4] == 0 for fields in others)
        await peer.say(reply(1, "one"), reply(last[1], "two"))
    assert calls.ended == {"first": "one", "last": "two"}


async def test_a_call_that_is_given_up_before_it_leaves_is_not_sent_at_all() -> None:
    async with raw_server(buffer=4096) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        calls.start("large", bytes(100_000))
        await trio.testing.wait_all_tasks_blocked()
        scope = calls.start("given up")  # the peer reads nothing: it only queues
        await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        calls.start("last", "last")
        await trio.testing.wait_all_tasks_blocked()
        for fields in [await peer.hear(), await peer.hear()]:
            assert fields[0] == frames.CALL
            await peer.say(reply(fields[1], "served"))
        assert fields[-1] == encode(["last"])
    assert calls.ended == {"large": "served", "given up": "cancelled", "last": "served"}


async def test_a_reply_that_crosses_the_cancel(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, peer):
        for number in range(1, 20, 2):
            with trio.move_on_after(1):
                await client.call("far.method")
            assert (await peer.hear_calls(1)) == [number]
            await peer.say(reply(number, "late") if number % 4 == 1 else failure(number, rpc.Cancelled()))
            assert await peer.hear() == [frames.CANCEL, number]
        await trio.testing.wait_all_tasks_blocked()
        assert not connection_of(client).session.caller.calls


async def test_a_peer_that_reads_nothing_does_not_keep_a_caller(autojump_clock: trio.testing.MockClock) -> None:
    payload = bytes(100_000)
    async with raw_server(buffer=4096) as (client, peer):
        with trio.move_on_after(1) as scope:
            await client.call("far.method", payload)
        assert scope.cancelled_caught
        assert trio.current_time() == pytest.approx(1)
        # What had begun to leave leaves whole.
        kind, number, *_, arguments = await peer.hear()
        assert (kind, number, len(arguments)) == (frames.CALL, 1, 100_006)
        assert await peer.hear() == [frames.CANCEL, 1]
        await peer.say(failure(1, rpc.Cancelled()))
        async with trio.open_nursery() as nursery:
            calls = Calls(client, nursery)
            calls.start("next")
            [number] = await peer.hear_calls(1)
            await peer.say(reply(number, "goes on"))
    assert calls.ended == {"next": "goes on"}


async def test_a_caller_that_is_cancelled_already_sends_nothing() -> None:
    async with raw_server() as (client, peer):
        with trio.CancelScope() as scope:
            scope.cancel()
            await client.call("far.method")
        assert scope.cancelled_caught
        await client.aclose()
        assert await peer.hear_all() == []


# --- The peer's slots ------------------------------------------------------------------------------------------

FEW = greeting(max_calls=16)


async def test_callers_wait_for_a_slot_in_their_order() -> None:
    async with raw_server(spoken=FEW) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(40):
            calls.start(number, number)
            await trio.testing.wait_all_tasks_blocked()
        arguments = [(await peer.hear())[-1] for _ in range(16)]
        for turn in range(24):
            await peer.say(reply(1 + 2 * turn, turn))
            arguments.append((await peer.hear())[-1])
        assert arguments == [encode([number]) for number in range(40)]
        await peer.say(*(reply(1 + 2 * turn, turn) for turn in range(24, 40)))
    assert calls.ended == {number: number for number in range(40)}


async def test_slots_that_are_given_up_unsent_are_taken_at_once() -> None:
    async with raw_server(spoken=FEW, buffer=4096) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        calls.start("large", bytes(100_000))
        await trio.testing.wait_all_tasks_blocked()
        scopes = [calls.start(number) for number in range(15)]
        await trio.testing.wait_all_tasks_blocked()  # the peer reads nothing: they only queue
        calls.start("waits")
        await trio.testing.wait_all_tasks_blocked()
        calls.start("waits too")
        await trio.testing.wait_all_tasks_blocked()
        for scope in scopes:
            scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        for number in await peer.hear_calls(3):
            await peer.say(reply(number, "served"))
    assert [calls.ended[name] for name in ("large", "waits", "waits too")] == ["served"] * 3


async def test_a_call_that_is_cancelled_holds_its_slot_until_its_end() -> None:
    async with raw_server(spoken=FEW) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        scopes = [calls.start(number) for number in range(16)]
        await peer.hear_calls(16)
        calls.start("waits")
        await trio.testing.wait_all_tasks_blocked()
        scopes[5].cancel()
        kind, number = await peer.hear()
        assert kind == frames.CANCEL
        await trio.testing.wait_all_tasks_blocked()
        await peer.say(failure(number, rpc.Cancelled()))
        [waiting] = await peer.hear_calls(1)
        await peer.say(reply(waiting, "served"))
        await trio.testing.wait_all_tasks_blocked()
        assert calls.ended["waits"] == "served"
        nursery.cancel_scope.cancel()


async def test_a_turn_that_cannot_be_used_goes_to_the_next() -> None:
    spoken = greeting(max_calls=16, max_message=16384)
    async with raw_server(spoken=spoken) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(16):
            calls.start(number)
        await peer.hear_calls(16)
        calls.start("too large", bytes(20_000))
        await trio.testing.wait_all_tasks_blocked()
        cancelled = calls.start("cancelled")
        await trio.testing.wait_all_tasks_blocked()
        calls.start("waits")
        await trio.testing.wait_all_tasks_blocked()
        cancelled.cancel()
        await peer.say(reply(1, "one"))
        [number] = await peer.hear_calls(1)
        await peer.say(reply(number, "served"))
        await trio.testing.wait_all_tasks_blocked()
        assert calls.ended["waits"] == "served"
        assert calls.ended["cancelled"] == "cancelled"
        assert isinstance(calls.ended["too large"], rpc.ResourceExhausted)
        nursery.cancel_scope.cancel()


async def test_more_may_be_woken_than_find_a_slot() -> None:
    async with raw_server(spoken=FEW) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(16):
            calls.start(number)
        await peer.hear_calls(16)
        for name in ("a", "b", "c"):
            calls.start(name)
            await trio.testing.wait_all_tasks_blocked()
        for number in (1, 3):
            peer.socket.send(reply(number, number))
            connection_of(client).pump()  # each wakes as many as there are slots, and nobody has run yet
        assert await peer.hear_calls(2) == [33, 35]
        await peer.say(reply(5, 5))
        assert await peer.hear_calls(1) == [37]
        nursery.cancel_scope.cancel()


async def test_a_caller_that_is_cancelled_as_its_turn_comes() -> None:
    async with raw_server(spoken=FEW) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        connection = connection_of(client)
        for number in range(16):
            calls.start(number)
        await peer.hear_calls(16)
        scope = calls.start("cancelled")
        await trio.testing.wait_all_tasks_blocked()
        calls.start("waits")
        await trio.testing.wait_all_tasks_blocked()
        peer.socket.send(reply(1, "one"))
        connection.pump()  # the reply is read, and the first in the queue is woken
        scope.cancel()
        [number] = await peer.hear_calls(1)
        await peer.say(reply(number, "served"))
        await trio.testing.wait_all_tasks_blocked()
        assert calls.ended["cancelled"] == "cancelled"
        assert calls.ended["waits"] == "served"
        nursery.cancel_scope.cancel()


async def test_who_waits_for_a_slot_is_told_when_there_will_be_none() -> None:
    async with raw_server(spoken=FEW) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(16):
            calls.start(number)
        await peer.hear_calls(16)
        calls.start("waits")
        await trio.testing.wait_all_tasks_blocked()
        await peer.say(frames.goaway(None, 0, "closing down"))
        await trio.testing.wait_all_tasks_blocked()
        calls.start("comes late")
        await trio.testing.wait_all_tasks_blocked()
        for name in ("waits", "comes late"):
            assert isinstance(calls.ended[name], rpc.Unavailable)
            assert calls.ended[name].processed is Processed.NOT_PROCESSED
            assert "closing down" in str(calls.ended[name])
        nursery.cancel_scope.cancel()


# --- Turns that are passed on ------------------------------------------------------------------------------------


async def test_a_stream_that_is_left_before_it_was_sent_passes_its_slot_on() -> None:
    async def left_at_once() -> None:
        async with client.stream("a.b"):
            pass

    async with raw_server(spoken=greeting(max_calls=16)) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(16):
            calls.start(number)
        ids = await peer.hear_calls(16)
        nursery.start_soon(left_at_once)
        await trio.testing.wait_all_tasks_blocked()
        calls.start("next", "next")
        await trio.testing.wait_all_tasks_blocked()
        await peer.say(reply(ids[0], None))
        assert (await peer.hear())[6] == encode(["next"])
        nursery.cancel_scope.cancel()


async def test_so_does_one_whose_own_items_fail_at_once() -> None:
    async def fail() -> AsyncIterator[int]:
        yield 1 // 0

    async def send() -> None:
        with pytest.raises(ZeroDivisionError):
            await client.call("a.b", fail())

    async with raw_server(spoken=greeting(max_calls=16)) as (client, peer), trio.open_nursery() as nursery:
        calls = Calls(client, nursery)
        for number in range(16):
            calls.start(number)
        ids = await peer.hear_calls(16)
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        calls.start("next", "next")
        await trio.testing.wait_all_tasks_blocked()
        await peer.say(reply(ids[0], None))
        fields = await peer.hear()
        while fields[0] != frames.CALL or fields[6] != encode(["next"]):
            if fields[0] == frames.CANCEL:
                await peer.say(failure(fields[1], rpc.Cancelled("cancelled by its caller")))
            fields = await peer.hear()
        nursery.cancel_scope.cancel()
