from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.address import Address, Scheme, parse
from rpc.net.listen import Listener
from tests.probe import Probe

US = os.geteuid()


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/s"


def files(address: str) -> list[str]:
    """What is left in the folder of a socket file."""
    return os.listdir(Path(address.removeprefix("unix:")).parent)


@asynccontextmanager
async def served(
    services: rpc.Service | Sequence[rpc.Service], bind: str | Sequence[str], **options: object
) -> AsyncGenerator[list[str]]:
    """A server, cancelled at the end of the block."""
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(services, bind, task_status=task_status, **options)  # type: ignore[arg-type]

        yield await nursery.start(serve)
        nursery.cancel_scope.cancel()


def with_lifespan(happened: list[str]) -> rpc.Service:
    service = rpc.Service("calc")

    @service.lifespan
    async def state() -> AsyncGenerator[str]:
        happened.append("open")
        try:
            yield "the state"
        finally:
            happened.append("closed")

    @service.method
    async def work(context: rpc.Context[str], seconds: float) -> str:
        happened.append("begun")
        try:
            await trio.sleep(seconds)
            return context.state
        finally:
            happened.append("ended")

    return service


# --- Addresses ---------------------------------------------------------------------------------------------------


async def test_the_bound_addresses_are_told_and_reachable(probe: Probe, address: str) -> None:
    async with served(probe.service, [address, "tcp://127.0.0.1:0", "tcp://127.0.0.1:0"]) as addresses:
        assert addresses[0] == address
        assert len(set(addresses)) == 3
        for bound in addresses:
            async with rpc.connect(bound) as client:
                assert await client.call("probe.add", 1) == 11


async def test_an_address_may_be_an_object(probe: Probe) -> None:
    async with trio.open_nursery() as nursery:
        [bound] = await nursery.start(rpc.serve, probe.service, Address(Scheme.TCP, host="localhost", port=0))
        async with rpc.connect(parse(bound)) as client:
            assert await client.call("probe.add", 1) == 11
        nursery.cancel_scope.cancel()


async def test_several_services(probe: Probe, address: str) -> None:
    other = rpc.Service("other")

    @other.method
    def name() -> str:
        return "other"

    async with served([probe.service, other], address), rpc.connect(address) as client:
        assert await client.call("probe.add", 1) == 11
        assert await client.call("other.name") == "other"


@pytest.mark.parametrize(
    ("bind", "error", "message"),
    [
        ([], ValueError, "nothing to serve on"),
        (9000, TypeError, "an address is text"),
        ([None], TypeError, "an address is text"),
        ("calc.sock", ValueError, "calc.sock"),
        ("tls://localhost:1", ValueError, "it needs a certificate"),
        ("tcp://0.0.0.0:0", ValueError, r"tcp://0\.0\.0\.0:\d+ can be reached from other hosts"),
        ("udp://0.0.0.0:0", ValueError, "can be reached from other hosts"),
        ("unix:/nowhere/at/all/s", OSError, "/nowhere/at/all"),
    ],
)
async def test_an_address_that_cannot_be_served_leaves_nothing_behind(
    bind: Any, error: type[Exception], message: str, address: str
) -> None:
    happened: list[str] = []
    with pytest.raises(error, match=message):
        await rpc.serve(with_lifespan(happened), [address, bind] if isinstance(bind, str) else bind)
    assert files(address) == []
    assert happened == ["open", "closed"]


async def test_an_exposed_address_may_be_served_on_demand(probe: Probe) -> None:
    async with served(probe.service, "tcp://0.0.0.0:0", insecure=True) as [bound]:
        port = bound.rpartition(":")[2]
        async with rpc.connect(f"tcp://127.0.0.1:{port}") as client:
            assert await client.call("probe.add", 1) == 11


async def test_an_address_in_use_is_refused_and_its_server_unharmed(probe: Probe, address: str) -> None:
    async with served(probe.service, [address, "tcp://127.0.0.1:0"]) as bound:
        for taken in bound:
            with pytest.raises(OSError, match=r"in use|live server") as caught:
                await rpc.serve(rpc.Service("other"), ["tcp://127.0.0.1:0", taken])
            assert caught.value.errno == errno.EADDRINUSE
        async with rpc.connect(address) as client:
            assert await client.call("probe.add", 1) == 11


async def test_two_services_of_one_name(address: str) -> None:
    with pytest.raises(ValueError, match="two services are named 'one'"):
        await rpc.serve([rpc.Service("one"), rpc.Service("one")], address)
    assert files(address) == []


# --- Users -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "mode"), [(None, 0o600), ([US], 0o600), ([US, US + 1000], 0o666)])
async def test_users_who_are_let_in(allowed: list[int] | None, mode: int, probe: Probe, address: str) -> None:
    async with served(probe.service, address, allow_uids=allowed), rpc.connect(address) as client:
        assert stat.S_IMODE(os.stat(address.removeprefix("unix:")).st_mode) == mode
        assert await client.call("probe.add", 1) == 11


async def test_a_user_who_is_turned_away(probe: Probe, address: str) -> None:
    bind = [address, f"unixgram:{address.removeprefix('unix:')}g"]
    async with served(probe.service, bind, allow_uids=[US + 1000]) as (_, datagrams):
        with pytest.raises(rpc.Unavailable, match=f"user {US} is not allowed"):
            async with rpc.connect(address):
                raise AssertionError("not reached")
        async with rpc.notifier(datagrams) as notifier:
            notifier.send("probe.observe")
        await trio.testing.wait_all_tasks_blocked()
        assert probe.told == []


async def test_what_is_allowed_to_be_said(probe: Probe, address: str) -> None:
    async with served(probe.service, address, debug=True), rpc.connect(address) as client:
        with pytest.raises(rpc.RemoteError, match="a secret") as caught:
            await client.call("probe.fail", "undeclared")
        assert caught.value.remote_traceback is not None


async def test_what_one_peer_may_make_us_do(probe: Probe, address: str) -> None:
    limits = rpc.Limits(max_message=16384, max_connections=1)
    async with served(probe.service, address, limits=limits), rpc.connect(address) as client:
        with pytest.raises(rpc.ResourceExhausted, match="16384"):
            await client.call("probe.add", bytes(20_000))
        with pytest.raises(rpc.Unavailable, match="max_connections"):
            async with rpc.connect(address):
                raise AssertionError("not reached")


# --- Datagrams ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "unixgram"])
async def test_notifications_come_as_datagrams(scheme: str, probe: Probe, address: str) -> None:
    bind = "udp://127.0.0.1:0" if scheme == "udp" else f"unixgram:{address.removeprefix('unix:')}"
    async with served(probe.service, bind) as [bound], rpc.notifier(bound) as notifier:
        notifier.send("probe.observe")
        notifier.send("probe.nothing")
        notifier.send("probe.observe", "too much")
        notifier.send("probe.observe")
        with trio.fail_after(5):
            while probe.told != ["observed", "observed"]:
                await trio.lowlevel.checkpoint()
    assert files(address) == []


# --- The end -----------------------------------------------------------------------------------------------------


async def test_cancelled_it_leaves_nothing_behind(address: str, autojump_clock: trio.testing.MockClock) -> None:
    happened: list[str] = []
    async with (
        served(with_lifespan(happened), address),
        rpc.connect(address) as client,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(client.call, "calc.work", 100)
        await trio.sleep(1)
        assert happened == ["open", "begun"]
        nursery.cancel_scope.cancel()
    assert happened == ["open", "begun", "ended", "closed"]
    assert files(address) == []


async def test_cancelled_with_handlers_that_take_their_time(
    probe: Probe, address: str, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rpc.testing.client(probe.service), trio.open_nursery() as nursery:

        async def call(method: str) -> None:
            async with rpc.connect(address) as client:
                # Its answer may still leave, or the connection ends before.
                with contextlib.suppress(rpc.Unavailable, rpc.RemoteError):
                    await client.call(method, *([3] if method == "probe.finish" else []))

        async with served(probe.service, address):
            for method in ("probe.finish", "probe.fail_in_nursery", "probe.swallow"):
                nursery.start_soon(call, method)
            await trio.sleep(1)
    assert trio.current_time() == pytest.approx(3)
    assert not [message for message in caplog.messages if "inside" in message]


async def test_told_to_stop_it_lets_calls_end(address: str, autojump_clock: trio.testing.MockClock) -> None:
    happened: list[str] = []
    stop, returned = trio.Event(), trio.Event()
    service = with_lifespan(happened)
    async with trio.open_nursery() as nursery:
        results: list[object] = []

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(service, address, stop=stop, task_status=task_status)
            returned.set()

        async def call() -> None:
            results.append(await client.call("calc.work", 5))

        await nursery.start(serve)
        async with rpc.connect(address) as client:
            nursery.start_soon(call)
            await trio.sleep(1)
            stop.set()
            await trio.testing.wait_all_tasks_blocked()
            assert files(address) == []
            with pytest.raises(rpc.Unavailable, match="no such socket file"):
                async with rpc.connect(address):
                    raise AssertionError("not reached")
            with pytest.raises(rpc.Unavailable, match="cannot connect"):
                await client.call("calc.work", 1)
            await returned.wait()
            assert results == ["the state"]
    assert trio.current_time() == pytest.approx(5, abs=1)
    assert happened == ["open", "begun", "ended", "closed"]


async def test_told_to_stop_it_waits_only_so_long(address: str, autojump_clock: trio.testing.MockClock) -> None:
    happened: list[str] = []
    stop = trio.Event()
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            limits = rpc.Limits(drain_timeout=2)
            await rpc.serve(with_lifespan(happened), address, stop=stop, limits=limits, task_status=task_status)

        await nursery.start(serve)
        async with rpc.connect(address) as client:
            stop.set()
            with pytest.raises(rpc.Unavailable) as caught:
                await client.call("calc.work", 100)
            assert caught.value.processed is rpc.Processed.UNKNOWN
            assert trio.current_time() == pytest.approx(2)
    assert happened == ["open", "begun", "ended", "closed"]


async def test_told_to_stop_it_runs_the_notifications_that_have_arrived(
    address: str, autojump_clock: trio.testing.MockClock
) -> None:
    service, told, stop = rpc.Service("log"), [], trio.Event()

    @service.notification
    async def write(what: str) -> None:
        await trio.sleep(3)
        told.append(what)

    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            bind = [address, "unixgram:" + address.removeprefix("unix:") + "g"]
            await rpc.serve(service, bind, stop=stop, task_status=task_status)

        _, datagrams = await nursery.start(serve)
        async with rpc.connect(address) as client, rpc.notifier(datagrams) as notifier:
            await client.notify(write, "on a connection")
            notifier.send(write, "in a datagram")
            await client.ping()
        await trio.testing.wait_all_tasks_blocked()
        stop.set()
    assert sorted(told) == ["in a datagram", "on a connection"]


async def test_told_to_stop_before_it_starts(address: str, autojump_clock: trio.testing.MockClock) -> None:
    stop = trio.Event()
    stop.set()
    happened: list[str] = []
    await rpc.serve(with_lifespan(happened), address, stop=stop)
    assert happened == ["open", "closed"]
    assert files(address) == []


async def test_a_listener_that_fails_ends_it_and_leaves_nothing_behind(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Listener) -> None:
        raise OSError(errno.EBADF, "the listener is broken")

    monkeypatch.setattr(Listener, "accept", fail)
    happened: list[str] = []
    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="the listener is broken")):
        await rpc.serve(with_lifespan(happened), address)
    assert happened == ["open", "closed"]
    assert files(address) == []


@pytest.mark.parametrize("when", ["opening", "closing"])
async def test_a_lifespan_that_fails(when: str, address: str) -> None:
    service, stop = rpc.Service("calc"), trio.Event()
    stop.set()

    @service.lifespan
    async def state() -> AsyncGenerator[None]:
        if when == "opening":
            raise LookupError("no database")
        yield
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        await rpc.serve(service, address, stop=stop)
    assert files(address) == []
