from __future__ import annotations

import itertools
import logging
import math
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from rpc.errors import Reason
from rpc.limits import Limits
from rpc.net.background import open_background
from rpc.net.watchman import Watch, Watchman
from rpc.peer import Peer
from rpc.service.service import Service
from rpc.wire import frames
from rpc.wire.hello import Settings
from tests.raw_peer import (
    HERE,
    REMOTE,
    call,
    connected,
    connection_of,
    greeting,
    notify,
    raw_client,
    raw_server,
    result_of,
    socket_links,
)

service = Service("calc")


@service.method
def size(value: bytes) -> int:
    return len(value)


@service.method
async def size_later(value: bytes) -> int:
    await trio.sleep(100)
    return len(value)


# --- The sign of life ------------------------------------------------------------------------------------------


async def test_a_silent_peer_is_pinged_and_lives_while_it_answers(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, peer=REMOTE) as peer:
        for turn in range(1, 4):
            kind, token = await peer.hear()
            assert kind == frames.PING
            assert trio.current_time() == pytest.approx(30 * turn)
            await peer.say(frames.pong(token))


async def test_a_silent_peer_that_does_not_answer_is_dead(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "rpc")
    async with raw_client(service, peer=REMOTE) as peer:
        assert [fields[0] for fields in await peer.hear_all()] == [frames.PING]
        assert trio.current_time() == pytest.approx(40)
    assert "no sign of life for 40 s" in caplog.messages[-1]


@pytest.mark.parametrize("last", [0.1, 15, 29.9, 31])
async def test_silence_is_counted_from_the_last_byte(last: float, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, peer=REMOTE) as peer:
        await trio.sleep(last)
        await peer.say(frames.pong(7))
        await peer.hear_all()
        assert trio.current_time() == pytest.approx(last + 40)


async def test_any_byte_is_a_sign_of_life(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, peer=REMOTE) as peer:
        for _ in range(10):
            await trio.sleep(20)
            await peer.say(notify("calc.nothing"))
        await peer.hear()  # the ping: nothing was heard for 30 s
        assert trio.current_time() == pytest.approx(240, abs=30)
        await trio.sleep(9)
        peer.socket.send(notify("calc.nothing")[:3])
        await trio.sleep(9)
        await peer.say(notify("calc.nothing")[3:], call(1, "calc.size", b"four"))
        assert result_of(await peer.hear()) == 4


async def test_a_pinger_keeps_to_what_its_peer_tolerates(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(peer=REMOTE, spoken=greeting(min_ping=90_000)) as (_, peer):
        kind, _ = await peer.hear()
        assert kind == frames.PING
        assert trio.current_time() == pytest.approx(90)


async def test_both_sides_ping_as_their_limits_say(autojump_clock: trio.testing.MockClock) -> None:
    limits = Limits(keepalive=2, keepalive_timeout=1)
    async with raw_server(peer=REMOTE, limits=limits) as (client, peer):
        assert [fields[0] for fields in await peer.hear_all()] == [frames.PING]
        assert trio.current_time() == pytest.approx(3)
        assert connection_of(client).end_reason == "no sign of life for 3 s"


async def test_nobody_pings_on_this_host(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service) as peer:
        await trio.sleep(10_000)
        await peer.say(call(1, "calc.size", b"four"))
        assert result_of(await peer.hear()) == 4


@pytest.mark.parametrize("leaves", ["at once", "while the ping is on its way"])
async def test_a_peer_that_leaves_is_not_missed(
    leaves: str, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_server(peer=REMOTE) as (client, peer):
        if leaves != "at once":
            await peer.hear()
        peer.close()
        await trio.sleep(100)
        assert connection_of(client).is_over
    assert not caplog.records


async def test_a_peer_that_is_turned_away_is_not_pinged(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(service, peer=REMOTE, greets=False) as peer:
        await peer.hear()
        [goaway] = await peer.hear_all()
        assert goaway[2] == Reason.TOO_SLOW
    assert [record.getMessage() for record in caplog.records] == [
        f"{REMOTE.address}: connection error: no HELLO came in time"
    ]


async def test_two_of_ours_keep_each_other_alive(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(service, links=lambda: socket_links(peer=REMOTE)) as pair:
        await trio.sleep(10_000)
        assert await pair.client.call(size, b"four") == 4


# --- Idle connections --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", [HERE, REMOTE])
async def test_an_idle_connection_is_ended_where_that_is_wanted(
    peer: Peer, autojump_clock: trio.testing.MockClock
) -> None:
    """Pings are no use of it, in either direction."""
    async with raw_client(service, limits=Limits(idle_timeout=60), peer=peer) as raw:
        for _ in range(5):
            await trio.sleep(10)
            await raw.say(frames.ping(1))
        heard = await raw.hear_all()
        assert heard[-1] == [frames.GOAWAY, 0, Reason.TOO_SLOW, "nothing has happened for 60 s"]
        assert trio.current_time() == pytest.approx(60, abs=4)


async def test_a_connection_that_is_used_is_not_idle(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service, limits=Limits(idle_timeout=60)) as raw:
        await raw.say(call(1, "calc.size_later", b"four"))
        assert result_of(await raw.hear()) == 4
        assert trio.current_time() == pytest.approx(100)
        for _ in range(4):
            await trio.sleep(50)
            await raw.say(notify("calc.nothing"))
        assert (await raw.hear())[0] == frames.GOAWAY
        assert trio.current_time() == pytest.approx(360, abs=4)


async def test_a_client_may_end_what_it_does_not_use(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(limits=Limits(idle_timeout=60)) as (client, _raw):
        for _ in range(2):
            await trio.sleep(50)
            await client.notify("far.note", 1)
        await connection_of(client).ended.wait()
        assert trio.current_time() == pytest.approx(161, abs=4)


async def test_by_default_a_connection_may_be_idle_for_days(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(service) as raw:
        await trio.sleep(3 * 86_400)
        await raw.say(call(1, "calc.size", b"four"))
        assert result_of(await raw.hear()) == 4


# --- One task for all --------------------------------------------------------------------------------------------


@attrs.define
class Session:
    uses: int = 0

    def ping(self, token: int) -> None:
        assert token == 0


@attrs.define(eq=False)
class Host:
    """A connection as the watchman sees it; `pinged` is when it was."""

    limits: Limits = attrs.field(factory=lambda: Limits(keepalive=10, keepalive_timeout=5))
    peer: Peer = REMOTE
    session: Session = attrs.field(factory=Session)
    settings: Settings = attrs.field(factory=Settings)
    reads: int = 0
    heard_at: float = attrs.field(factory=trio.current_time)
    is_quiet: bool = True
    pinged: list[float] = attrs.field(factory=list[float])
    ended: float | None = None
    failed: BaseException | None = None

    def flush(self) -> None:
        self.pinged.append(trio.current_time())

    def end(self, reason: str) -> None:
        self.ended = trio.current_time()

    def fail(self) -> None:
        self.failed = RuntimeError()

    def hear(self) -> None:
        self.reads += 1
        self.heard_at = trio.current_time()


def watch(watchman: Watchman, host: Any) -> Watch:
    found = watchman.watch(host)
    assert found is not None
    return found


async def test_each_has_its_own_time(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    watchman = Watchman()
    watchman.start(nursery)
    late, slow = Host(), Host(settings=Settings(min_ping=20_000))
    watch(watchman, late)
    watch(watchman, slow)
    await trio.sleep(3)
    later, soon = Host(), Host(limits=Limits(keepalive=1, keepalive_timeout=1))
    watch(watchman, later)
    watch(watchman, soon)
    await trio.sleep(100)
    hosts = late, slow, later, soon
    assert [host.pinged for host in hosts] == [[10], [20], [13], [4]]
    assert [host.ended for host in hosts] == [15, 25, 18, 5]


@pytest.mark.parametrize("patience", [2, 30])
async def test_whoever_answers_is_asked_again_in_time(
    patience: float, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Also where there is more time for an answer than between two questions."""
    watchman = Watchman()
    watchman.start(nursery)
    host = Host(Limits(keepalive=10, keepalive_timeout=patience))
    watch(watchman, host)
    await trio.sleep(10.5)
    host.hear()
    await trio.sleep(50)
    assert host.pinged[:2] == [10, 20.5]
    assert host.ended == pytest.approx(20.5 + patience)


async def test_its_task_is_there_while_there_is_something_to_watch(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    watchman = Watchman()
    host = Host()
    early = watch(watchman, host)
    assert not nursery.child_tasks
    watchman.start(nursery)
    assert watchman.watch(Host(peer=HERE)) is None  # type: ignore[arg-type]
    watches = [watch(watchman, Host()) for _ in range(3)]
    assert len(nursery.child_tasks) == 1
    for each in (early, *watches):
        watchman.forget(each)
    await trio.testing.wait_all_tasks_blocked()
    assert not nursery.child_tasks
    await trio.sleep(11)
    assert not host.pinged
    watch(watchman, Host())
    assert len(nursery.child_tasks) == 1
    await trio.sleep(100)
    assert not nursery.child_tasks


async def test_another_nursery_goes_on_with_what_is_watched(autojump_clock: trio.testing.MockClock) -> None:
    watchman, first, second = Watchman(), Host(), Host()
    async with open_background() as nursery:
        watchman.start(nursery)
        watch(watchman, first)
        await trio.sleep(1)
    watchman.stop()
    watch(watchman, second)
    await trio.sleep(20)
    assert not first.pinged
    async with open_background() as nursery:
        watchman.start(nursery)
        await trio.sleep(1)
        assert (first.pinged, second.pinged) == ([21], [21])


async def test_what_is_over_is_let_go_of(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    """Connections that come and go within their time are not kept until it comes."""
    watchman = Watchman()
    watchman.start(nursery)
    kept = [Host() for _ in range(10)]
    for host in kept:
        watch(watchman, host)
    most = 0
    for _ in range(1000):
        passing = watch(watchman, Host())
        watchman.forget(passing)
        assert passing.is_over
        assert passing.look(trio.current_time()) == math.inf
        most = max(most, len(watchman._due))
    assert most < 100
    await trio.sleep(100)
    assert [host.ended for host in kept] == [15] * 10


async def test_many_at_once_leave_others_their_turn(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    watchman = Watchman()
    watchman.start(nursery)
    hosts = [Host() for _ in range(1000)]
    for host in hosts:
        watch(watchman, host)
    turns: list[int] = []

    async def count() -> None:
        await trio.sleep(10)
        while len(turns) < 8:
            turns.append(sum(map(len, (host.pinged for host in hosts))))
            await trio.lowlevel.checkpoint()

    nursery.start_soon(count)
    await trio.sleep(11)
    assert max(later - earlier for earlier, later in itertools.pairwise(turns)) <= 2 * 64
    assert all(len(host.pinged) == 1 for host in hosts)


async def test_a_failure_is_the_end_of_one_connection_alone(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    watchman = Watchman()
    watchman.start(nursery)
    broken, host = Host(), Host()
    watch(watchman, broken)
    watch(watchman, host)
    broken.session = None  # type: ignore[assignment]
    await trio.sleep(100)
    assert broken.failed
    assert host.ended == 15
