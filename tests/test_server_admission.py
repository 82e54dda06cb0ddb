from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
import trio.testing

import rpc
from rpc.address import parse
from rpc.errors import Reason
from rpc.limits import Limits
from rpc.net import system
from rpc.net.background import open_background
from rpc.net.dial import dial
from rpc.net.link import SocketLink
from rpc.net.listen import Listener, listen
from rpc.peer import Peer
from rpc.server.admission import most_connections
from rpc.server.serving import Serving
from rpc.wire import frames
from tests.probe import Probe
from tests.raw_peer import HELLO, RawPeer, client_of, handlers_of, socket_links


class Door:
    """A server, and peers that knock at it by hand."""

    def __init__(self, limits: Limits, nursery: trio.Nursery) -> None:
        self.serving = Serving(handlers_of(Probe().service), limits)
        self.nursery = nursery
        self.peers: list[RawPeer] = []
        nursery.start_soon(self.serving.readiness.run)

    def knock(self, peer: Peer | None = None) -> RawPeer:
        near, far = socket_links() if peer is None else socket_links(peer=peer)
        raw = RawPeer(near)
        self.peers.append(raw)
        self.nursery.start_soon(self.serving.serve_link, far)
        return raw


@pytest.fixture
def door(nursery: trio.Nursery) -> Iterator[Door]:
    door = Door(Limits(max_connections=4, max_connections_per_peer=2, max_greeting=2), nursery)
    yield door
    for peer in door.peers:
        peer.close()


def user(uid: int) -> Peer:
    return Peer(address="unix:test", transport="unix", uid=uid)


def at(host: str, port: int = 4711) -> Peer:
    return Peer(address=f"tcp://{host}:{port}", transport="tcp")


async def refusal(peer: RawPeer) -> str:
    """What a peer is told that is turned away."""
    await peer.say(HELLO)
    hello, goaway = await peer.hear_all()
    assert hello[0] == frames.HELLO
    assert goaway[:3] == [frames.GOAWAY, 0, Reason.TOO_MANY]
    return str(goaway[3])


# --- How many ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "most"), [(None, 1024), (20_000, 1024), (1088, 1024), (1024, 960), (128, 64), (64, 32), (20, 10), (1, 1)]
)
def test_by_default_there_is_room_for_other_files(
    files: int | None, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpc.server.admission.descriptor_limit", lambda: files)
    assert most_connections(Limits()) == most
    assert most_connections(Limits(max_connections=5)) == 5


def test_the_limit_of_files_is_the_systems() -> None:
    files = system.descriptor_limit()
    assert files is None or most_connections(Limits()) <= max(files - 64, files // 2)


async def test_one_address_does_not_have_them_all(door: Door, autojump_clock: trio.testing.MockClock) -> None:
    one, two = door.knock(at("192.0.2.1")), door.knock(at("192.0.2.1", 4712))
    for peer in (one, two):
        await peer.greet()
    text = await refusal(door.knock(at("192.0.2.1")))
    assert text == "max_connections_per_peer: 2 are open from 192.0.2.1"
    await door.knock(at("192.0.2.2")).greet()
    await door.knock(at("192.0.2.3")).greet()
    assert await refusal(door.knock(at("192.0.2.4"))) == "max_connections: 4 are open"
    assert door.serving.refusals() == {"too_many": 2}
    one.close()
    await trio.testing.wait_all_tasks_blocked()
    await door.knock(at("192.0.2.1")).greet()


async def test_users_of_this_host_are_counted_one_by_one(nursery: trio.Nursery) -> None:
    door = Door(Limits(max_connections_per_peer=1), nursery)
    door.serving.allow_uids = {1001, 1002}
    await door.knock(user(1001)).greet()
    await door.knock(user(1002)).greet()
    assert await refusal(door.knock(user(1002))) == "max_connections_per_peer: 1 are open from user 1002"
    for peer in door.peers:
        peer.close()


async def test_our_own_user_may_have_them_all(nursery: trio.Nursery) -> None:
    door = Door(Limits(max_connections=3, max_connections_per_peer=1), nursery)
    for uid in (os.geteuid(), os.geteuid(), 0):
        await door.knock(user(uid)).greet()
    assert await refusal(door.knock(user(os.geteuid()))) == "max_connections: 3 are open"
    for peer in door.peers:
        peer.close()


async def test_who_was_turned_away_takes_no_place(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    door = Door(Limits(max_connections=1), nursery)
    first = door.knock()
    await first.greet()
    lingering = [door.knock() for _ in range(3)]
    await trio.testing.wait_all_tasks_blocked()
    assert len(door.serving.connections) == 4
    first.close()
    await trio.testing.wait_all_tasks_blocked()
    await door.knock().greet()
    assert trio.current_time() == 0, "it need not wait until those have gone"
    await trio.sleep(2)
    assert len(door.serving.connections) == 1
    for peer in lingering:
        assert (await peer.hear_all())[-1][0] == frames.GOAWAY
    for peer in door.peers:
        peer.close()


async def test_that_there_are_too_many_is_told_now_and_then(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door(Limits(max_connections=1), nursery)
    await door.knock().greet()
    for _ in range(110):
        door.knock().close()
        await trio.sleep(0.1)
    assert caplog.messages == ["unix:test: turned away: max_connections: 1 are open"] * 3
    for peer in door.peers:
        peer.close()


async def test_a_crowd_is_turned_away_in_one_word(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    door = Door(Limits(max_connections=1, max_greeting=3), nursery)
    await door.knock().greet()
    crowd = [door.knock() for _ in range(10)]
    await trio.testing.wait_all_tasks_blocked()
    assert len(door.serving.connections) == 4
    for peer in crowd:
        _, goaway = await peer.hear_all()
        assert goaway == [frames.GOAWAY, 0, Reason.TOO_MANY, "max_connections: 1 are open"]
    assert door.serving.refusals() == {"too_many": 10}
    for peer in door.peers:
        peer.close()


# --- Greeting ----------------------------------------------------------------------------------------------------


class Entrance:
    """A server on a socket file, with a `Door` of two."""

    def __init__(self, serving: Serving, listener: Listener, clients: AsyncExitStack) -> None:
        self.serving = serving
        self.listener = listener
        self._clients = clients

    async def knock(self) -> RawPeer:
        link = await dial(self.listener.address)
        assert isinstance(link, SocketLink)
        peer = RawPeer(link)
        self._clients.callback(peer.close)
        return peer


@pytest.fixture
async def entrance(tmp_path: Path) -> AsyncIterator[Entrance]:
    [listener] = await listen(parse(f"unix:{tmp_path}/s"))
    serving = Serving(handlers_of(Probe().service), Limits(max_greeting=2))
    async with AsyncExitStack() as clients, open_background() as nursery:
        nursery.start_soon(serving.readiness.run)
        nursery.start_soon(serving.accept, listener, nursery)
        yield Entrance(serving, listener, clients)
        nursery.cancel_scope.cancel()
    listener.close()


async def test_with_as_many_that_greet_nobody_is_accepted_for_a_second(
    entrance: Entrance, autojump_clock: trio.testing.MockClock
) -> None:
    silent = [await entrance.knock() for _ in range(2)]
    await trio.testing.wait_all_tasks_blocked()
    third = await entrance.knock()
    await third.say(HELLO)
    await trio.sleep(0.9)
    assert len(entrance.serving.connections) == 2
    await trio.sleep(0.2)
    assert (await third.hear())[0] == frames.HELLO
    assert entrance.serving.refusals() == {"silent": 1}
    _, goaway = await silent[0].hear_all()
    assert goaway == [frames.GOAWAY, 0, Reason.TOO_MANY, "max_greeting: no HELLO came, and others wait"]
    await silent[1].greet()


async def test_the_next_is_accepted_as_soon_as_one_has_greeted(
    entrance: Entrance, autojump_clock: trio.testing.MockClock
) -> None:
    first, second = await entrance.knock(), await entrance.knock()
    await trio.testing.wait_all_tasks_blocked()
    third = await entrance.knock()
    await third.say(HELLO)
    await trio.sleep(0.5)
    await second.greet()
    assert (await third.hear())[0] == frames.HELLO
    assert trio.current_time() == pytest.approx(0.5)
    first.leave()
    await trio.testing.wait_all_tasks_blocked()
    assert len(entrance.serving.connections) == 2
    assert entrance.serving.refusals() == {}


async def test_who_waits_for_authenticate_is_not_silent(
    entrance: Entrance, autojump_clock: trio.testing.MockClock
) -> None:
    async def authenticate(credential: bytes | None, peer: Peer) -> str:
        await trio.sleep(2)
        return "somebody"

    entrance.serving.authenticate = authenticate
    for _ in range(2):
        await (await entrance.knock()).say(HELLO)
    await trio.testing.wait_all_tasks_blocked()
    async with client_of(await dial(entrance.listener.address)) as client:
        assert await client.call("probe.add", 1) == 11
    assert trio.current_time() == pytest.approx(4)
    assert entrance.serving.refusals() == {}


async def test_a_server_that_stops_leaves_nobody_in_the_door(
    entrance: Entrance, autojump_clock: trio.testing.MockClock
) -> None:
    for _ in range(2):
        await entrance.knock()
    await trio.testing.wait_all_tasks_blocked()
    waiting = await entrance.knock()
    await trio.testing.wait_all_tasks_blocked()
    # The fixture cancels the accepting task, which holds a link: a leak would be a ResourceWarning.
    assert waiting.socket.fileno() >= 0


async def test_a_flood_of_silent_peers_does_not_keep_others_out(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    async with AsyncExitStack() as clients, open_background() as nursery:
        await nursery.start(rpc.serve, Probe().service, address)
        for _ in range(150):
            link = await dial(parse(address))
            clients.callback(link.close)
        with trio.fail_after(5):
            async with rpc.connect(address) as client:
                assert await client.call("probe.add", 1) == 11
        nursery.cancel_scope.cancel()
