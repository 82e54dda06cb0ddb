from __future__ import annotations

import contextvars
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import rpc
from rpc.client.client import Client
from rpc.client.connect import closing_client
from rpc.client.line import RenewableLine
from rpc.client.opening import open_connection
from rpc.errors import Processed, Reason
from rpc.limits import LEAST_MAX_CALLS, Limits
from rpc.net.background import open_foundation
from rpc.net.connection import Connection
from rpc.net.readiness import Readiness
from rpc.wire import frames
from rpc.wire.frames import Fields
from rpc.wire.payload import encode
from tests.probe import Probe
from tests.raw_peer import HELLO, RawPeer, call, data, failure, greeting, handlers_of, raw_server, reply, socket_links

SLOTS = LEAST_MAX_CALLS

shop = rpc.Service("shop")


@shop.method
def buy(what: str) -> str:
    raise NotImplementedError


@shop.method(idempotent=True)
def price(what: str) -> int:
    raise NotImplementedError


@attrs.define
class Host:
    """Where a client finds a server: a new raw peer each time.

    Attributes:
        servers: those that were found, the last one behind.
        hello: what the next one says first.
        is_down: whether there is none.
        seconds: that it takes to find one.
        probe: what the client serves to it.
    """

    nursery: trio.Nursery
    readiness: Readiness
    servers: list[RawPeer] = attrs.field(factory=list[RawPeer])
    hello: bytes = HELLO
    is_down: bool = False
    seconds: float = 0
    tries: int = 0
    probe: Probe = attrs.field(factory=Probe)

    async def open(self, line: RenewableLine, client: Client) -> Connection:
        self.tries += 1
        await trio.sleep(self.seconds)
        if self.is_down:
            raise rpc.Unavailable("nobody is there", processed=Processed.NOT_PROCESSED)
        near, far = socket_links()
        server = RawPeer(far)
        self.servers.append(server)
        await server.say(self.hello)
        handlers = handlers_of(self.probe.service)

        def adopt(connection: Connection) -> Client:
            line.adopt(connection)
            return client

        connection = await open_connection(near, handlers, Limits(), self.readiness, self.nursery, adopt=adopt)
        try:
            assert (await server.hear())[0] == frames.HELLO
        except BaseException:
            connection.end("this side gave it up")
            raise
        return connection

    @property
    def old(self) -> RawPeer:
        return self.servers[0]

    @property
    def new(self) -> RawPeer:
        [_, new] = self.servers
        return new


@asynccontextmanager
async def calling(hello: bytes = HELLO, *, reconnects: bool = False) -> AsyncGenerator[tuple[Client, Host]]:
    """A client, and the host that it finds its servers on; the block has 10 seconds."""
    readiness = Readiness()
    with trio.fail_after(10):
        async with open_foundation() as nursery:
            nursery.start_soon(readiness.run)
            host = Host(nursery, readiness, hello=hello)
            line = RenewableLine(nursery, reconnects=reconnects)
            client = Client(line)
            await line.begin(partial(host.open, line, client))
            host.hello = HELLO
            try:
                async with closing_client(client):
                    yield client, host
            finally:
                for server in host.servers:
                    server.close()


@attrs.define
class Calls:
    """Calls in tasks of their own, and what came of them."""

    nursery: trio.Nursery
    results: list[Any] = attrs.field(factory=list)

    def begin(self, client: Client, target: Any, *args: Any) -> None:
        async def call() -> None:
            try:
                self.results.append(await client.call(target, *args))
            except rpc.Error as error:
                self.results.append(error)

        self.nursery.start_soon(call)

    async def settled(self) -> None:
        await trio.testing.wait_all_tasks_blocked()


@pytest.fixture
async def calls(nursery: trio.Nursery) -> Calls:
    return Calls(nursery)


def stopping(last_id: int | None = None, reason: Reason = Reason.NONE) -> bytes:
    return frames.goaway(last_id, reason, "enough")


async def heard_call(server: RawPeer) -> tuple[int, Fields]:
    """The id of the next frame, which is a CALL, and all of it."""
    fields = await server.hear()
    assert fields[0] == frames.CALL
    return fields[1], fields


# --- A peer that stops -------------------------------------------------------------------------------------------


async def test_open_calls_end_where_they_are_and_new_ones_go_by_another_connection(calls: Calls) -> None:
    async with calling() as (client, host):
        calls.begin(client, "shop.buy", "a")
        await heard_call(host.old)
        await host.old.say(stopping())
        await calls.settled()
        calls.begin(client, "shop.buy", "b")
        await calls.settled()
        id, fields = await heard_call(host.new)
        assert (id, fields[5]) == (1, None)  # no second try: nothing was sent before
        await host.new.say(reply(1, "from the new"))
        await host.old.say(reply(1, "from the old"))
        await calls.settled()
        assert sorted(calls.results) == ["from the new", "from the old"]


async def test_what_the_peer_has_not_taken_is_called_again(calls: Calls) -> None:
    async with calling() as (client, host):
        for what in "abc":
            calls.begin(client, "shop.buy", what)
        first, *_ = await host.old.hear_calls(3)
        await host.old.say(stopping(first), reply(first, "old"))
        await calls.settled()
        for _ in range(2):
            id, fields = await heard_call(host.new)
            assert fields[5] == {3: 2}
            await host.new.say(reply(id, "new"))
        await calls.settled()
        assert calls.results == ["old", "new", "new"]


async def test_those_who_wait_for_a_slot_go_too(calls: Calls) -> None:
    async with calling(greeting(max_calls=SLOTS)) as (client, host):
        for _ in range(SLOTS + 2):
            calls.begin(client, "shop.buy", "a")
        await host.old.hear_calls(SLOTS)
        await host.old.say(stopping())
        await calls.settled()
        assert await host.new.hear_calls(2) == [1, 3]
        assert host.tries == 2


async def test_the_connection_may_have_ended_since(calls: Calls) -> None:
    async with calling() as (client, host):
        await host.old.say(stopping(0))
        host.old.close()
        await calls.settled()
        assert host.tries == 1  # nobody needs another one yet
        calls.begin(client, "shop.buy", "a")
        await calls.settled()
        await heard_call(host.new)


async def test_a_peer_that_blames_us_is_not_come_back_to() -> None:
    async with calling() as (client, host):
        await host.old.say(stopping(0, Reason.TOO_MANY))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(rpc.Unavailable, match="enough") as caught:
            await client.call("shop.buy", "a")
        assert caught.value.processed is Processed.NOT_PROCESSED
        assert host.tries == 1


async def test_streams_and_calls_with_items_go_by_the_new_connection() -> None:
    async def letters() -> AsyncIterator[str]:
        yield "a"

    async with calling() as (client, host):
        await host.old.say(stopping())
        await trio.testing.wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:

            async def answer() -> None:
                await trio.testing.wait_all_tasks_blocked()
                id, _ = await heard_call(host.new)
                await host.new.say(data(id, encode("one")), reply(id, None))
                id, _ = await heard_call(host.new)
                assert [(await host.new.hear())[0] for _ in range(2)] == [frames.DATA, frames.DATA]
                await host.new.say(reply(id, "taken"))

            nursery.start_soon(answer)
            async with client.stream("shop.list") as items:
                assert [item async for item in items] == ["one"]
            assert await client.call("shop.take", letters()) == "taken"


async def test_a_stream_that_waits_for_a_slot_goes_too(calls: Calls, nursery: trio.Nursery) -> None:
    async def listen() -> None:
        async with client.stream("shop.list"):
            await trio.sleep_forever()

    async with calling(greeting(max_calls=SLOTS)) as (client, host):
        for _ in range(SLOTS):
            calls.begin(client, "shop.buy", "a")
        await host.old.hear_calls(SLOTS)
        nursery.start_soon(listen)
        await calls.settled()
        await host.old.say(stopping())
        await calls.settled()
        _, fields = await heard_call(host.new)
        assert fields[3] == "shop.list"
        nursery.cancel_scope.cancel()


async def test_notifications_and_pings_go_by_the_new_connection() -> None:
    async with calling() as (client, host):
        await host.old.say(stopping())
        await trio.testing.wait_all_tasks_blocked()
        await client.notify("shop.opened")
        assert (await host.new.hear())[0] == frames.NOTIFY
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.ping)
            ping = await host.new.hear()
            await host.new.say(frames.pong(ping[1]))


async def test_the_peer_calls_us_by_the_new_connection_and_is_called_back_by_it(calls: Calls) -> None:
    async with calling() as (client, host):
        await host.old.say(stopping())
        await calls.settled()
        await client.notify("shop.opened")
        await host.new.hear()
        await host.new.say(call(2, "probe.ask"))
        assert (await host.new.hear())[0] == frames.REPLY
        [context] = host.probe.contexts
        assert context.client is client


async def test_views_share_the_line(calls: Calls) -> None:
    async with calling() as (client, host):
        view = client.with_options(metadata={"who": "me"}, timeout=5)
        await host.old.say(stopping())
        await calls.settled()
        calls.begin(view, "shop.buy", "a")
        calls.begin(client, "shop.buy", "b")
        await calls.settled()
        assert await host.new.hear_calls(2) == [1, 3]
        assert client.peer == view.peer


# --- Making it ---------------------------------------------------------------------------------------------------


async def test_where_nobody_is_each_caller_is_told_so_and_the_next_one_tries_again(calls: Calls) -> None:
    async with calling() as (client, host):
        await host.old.say(stopping())
        await calls.settled()
        host.is_down = True
        for what in "abc":
            calls.begin(client, "shop.buy", what)
        await calls.settled()
        first, second, third = calls.results
        assert host.tries == 2
        assert {str(error) for error in calls.results} == {"nobody is there"}
        assert {error.processed for error in calls.results} == {Processed.NOT_PROCESSED}
        assert len({id(error) for error in (first, second, third)}) == 3
        host.is_down = False
        calls.begin(client, "shop.buy", "d")
        await calls.settled()
        await heard_call(host.new)


async def test_a_caller_without_time_leaves_it_to_the_next(
    calls: Calls, autojump_clock: trio.testing.MockClock
) -> None:
    async with calling() as (client, host):
        await host.old.say(stopping())
        await calls.settled()
        host.seconds = 2
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            await client.call("shop.buy", "a")
        calls.begin(client, "shop.buy", "b")
        await trio.sleep(1.5)
        await heard_call(host.new)
        assert host.tries == 2


@pytest.mark.parametrize("is_kind", [True, False])
async def test_who_waits_for_it_is_told_of_the_clients_end(calls: Calls, is_kind: bool) -> None:
    async with calling() as (client, host):
        await host.old.say(stopping())
        await calls.settled()
        host.seconds = math.inf
        calls.begin(client, "shop.buy", "a")
        await calls.settled()
        if is_kind:
            await client.aclose()
        else:
            client.close()
        await calls.settled()
        [error] = calls.results
        assert isinstance(error, rpc.Unavailable)
        assert error.processed is Processed.NOT_PROCESSED
        with pytest.raises(rpc.Unavailable):
            await client.call("shop.buy", "b")
        assert host.tries == 2


async def test_the_end_of_the_client_is_that_of_all_its_connections(calls: Calls) -> None:
    async with calling() as (client, host):
        calls.begin(client, "shop.buy", "a")
        await heard_call(host.old)
        await host.old.say(stopping())
        await calls.settled()
        calls.begin(client, "shop.buy", "b")
        await calls.settled()
        client.close()
        await calls.settled()
        assert [str(error) for error in calls.results] == ["the connection was lost: this client was closed"] * 2
        assert await host.old.hear_all() == []
        assert [fields[0] for fields in await host.new.hear_all()] == [frames.CALL]


async def test_what_is_queued_on_any_of_them_leaves_first() -> None:
    large = bytes(4_000_000)
    async with calling() as (client, host), trio.open_nursery() as nursery:
        nursery.start_soon(swallow, client.call("shop.keep", large))
        await heard_call(host.old)
        await host.old.say(stopping())
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(swallow, client.call("shop.keep", large))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(client.aclose)
        for server in host.servers:
            nursery.start_soon(hear_a_whole_call, server)


async def hear_a_whole_call(server: RawPeer) -> None:
    """The connection ends behind the last fragment, and not before it."""
    fragments = [fields for fields in await server.hear_all() if fields[0] in (frames.CALL, frames.DATA)]
    assert not fragments[-1][2]


async def swallow(call: Awaitable[object]) -> None:
    """Make a call that ends with its connection."""
    with pytest.raises(rpc.Unavailable):
        await call


# --- A connection that is lost -----------------------------------------------------------------------------------


async def test_a_lost_connection_stays_so() -> None:
    async with calling() as (client, host):
        host.old.close()
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(2):
            with pytest.raises(rpc.Unavailable, match="the peer closed the connection"):
                await client.call("shop.buy", "a")
        assert host.tries == 1


async def test_a_lost_connection_is_made_anew_by_the_next_call_where_that_is_asked_for(calls: Calls) -> None:
    async with calling(reconnects=True) as (client, host):
        calls.begin(client, buy, "a")
        await heard_call(host.old)
        host.old.close()
        await calls.settled()
        [error] = calls.results
        assert (type(error), error.processed) == (rpc.Unavailable, Processed.UNKNOWN)
        assert host.tries == 1
        calls.begin(client, buy, "b")
        await calls.settled()
        await heard_call(host.new)


@pytest.mark.parametrize(("target", "is_again"), [(price, True), ("shop.price", False), (buy, False)])
async def test_what_may_have_run_is_called_again_where_it_is_declared_idempotent(
    target: Any, is_again: bool, calls: Calls
) -> None:
    async with calling(reconnects=True) as (client, host):
        calls.begin(client, target, "a")
        await heard_call(host.old)
        host.old.close()
        await calls.settled()
        if is_again:
            id, fields = await heard_call(host.new)
            assert fields[5] == {3: 2}
            await host.new.say(reply(id, 100))
            await calls.settled()
            assert calls.results == [100]
        else:
            [error] = calls.results
            assert error.processed is Processed.UNKNOWN
            assert host.tries == 1


async def test_there_are_two_tries_and_no_more(calls: Calls) -> None:
    async with calling(reconnects=True) as (client, host):
        calls.begin(client, price, "a")
        await heard_call(host.old)
        host.old.close()
        await calls.settled()
        await heard_call(host.new)
        host.new.close()
        await calls.settled()
        [error] = calls.results
        assert (type(error), error.processed) == (rpc.Unavailable, Processed.UNKNOWN)
        assert host.tries == 2


async def test_who_waited_for_a_slot_is_not_lost_with_the_connection(calls: Calls) -> None:
    async with calling(greeting(max_calls=SLOTS), reconnects=True) as (client, host):
        for _ in range(SLOTS + 1):
            calls.begin(client, buy, "a")
        await host.old.hear_calls(SLOTS)
        host.old.close()
        await calls.settled()
        id, _ = await heard_call(host.new)
        await host.new.say(reply(id, "bought"))
        await calls.settled()
        *lost, result = calls.results
        assert [error.processed for error in lost] == [Processed.UNKNOWN] * SLOTS
        assert result == "bought"


# --- Lines that are for good -------------------------------------------------------------------------------------


async def test_a_client_without_an_address_has_one_connection() -> None:
    async with raw_server() as (client, server):
        await server.say(stopping())
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(2):
            with pytest.raises(rpc.Unavailable, match="the peer takes no more calls: enough"):
                await client.call("shop.buy", "a")


async def test_an_answer_that_ends_no_connection_is_no_reason_for_another(calls: Calls) -> None:
    async with calling(reconnects=True) as (client, host):
        calls.begin(client, price, "a")
        id, _ = await heard_call(host.old)
        await host.old.say(failure(id, rpc.Unavailable("closed on Sundays", processed=Processed.NOT_PROCESSED)))
        await calls.settled()
        assert [str(error) for error in calls.results] == ["closed on Sundays"]
        assert host.tries == 1


# --- What else happens meanwhile ---------------------------------------------------------------------------------

whose = contextvars.ContextVar("whose", default="nobody")


async def test_handlers_do_not_see_the_variables_of_who_had_the_connection_made(calls: Calls) -> None:
    seen: list[str] = []
    async with calling() as (client, host):

        @host.probe.service.method
        def look() -> None:
            seen.append(whose.get())

        await host.old.say(stopping())
        await calls.settled()
        token = whose.set("the first caller")
        await client.notify("shop.opened")
        whose.reset(token)
        await host.new.hear()
        await host.new.say(call(2, "probe.look"))
        assert (await host.new.hear())[0] == frames.REPLY
    assert seen == ["nobody"]


async def test_a_peer_that_calls_at_once_can_be_called_back(calls: Calls) -> None:
    async with calling(HELLO + call(2, "probe.ask_back")) as (client, host):
        for _ in range(2):
            await heard_ask(host.old)
        assert client.peer.transport == "unix"


async def heard_ask(server: RawPeer) -> None:
    """Answer the call that its own call makes; then that is answered."""
    fields = await server.hear()
    if fields[0] == frames.CALL:
        await server.say(reply(fields[1], "back"))
    else:
        assert fields[0] == frames.REPLY


@pytest.mark.parametrize("turns", range(12))
async def test_a_client_that_is_closed_as_its_connection_comes_stays_so(turns: int, calls: Calls) -> None:
    async with calling() as (client, host):
        await host.old.say(stopping())
        await calls.settled()
        calls.begin(client, "shop.buy", "a")
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        client.close()
        await calls.settled()
        assert [type(error) for error in calls.results] == [rpc.Unavailable]
        with pytest.raises(rpc.Unavailable):
            await client.call("shop.buy", "b")
        for server in host.servers:
            with suppress(trio.BrokenResourceError):  # where something that it has said was not read
                await server.hear_all()


async def test_peers_that_stop_and_never_leave_are_left_in_the_end(calls: Calls) -> None:
    async with calling() as (client, host):
        for number in range(5):
            await host.servers[-1].say(stopping())
            await calls.settled()
            await client.notify("shop.opened")
            assert len(host.servers) == number + 2
            assert len(client._line.open) == 2
        for server in host.servers[:-2]:
            await server.hear_all()
