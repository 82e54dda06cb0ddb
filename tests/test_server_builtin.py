"""The service ``rpc``, by which a server describes itself."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

import rpc
from rpc.net.background import open_background
from rpc.net.link import StreamLink
from rpc.peer import Peer
from rpc.server import builtin
from rpc.server.builtin import Statistics
from rpc.server.health import Condition, HealthReport
from rpc.server.serving import Serving
from rpc.wire import frames
from tests.raw_peer import HERE, RawPeer, call, client_of, error_of, handlers_of, socket_links


@attrs.define
class Tea:
    kind: str
    cups: int = 1


def shop() -> rpc.Service:
    service = rpc.Service("shop", doc="A shop.")

    @service.method(idempotent=True)
    def order(tea: Tea) -> int:
        """Order tea."""
        if tea.kind == "none":
            raise KeyError(tea.kind)
        return tea.cups

    @service.method
    async def sip(cups: int) -> AsyncIterator[int]:
        for cup in range(cups):
            yield cup

    @service.method
    async def wait() -> None:
        await trio.sleep_forever()

    @service.notification
    def called(name: str) -> None: ...

    return service


async def test_everything_is_described_but_the_service_that_does() -> None:
    async with rpc.testing.client(shop()) as client:
        description = await client.call(builtin.describe)
        [service] = description.services
        assert (service.name, service.doc) == ("shop", "A shop.")
        assert [(method.name, method.kind) for method in service.methods] == [
            ("shop.order", "method"),
            ("shop.sip", "streaming"),
            ("shop.wait", "method"),
            ("shop.called", "notification"),
        ]
        assert list(description.definitions) == ["Tea"]
        by_name = await client.call("rpc.describe")
        assert by_name["services"][0]["methods"][0]["signature"] == "(tea: Tea) -> int"


async def test_one_method_or_service_is_described_with_what_it_needs() -> None:
    async with rpc.testing.client(shop()) as client:
        description = await client.call(builtin.describe, "shop.order")
        assert [method.doc for method in description.services[0].methods] == ["Order tea."]
        assert list(description.definitions) == ["Tea"]
        assert (await client.call(builtin.describe, "shop.sip")).definitions == {}
        assert len((await client.call(builtin.describe, "shop")).services[0].methods) == 4
        own = await client.call(builtin.describe, "rpc")
        assert [method.name for method in own.services[0].methods] == [
            "rpc.describe",
            "rpc.health",
            "rpc.watch",
            "rpc.stats",
        ]
        assert all(method.idempotent and method.doc for method in own.services[0].methods)
        assert list(own.definitions) == [
            "Description",
            "ServiceDescription",
            "MethodDescription",
            "ParameterDescription",
            "ErrorDescription",
            "HealthReport",
            "Condition",
            "Statistics",
        ]
        stats = await client.call(builtin.describe, "rpc.stats")
        assert list(stats.definitions) == ["Statistics"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shop.ordr", "there is no method or service shop.ordr; did you mean shop.order?"),
        ("rpc.stat", "there is no method or service rpc.stat; did you mean rpc.stats?"),
        ("zzz.zzz\x1b", "there is no method or service zzz.zzz\\x1b"),
    ],
)
async def test_what_is_not_there_is_not_described(name: str, told: str) -> None:
    async with rpc.testing.client(shop()) as client:
        with pytest.raises(rpc.NotFound) as caught:
            await client.call(builtin.describe, name)
        assert caught.value.message == told


async def test_a_misspelt_method_suggests_the_near_names() -> None:
    async with rpc.testing.client(shop()) as client:
        for name, told in [
            ("shop.Order", "there is no method shop.Order; did you mean shop.order?"),
            ("rpc.descibe", "there is no method rpc.descibe; did you mean rpc.describe?"),
            ("zzz", "there is no method zzz"),
        ]:
            with pytest.raises(rpc.Unimplemented) as caught:
                await client.call(name)
            assert caught.value.message == told


async def test_where_description_is_off_nothing_is_told() -> None:
    async with rpc.testing.client(shop(), describe=False) as client:
        for name in ("rpc.describe", "rpc.health", "rpc.stats", "shop.ordr"):
            with pytest.raises(rpc.Unimplemented) as caught:
                await client.call(name)
            assert caught.value.message == f"there is no method {name}"
        with pytest.raises(rpc.Unimplemented, match=r"^there is no method rpc\.watch$"):
            async with client.stream("rpc.watch") as reports:
                await anext(reports)


async def test_health_is_what_the_application_says() -> None:
    health = rpc.Health()
    async with rpc.testing.client(shop(), health=health) as client:
        serving = Condition("serving")
        assert await client.call(builtin.health) == HealthReport(
            status="serving", message="", services={"shop": serving}
        )
        health.set("degraded", "the disk is full")
        assert await client.call("rpc.health") == {
            "status": "degraded",
            "message": "the disk is full",
            "services": {"shop": {"status": "degraded", "message": "the disk is full"}},
        }


async def test_changes_of_health_are_streamed() -> None:
    health = rpc.Health()
    async with rpc.testing.client(shop(), health=health) as client, client.stream(builtin.watch) as reports:
        assert (await anext(reports)).status == "serving"
        health.set("serving")  # no change
        health.set("degraded")
        assert (await anext(reports)).status == "degraded"
        health.set("serving", service="shop")
        health.set("closed", "for lunch", service="shop")
        assert (await anext(reports)).services == {"shop": Condition("closed", "for lunch")}


async def test_a_watcher_that_leaves_is_forgotten() -> None:
    health = rpc.Health()
    async with rpc.testing.client(shop(), health=health) as client:
        async with client.stream(builtin.watch) as reports:
            await anext(reports)
        assert (await client.call(builtin.stats)).calls == 1  # this one
        health.set("degraded")


async def test_a_server_that_drains_says_so_and_lets_its_watchers_go() -> None:
    health, stop = rpc.Health(), trio.Event()
    told: list[HealthReport] = []
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(
                shop(), "tcp://127.0.0.1:0", health=health, stop=stop, task_status=task_status,
                limits=rpc.Limits(drain_timeout=60),
            )  # fmt: skip

        [address] = await nursery.start(serve)
        with trio.fail_after(10):
            async with rpc.connect(address) as client, client.stream(builtin.watch) as reports:
                async for report in reports:
                    told.append(report)
                    stop.set()
    assert [report.status for report in told] == ["serving", "draining"]
    assert told[1].services == {"shop": Condition("draining", "the server is stopping")}


async def test_statistics_count_what_has_come(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(shop()) as client, trio.open_nursery() as nursery:
        await trio.sleep(2.5)
        nursery.start_soon(client.call, "shop.wait")
        await client.call("shop.order", Tea("green", 2))
        with pytest.raises(rpc.Unimplemented):
            await client.call("shop.nothing")
        with pytest.raises(rpc.InvalidArgument):
            await client.call("shop.order", 3)
        with pytest.raises(rpc.RemoteError):
            await client.call("shop.order", Tea("none"))
        await client.notify("shop.called", "Ada")
        await client.notify("shop.caled", "Ada")
        assert await client.call(builtin.stats) == Statistics(
            uptime=2.5,
            connections=1,
            connections_total=1,
            connections_refused={},
            connections_cut={},
            calls=2,
            calls_total=6,
            calls_refused=2,
            calls_shed={},
            calls_failed=1,
            bytes_in_flight=1,  # the empty arguments of the call that waits
            notifications_total=2,
            notifications_dropped={"no such notification": 1},
            datagrams_dropped={},
            datagrams_lost=0,
        )
        nursery.cancel_scope.cancel()


async def test_refused_connections_are_counted() -> None:
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(shop(), "tcp://127.0.0.1:0", limits=rpc.Limits(max_connections=1), task_status=task_status)

        [address] = await nursery.start(serve)
        async with rpc.connect(address) as client:
            with pytest.raises(rpc.Unavailable):
                async with rpc.connect(address):
                    pass
            stats = await client.call(builtin.stats)
            assert (stats.connections_total, stats.connections_refused) == (2, {"too_many": 1})
        nursery.cancel_scope.cancel()


async def test_what_a_limit_refused_is_counted_by_its_name(autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    serving = Serving(handlers_of(shop()), rpc.Limits(max_calls_total=3))
    account = builtin.Account(serving)
    async with open_background() as nursery:
        nursery.start_soon(serving.readiness.run)
        nursery.start_soon(serving.serve_link, far)
        peer = RawPeer(near)
        await peer.greet()
        await peer.say(*(call(id, "shop.wait") for id in range(1, 11, 2)))
        for _ in range(2):
            assert error_of(await peer.hear()).code == rpc.Code.RESOURCE_EXHAUSTED
        stats = account.statistics()
        assert (stats.calls, stats.calls_shed, stats.connections_cut) == (3, {"max_calls_total": 2}, {})
        await peer.say(*(frames.ping(token) for token in range(40)))
        await peer.hear_all()
        peer.close()
        assert account.statistics().connections_cut == {"too_many": 1}


async def test_those_whose_credential_was_refused_are_counted(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        serve = partial(rpc.serve, shop(), f"unix:{tmp_path}/s", authenticate=rpc.tokens({"secret": "alice"}))
        [address] = await nursery.start(serve)
        with pytest.raises(rpc.Unavailable):
            async with rpc.connect(address, credential="wrong"):
                pass
        async with rpc.connect(address, credential="secret") as client:
            with trio.fail_after(10):
                while (stats := await client.call(builtin.stats)).connections > 1:
                    pass
        assert (stats.connections_total, stats.connections_refused) == (2, {"unidentified": 1})
        nursery.cancel_scope.cancel()


async def test_clients_describe_nothing_to_their_servers() -> None:
    asker = rpc.Service("asker")

    @asker.method
    async def ask(context: rpc.Context) -> str:
        with pytest.raises(rpc.Unimplemented) as caught:
            await context.client.call("rpc.describe")
        return str(caught.value.message)

    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(rpc.serve, asker, "tcp://127.0.0.1:0")
        async with rpc.connect(address, services=shop()) as client:
            assert await client.call(ask) == "there is no method rpc.describe"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def client_from(address: str, describe: bool | None) -> AsyncGenerator[rpc.Client]:
    """A client whose server takes it for one at that address."""
    near, far = trio.testing.memory_stream_pair()
    serving = Serving(handlers_of(shop()), rpc.Limits())
    builtin.add_builtin(serving, describe)
    async with open_background() as nursery:
        nursery.start_soon(serving.readiness.run)
        nursery.start_soon(serving.serve_link, StreamLink(far, Peer(address=address, transport="tcp")))
        async with client_of(StreamLink(near, HERE)) as client:
            yield client


@pytest.mark.parametrize(
    ("address", "describe", "told"),
    [
        ("tcp://127.0.0.1:5", None, True),
        ("tcp://[::1]:5", None, True),
        ("tcp://192.0.2.1:5", None, False),
        ("tcp://192.0.2.1:5", True, True),
        ("tcp://127.0.0.1:5", False, False),
    ],
)
async def test_who_is_told(address: str, describe: bool | None, told: bool) -> None:
    async with client_from(address, describe) as client:
        with pytest.raises(rpc.Unimplemented) as caught:
            await client.call("shop.ordr")
        assert ("did you mean" in caught.value.message) == told
        if told:
            assert (await client.call(builtin.describe)).services[0].name == "shop"
        else:
            for name in ("rpc.describe", "rpc.stats", "rpc.nothing"):
                with pytest.raises(rpc.Unimplemented, match=rf"^there is no method {name}$"):
                    await client.call(name)
        assert await client.call("shop.order", Tea("green", 2)) == 2


@pytest.mark.parametrize("bind", ["unix:{}/s", "tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://:0"])
async def test_on_sockets_of_this_host(bind: str, tmp_path: Path) -> None:
    health = rpc.Health()
    async with trio.open_nursery() as nursery:
        serve = partial(rpc.serve, shop(), bind.format(tmp_path), health=health, insecure=True)
        addresses: list[str] = await nursery.start(serve)
        address = addresses[0].replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
        async with rpc.connect(address) as client:
            description = await client.call(builtin.describe, "shop.order")
            assert description.services[0].methods[0].signature == "(tea: Tea) -> int"
            async with client.stream(builtin.watch) as reports:
                await anext(reports)
                health.set("degraded", "no water")
                assert (await anext(reports)).message == "no water"
            assert (await client.call(builtin.stats)).connections == 1
            with pytest.raises(rpc.Unimplemented, match=r"did you mean shop\.order\?"):
                await client.call("shop.odrer")
        nursery.cancel_scope.cancel()


PROGRAM = """
from functools import partial
import trio
import rpc
trio.run(partial(rpc.serve_stdio, rpc.Service("child"), describe={describe}))
"""


@pytest.mark.parametrize("describe", [None, False])
async def test_a_child_process(describe: bool | None) -> None:
    command = [sys.executable, "-c", PROGRAM.format(describe=describe)]
    async with rpc.connect_process(command) as client:
        if describe is False:
            with pytest.raises(rpc.Unimplemented):
                await client.call(builtin.describe)
        else:
            assert [service.name for service in (await client.call(builtin.describe)).services] == ["child"]
