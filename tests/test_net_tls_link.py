from __future__ import annotations

import os
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import trio
import trio.testing

import rpc
from rpc.net.link import Buffer
from rpc.net.tls_link import TlsLink
from rpc.peer import Peer
from tests.certificates import Authority

RECORD = 16_384

SOMEBODY = Peer(address="tls://127.0.0.1:4000", transport="tls")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls_link"))


def sockets() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


@asynccontextmanager
async def links(client: ssl.SSLContext, server: ssl.SSLContext) -> AsyncGenerator[tuple[TlsLink, TlsLink]]:
    near, far = sockets()
    pair = TlsLink(near, SOMEBODY, client, "localhost"), TlsLink(far, SOMEBODY, server)
    try:
        with trio.fail_after(10):
            yield pair
    finally:
        for link in pair:
            link.close()


async def shake_hands(*pair: TlsLink) -> list[str | None]:
    """Why the handshake failed, at each side."""
    told: dict[TlsLink, str | None] = {}

    async def one(link: TlsLink) -> None:
        told[link] = await link.shake_hands()

    async with trio.open_nursery() as nursery:
        for link in pair:
            nursery.start_soon(one, link)
    return [told[link] for link in pair]


async def test_both_sides_know_who_the_other_is(authority: Authority) -> None:
    async with links(authority.client("alice"), authority.server(client_ca=authority.ca)) as (near, far):
        assert (near.is_server, far.is_server) == (False, True)
        assert await shake_hands(near, far) == [None, None]
        assert near.peer.names == ("localhost", "127.0.0.1")
        assert far.peer.names == ("alice",)
        assert near.peer.address == SOMEBODY.address


async def test_bytes_go_both_ways(authority: Authority) -> None:
    async with links(authority.client(), authority.server()) as (near, far):
        await shake_hands(near, far)
        assert near.send_nowait([b"one", memoryview(b" two")]) == []
        assert await far.receive_some(RECORD) == b"one two"
        assert far.send_nowait([bytes(1_000)]) == []
        assert await near.receive_some(RECORD) == bytes(1_000)
        with pytest.raises(BlockingIOError):
            near.receive_nowait(RECORD)


async def test_none_of_a_record_stays_behind(authority: Authority) -> None:
    async with links(authority.client(), authority.server()) as (near, far):
        await shake_hands(near, far)
        data = os.urandom(RECORD)
        body, space = bytearray(100), bytearray(65_536)
        near.send_nowait([data])
        await far.wait_readable()
        assert far.receive_into_nowait(memoryview(body), memoryview(space)) == RECORD
        assert body + space[: RECORD - 100] == data
        with pytest.raises(BlockingIOError):
            far.receive_into_nowait(memoryview(space))
        near.send_nowait([b"x" * 100])
        await far.wait_readable()
        assert far.receive_into_nowait(memoryview(body), memoryview(space)) == 100
        near.send_nowait([b"y" * 10])
        await far.wait_readable()
        assert far.receive_into_nowait(memoryview(space)) == 10


async def test_what_the_kernel_does_not_take_is_given_back_and_goes_on(authority: Authority) -> None:
    async with links(authority.client(), authority.server()) as (near, far):
        await shake_hands(near, far)
        data = os.urandom(20_000_000)
        rest: list[Buffer] = near.send_nowait([data[:100], data[100:]])
        left, whole = len(rest[0]), len(data)
        assert 0 < left < whole
        heard = bytearray()

        async def hear() -> None:
            while len(heard) < len(data):
                heard.extend(await far.receive_some(65_536))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear)
            while rest:
                rest = await near.send_some(rest)
        is_same = heard == data  # not shown byte by byte where it is not
        assert is_same


@pytest.mark.parametrize("how", ["close", "shutdown_write"])
async def test_the_end_of_a_stream_without_a_word_is_an_end(how: str, authority: Authority) -> None:
    async with links(authority.client(), authority.server()) as (near, far):
        await shake_hands(near, far)
        near.send_nowait([b"on its way"])
        getattr(far, how)()
        if how == "shutdown_write":
            far.shutdown_write()
            assert await far.receive_some(RECORD) == b"on its way"
        assert await near.receive_some(RECORD) == b""
        assert near.receive_into_nowait(memoryview(bytearray(RECORD))) == 0
        assert near.explain is not None
        assert await near.explain() is None


async def test_a_server_is_told_apart_from_one_of_another_authority(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    async with links(other.client(), authority.server()) as pair:
        near, far = await shake_hands(*pair)
        assert near is not None
        assert near.startswith("the server's certificate is of an authority that is not trusted here")
        assert far == "it does not accept our certificate: its authority is not known there"
        assert pair[0].peer.names == ()


async def test_a_client_without_a_certificate_is_told_after_its_handshake(authority: Authority) -> None:
    async with links(authority.client(), authority.server(client_ca=authority.ca)) as (near, far):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(far.shake_hands)
            assert await near.shake_hands() is None  # TLS 1.3: the server judges later
            with pytest.raises(ssl.SSLError):
                await near.receive_some(RECORD)
            near.close()
        assert near.explain is not None
        assert await near.explain() == "it wants a certificate of ours: give client_tls its cert= and key="
        assert far.peer.names == ()


@pytest.mark.parametrize("spoken", [b"GET / HTTP/1.0\r\n\r\n", bytes(20)])
async def test_a_peer_without_tls_is_told_in_a_way_that_is_recognised(authority: Authority, spoken: bytes) -> None:
    near, far = sockets()
    link = TlsLink(far, SOMEBODY, authority.server())
    with near:
        near.send(spoken)
        near.shutdown(socket.SHUT_WR)
        problem = await link.shake_hands()
        assert problem is not None
        assert "TLS" in problem
        assert near.recv(100) == bytes.fromhex("15 0301 0002 0246")
        assert near.recv(100) == b""
    link.close()


async def test_a_peer_that_stays_is_waited_for_only_so_long(
    authority: Authority, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = sockets()
    link = TlsLink(far, SOMEBODY, authority.server())
    with near:
        near.send(bytes(20))
        assert await link.shake_hands() is not None
        assert trio.current_time() == pytest.approx(1)
    link.close()


async def test_a_handshake_that_must_wait_to_write(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    shake, waits = ssl.SSLSocket.do_handshake, 2

    def reluctant(sock: ssl.SSLSocket) -> None:
        nonlocal waits
        if waits:
            waits -= 1
            raise ssl.SSLWantWriteError
        shake(sock)

    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", reluctant)
    async with links(authority.client(), authority.server()) as pair:
        assert await shake_hands(*pair) == [None, None]


async def test_a_peer_that_is_gone_at_once(authority: Authority) -> None:
    near, far = sockets()
    near.close()
    link = TlsLink(far, SOMEBODY, authority.server())
    assert await link.shake_hands() == "the peer closed the connection"
    link.close()


async def test_a_cancelled_handshake_leaves_nothing_open(
    authority: Authority, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = sockets()
    with near:
        link = TlsLink(far, SOMEBODY, authority.server())
        with trio.move_on_after(5) as scope:
            await link.shake_hands()
        assert scope.cancelled_caught
        link.close()
        assert far.fileno() == -1


async def test_what_is_sent_to_a_peer_that_is_gone(authority: Authority) -> None:
    async with links(authority.client(), authority.server()) as (near, far):
        await shake_hands(near, far)
        far.close()
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe|EOF"):
            while True:
                await near.send_some([bytes(100_000)])


async def test_a_peer_that_is_gone_before_there_is_a_link(authority: Authority) -> None:
    near, far = sockets()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    near.close()  # with a reset
    with pytest.raises(OSError, match="not connected"):
        TlsLink(far, SOMEBODY, authority.server())
    assert far.fileno() == -1


def client_hello(context: ssl.SSLContext) -> bytes:
    """The first bytes of a client."""
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


async def test_whatever_a_client_begins_with_is_an_end_in_words(authority: Authority) -> None:
    random = Random(1)
    hello = client_hello(authority.client())
    for _ in range(100):
        spoken = bytearray(hello)
        for _ in range(random.choice((1, 1, 3, 30))):
            spoken[random.randrange(random.choice((12, len(spoken))))] = random.randrange(256)
        near, far = sockets()
        link = TlsLink(far, SOMEBODY, authority.server())
        with near:
            near.send(spoken[: random.choice((len(spoken), random.randrange(len(spoken))))])
            near.shutdown(socket.SHUT_WR)  # so the most that can be is a handshake without its end
            with trio.fail_after(5):
                assert isinstance(await link.shake_hands(), str)
        link.close()


# --- As a whole --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def served(service: rpc.Service, make: Callable[[], ssl.SSLContext]) -> AsyncGenerator[str]:
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(service, "tls://localhost:0", tls=make(), task_status=task_status)

        bound = await nursery.start(serve)
        yield bound[-1]
        nursery.cancel_scope.cancel()


async def test_calls_streams_and_large_values_over_tls(authority: Authority) -> None:
    service = rpc.Service("calc")

    @service.method
    async def count(numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        async for number in numbers:
            yield number

    @service.method
    def echo(context: rpc.Context, data: bytes) -> bytes:
        assert context.peer.transport == "tls"
        return data

    data = os.urandom(3_000_000)
    async with (
        served(service, authority.server) as address,
        rpc.connect(address, tls=authority.client()) as client,
        trio.open_nursery() as nursery,
    ):

        async def call() -> None:
            assert await client.call("calc.echo", data) == data

        for _ in range(3):
            nursery.start_soon(call)
        async with client.stream("calc.count", rpc.each(range(1000))) as numbers:
            assert [number async for number in numbers] == list(range(1000))
        assert await client.ping() > 0


async def test_open_connections_survive_a_new_certificate(authority: Authority) -> None:
    service = rpc.Service("calc")

    @service.method
    def add(a: int, b: int) -> int:
        return a + b

    def make() -> ssl.SSLContext:
        return authority.server(file="served")

    async with served(service, make) as address, rpc.connect(address, tls=authority.client()) as old:
        authority.issue("localhost", "127.0.0.1", "new.lan", file="served")
        async with rpc.connect(address, tls=authority.client()) as new:
            assert "new.lan" in new.peer.names
            assert "new.lan" not in old.peer.names
            assert [await client.call("calc.add", 1, 2) for client in (old, new)] == [3, 3]
