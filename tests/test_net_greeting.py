from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Reason
from rpc.net.greeting import Authenticate
from rpc.net.link import Link
from rpc.net.memory import memory_links
from rpc.peer import Peer
from rpc.wire import frames
from tests import raw_peer
from tests.probe import Probe
from tests.raw_peer import HELLO, RawPeer, client_of, greeting, raw_client, serve_link, socket_links

GREETED = greeting(credential=b"a secret")
REFUSED = [frames.GOAWAY, 0, Reason.CREDENTIAL, "credential refused"]


@pytest.fixture
def probe() -> Probe:
    return Probe()


def says(identity: Any) -> Authenticate:
    async def authenticate(credential: bytes | None, peer: Peer) -> Any:
        return identity

    return authenticate


def raises(error: BaseException) -> Authenticate:
    async def authenticate(credential: bytes | None, peer: Peer) -> Any:
        raise error

    return authenticate


@asynccontextmanager
async def stranger(probe: Probe, authenticate: Authenticate, **options: Any) -> AsyncGenerator[RawPeer]:
    async with raw_client(probe.service, greets=False, authenticate=authenticate, **options) as peer:
        yield peer


# --- Who is let in -----------------------------------------------------------------------------------------------


async def test_the_credential_and_the_peer_are_judged_and_the_answer_is_its_identity() -> None:
    asked: list[tuple[bytes | None, Peer]] = []

    async def authenticate(credential: bytes | None, peer: Peer) -> dict[str, str]:
        asked.append((credential, peer))
        return {"name": "alice"}

    service = rpc.Service("who")

    @service.method
    def am_i(context: rpc.Context) -> str:
        name: str = context.peer.identity["name"]
        return name

    async with raw_client(service, greets=False, authenticate=authenticate) as peer:
        await peer.say(GREETED, raw_peer.call(1, "who.am_i"))
        assert (await peer.hear())[0] == frames.HELLO
        assert raw_peer.result_of(await peer.hear()) == "alice"
    [(credential, known)] = asked
    assert credential == b"a secret"
    assert known.identity is None
    assert known.transport == "unix"


@pytest.mark.parametrize("identity", [0, "", False, []])
async def test_an_identity_may_be_anything_but_none(identity: object, probe: Probe) -> None:
    async with stranger(probe, says(identity)) as peer:
        await peer.say(HELLO, raw_peer.call(1, "probe.add", 1))
        await peer.hear()
        assert raw_peer.result_of(await peer.hear()) == 11


@pytest.mark.parametrize("links", [memory_links, socket_links])
async def test_over_every_kind_of_link(links: Callable[[], tuple[Link, Link]], probe: Probe) -> None:
    near, far = links()
    async with serve_link(far, probe.service, authenticate=says("alice")), client_of(near) as client:
        assert await client.call("probe.add", 1) == 11


async def test_a_greeting_in_small_pieces(probe: Probe) -> None:
    async with stranger(probe, says("alice")) as peer:
        for byte in GREETED:
            await peer.say(bytes([byte]))
            await trio.testing.wait_all_tasks_blocked()
        await peer.hear()
        await peer.say(raw_peer.call(1, "probe.add", 1))
        assert raw_peer.result_of(await peer.hear()) == 11


# --- Before it is known who it is --------------------------------------------------------------------------------


async def test_nothing_runs_and_little_is_read_before_the_answer(probe: Probe) -> None:
    asked, answer = trio.Event(), trio.Event()

    async def authenticate(credential: bytes | None, peer: Peer) -> str:
        asked.set()
        await answer.wait()
        return "alice"

    async with stranger(probe, authenticate) as peer:
        await peer.say(GREETED, raw_peer.notify("probe.observe"), raw_peer.call(1, "probe.add", 1))
        await asked.wait()
        peer.socket.setblocking(False)
        sent = 0
        frame = raw_peer.notify("probe.observe")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(BlockingIOError):  # as much as the kernel holds, and no more: nobody reads
            while True:
                sent += peer.socket.send(frame * 1000)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(BlockingIOError):
            peer.socket.send(frame)
        assert sent > 100_000
        assert probe.told == []
        answer.set()
        await peer.hear()
        assert raw_peer.result_of(await peer.hear()) == 11
        assert probe.told[0] == "observed"


async def test_our_own_greeting_does_not_wait(probe: Probe) -> None:
    async with stranger(probe, says(None)) as peer:
        assert (await peer.hear())[0] == frames.HELLO


@pytest.mark.parametrize(
    "behind",
    [
        raw_peer.call(1, "probe.add", 1),
        raw_peer.call(1, "no.such.thing"),
        raw_peer.call(2, "probe.add"),
        b"\0\0\0\1\xff",
        bytes(9),
        frames.ping(1),
        HELLO,
    ],
)
async def test_what_comes_behind_the_greeting_of_a_stranger_is_not_judged(behind: bytes, probe: Probe) -> None:
    async with stranger(probe, says(None)) as peer:
        await peer.say(GREETED, behind)
        [_, *heard] = await peer.hear_all()
        assert heard == [REFUSED]
    assert probe.told == []


# --- Who is not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authenticate",
    [
        says(None),
        raises(rpc.Unauthenticated("no such secret")),
        raises(rpc.PermissionDenied("not today")),
        raises(LookupError("a secret")),
        raises(ExceptionGroup("two", [LookupError("a secret"), ValueError("a secret")])),
        raises(BaseExceptionGroup("mixed", [LookupError("a secret"), ValueError()])),
    ],
)
@pytest.mark.parametrize("spoken", [HELLO, GREETED], ids=["without", "with"])
async def test_whatever_the_reason_the_answer_is_the_same(
    authenticate: Authenticate, spoken: bytes, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    async with stranger(probe, authenticate) as peer:
        await peer.say(spoken, raw_peer.call(1, "probe.add", 1))
        [_, *heard] = await peer.hear_all()
    assert heard == [REFUSED]
    assert probe.told == []
    assert "a secret" not in caplog.text
    assert caplog.messages[-1].endswith("connection error: credential refused")


async def test_an_exception_is_told_to_the_author_with_its_place_and_without_its_text(
    probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    async with stranger(probe, raises(LookupError("a secret"))) as peer:
        await peer.say(GREETED)
        await peer.hear_all()
    assert "authenticate raised LookupError (" in caplog.messages[0]
    assert __file__ in caplog.messages[0]


async def test_a_function_that_cannot_be_awaited_lets_nobody_in(probe: Probe, caplog: pytest.LogCaptureFixture) -> None:
    def authenticate(credential: bytes | None, peer: Peer) -> Any:
        return "alice"

    wrong: Any = authenticate
    async with stranger(probe, wrong) as peer:
        await peer.say(GREETED)
        assert (await peer.hear_all())[1:] == [REFUSED]
    assert "authenticate raised TypeError" in caplog.messages[0]


@pytest.mark.parametrize(
    ("spoken", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Reason.SIZE),
        (b"\0\0\x40\x01" + bytes(100), Reason.SIZE),
        (bytes(4), Reason.SIZE),
        (b"\0\0\0\1\xff", Reason.PROTOCOL),
        (frames.ping(1), Reason.PROTOCOL),
    ],
)
async def test_what_is_no_greeting_is_no_question(spoken: bytes, reason: Reason, probe: Probe) -> None:
    async def authenticate(credential: bytes | None, peer: Peer) -> str:
        raise AssertionError("not reached")

    async with stranger(probe, authenticate) as peer:
        await peer.say(spoken)
        [_, goaway] = await peer.hear_all()
        assert goaway[:3] == [frames.GOAWAY, 0, reason]


@pytest.mark.parametrize("spoken", [b"", b"\0\0", HELLO[:-1]])
async def test_who_leaves_before_its_greeting_is_whole(spoken: bytes, probe: Probe) -> None:
    async with raw_client(probe.service, greets=False, authenticate=says("alice")) as peer:
        await peer.say(spoken)
        peer.leave()
        [_] = await peer.hear_all()


async def test_who_is_reset(probe: Probe) -> None:
    near, far = socket_links()
    async with serve_link(far, probe.service, authenticate=says("alice")) as serving:
        [connection] = await connections(serving)
        near.close()
        await connection.ended.wait()
        assert connection.end_reason == "the peer closed the connection"


async def connections(serving: Any) -> list[Any]:
    await trio.testing.wait_all_tasks_blocked()
    return list(serving.connections)


# --- Time --------------------------------------------------------------------------------------------------------


async def test_an_answer_that_takes_too_long(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async def authenticate(credential: bytes | None, peer: Peer) -> str:
        await trio.sleep_forever()
        raise AssertionError("not reached")

    async with stranger(probe, authenticate, limits=rpc.Limits(handshake_timeout=3)) as peer:
        await peer.say(GREETED, raw_peer.call(1, "probe.add", 1))
        [_, goaway] = await peer.hear_all()
        assert goaway == [frames.GOAWAY, 0, Reason.TOO_SLOW, "it was not known within 3 s who you are"]
        assert trio.current_time() == pytest.approx(3, abs=0.1)
    assert probe.told == []


@pytest.mark.parametrize("authenticate", [None, says("alice")])
async def test_a_greeting_that_does_not_come(
    authenticate: Authenticate | None, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_client(probe.service, greets=False, authenticate=authenticate) as peer:
        [_, goaway] = await peer.hear_all()
        assert goaway == [frames.GOAWAY, 0, Reason.TOO_SLOW, "no HELLO came in time"]
        assert trio.current_time() == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("how", ["end", "drain"])
async def test_a_server_that_stops_meanwhile_asks_in_vain(
    how: str, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    async def authenticate(credential: bytes | None, peer: Peer) -> str:
        await trio.sleep(4)
        return "alice"

    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service, authenticate=authenticate) as serving:
        await peer.say(GREETED, raw_peer.call(1, "probe.add", 1))
        [connection] = await connections(serving)
        if how == "end":
            connection.end("enough")
        else:
            await connection.drain()
        assert connection.is_over
        await peer.hear_all()
        await trio.sleep(5)
    peer.close()
    assert probe.told == []
