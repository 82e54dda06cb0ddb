from __future__ import annotations

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed
from rpc.service.service import Service
from rpc.wire import frames
from tests.outgoing import Calls
from tests.probe import Probe
from tests.raw_peer import (
    call,
    client_of,
    connection_of,
    data,
    raw_server,
    reply,
    serve_link,
    socket_links,
)


@pytest.fixture
def probe() -> Probe:
    return Probe()


# --- The end in the midst of a batch -----------------------------------------------------------------------------


async def test_a_handler_that_ends_the_connection_in_mid_batch() -> None:
    service, ran = Service("near"), []

    @service.method
    def end() -> int:
        connection_of(client).end("a handler wanted it")
        connection_of(client).end("and wanted it twice")
        return 1

    @service.method
    def run() -> None:
        ran.append("run")

    @service.method
    async def run_later() -> None:
        ran.append("run later")

    async with raw_server(services=service) as (client, peer):
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                calls = Calls(client, nursery)
                for number in range(4):
                    calls.start(number)
                one, two, _, _ = await peer.hear_calls(4)
                await peer.say(
                    reply(one, "in time"),
                    call(2, "near.run_later"),
                    call(4, "near.run", payload=bytes(4096), flags=frames.MORE),
                    call(6, "near.end"),
                    call(8, "near.run"),
                    reply(two, "behind it"),
                    data(4, bytes(4096)),
                    call(10, "near.run_later"),
                )
    assert connection_of(client).end_reason == "and wanted it twice"
    results = [value for value in calls.ended.values() if isinstance(value, str)]
    errors = [value for value in calls.ended.values() if isinstance(value, rpc.Unavailable)]
    assert sorted(results) == ["behind it", "in time"]
    assert [error.processed for error in errors] == [Processed.UNKNOWN] * 2
    assert ran == []


# --- Failures inside -----------------------------------------------------------------------------------------


async def test_a_failure_inside_ends_that_connection_alone(
    probe: Probe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    near, far = socket_links()
    other_near, other_far = socket_links()
    async with serve_link(far, probe.service) as serving, client_of(near) as client:
        [broken] = serving.connections
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serving.serve_link, other_far)
            async with client_of(other_near) as other:

                def fail(*_: object) -> None:
                    raise RuntimeError("a bug of ours")

                monkeypatch.setattr(broken.session, "receive", fail)
                with pytest.raises(rpc.Unavailable):
                    await client.call("probe.add", 1)
                assert broken.end_reason == "a failure inside this side"
                assert await other.call("probe.add", 1) == 11
    assert [message for message in caplog.messages if "inside" in message] == [
        "unix:test: a failure inside this library ends the connection"
    ]


async def test_a_failure_in_mid_batch_leaves_no_caller_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_server() as (client, peer):

        def fail(*_: object) -> None:
            raise RuntimeError("a bug of ours")

        monkeypatch.setattr(type(connection_of(client).dispatcher.notifications), "take", fail)
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                calls = Calls(client, nursery)
                for number in range(3):
                    calls.start(number)
                one, two, _ = await peer.hear_calls(3)
                notification = frames.notify(frames.method_item("near.x"), b"\xf6", 2) + b"\x80\x80"
                await peer.say(reply(one, "before"), notification, reply(two, "behind"))
    values = list(calls.ended.values())
    assert sorted(value for value in values if isinstance(value, str)) == ["before", "behind"]
    assert sum(isinstance(value, rpc.Unavailable) for value in values) == 1
    assert caplog.messages == ["unix:test: a failure inside this library ends the connection"]


async def test_a_failure_of_a_flush_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_server() as (client, _):

        def fail(*_: object) -> None:
            raise RuntimeError("a bug of ours")

        monkeypatch.setattr(connection_of(client).session, "take", fail)
        with pytest.raises(rpc.Unavailable):
            await client.call("far.method")
    assert caplog.messages == ["unix:test: a failure inside this library ends the connection"]


async def test_a_failure_of_a_task_ends_the_connection_and_not_the_block_of_the_client(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug of ours")

    async with raw_server() as (client, _):
        connection_of(client).nursery.start_soon(fail)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(rpc.Unavailable):
            await client.call("far.method")
    assert caplog.messages == ["unix:test: a failure inside this library ends the connection"]
