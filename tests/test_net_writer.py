from __future__ import annotations

import trio
import trio.testing

import rpc
from rpc.limits import Limits
from rpc.net.memory import memory_links
from rpc.wire.payload import encode
from tests.probe import Probe
from tests.raw_peer import connected, connection_of, raw_server, socket_links

Clock = trio.testing.MockClock


def _echo(data: bytes) -> bytes:
    return data


async def test_what_the_transport_does_not_take_is_sent_later() -> None:
    service = rpc.Service("mirror")
    service.method(name="echo")(_echo)
    async with connected(service, links=lambda: socket_links(buffer=4096)) as pair:
        large = bytes(300_000)
        await pair.client.notify("mirror.nothing", large[:200_000])
        assert await pair.client.call("mirror.echo", large) == large
        await pair.near.flushed()
        assert not pair.near.session.has_output


async def test_a_peer_that_reads_nothing_is_left(autojump_clock: Clock) -> None:
    async with raw_server(limits=Limits(stall_timeout=3)) as (client, _peer):
        connection = connection_of(client)
        start = trio.current_time()
        while not connection.is_over:
            await client.notify("far.note", bytes(200_000))
            await trio.testing.wait_all_tasks_blocked()
            if connection.session.queued > 1_000_000:
                await connection.ended.wait()
        assert connection.end_reason == "the peer read nothing for 3 s"
        assert trio.current_time() - start >= 3


async def test_who_waits_for_the_flush_is_told_of_the_end() -> None:
    async with connected(Probe().service, links=memory_links) as pair, trio.open_nursery() as nursery:
        pair.near.session.notify("probe.nothing", b"\x82\x80\xa0")
        nursery.start_soon(pair.near.flushed)
        await trio.testing.wait_all_tasks_blocked()
        pair.near.end("enough")


async def test_a_peer_is_slow_a_second_after_it_has_stopped_to_read_and_not_at_once(autojump_clock: Clock) -> None:
    async with raw_server(buffer=4096) as (client, _peer):
        connection = connection_of(client)
        await trio.sleep(100)
        for _ in range(2):  # what is sent, and does not fit, and what waits behind it
            for _ in range(6):
                connection.session.notify("far.note", encode([[bytes(200_000)], {}]))
            connection.flush()
        assert connection.session.unsent
        assert connection.session.queued > connection.limits.max_unread
        assert not connection.is_slow()
        await trio.sleep(1.5)
        assert connection.is_slow()
        client.close()
