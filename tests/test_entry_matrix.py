"""Who does not belong.

Whatever they are and whatever they ask for, no handler runs, and every one of them is told the same, whether or not
there is what they asked for.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest
import trio

import rpc
from rpc.errors import Reason
from rpc.wire import frames, hello
from rpc.wire.framing import FrameReader
from tests import raw_peer
from tests.certificates import LONG_AGO, Authority
from tests.doors import Doors, served
from tests.raw_peer import greeting

US = os.geteuid()
ELSEWHERE = frozenset({US + 1000})
"""Users that we are not: to a server that allows these, or a client that trusts these, we are somebody else."""


ASKED_FOR = ["door.open", "door.wait", "door.stream", "door.ring", "door.nothing", "wall.open", "rpc.describe", "x"]


def spoken(name: str, credential: bytes | None) -> bytes:
    """What a stranger sends in one go, from its greeting on."""
    call = raw_peer.call(1, name), raw_peer.call(3, name, payload=b"\xff"), raw_peer.call(5, name, flags=frames.TAKES)
    return b"".join((greeting(credential=credential), *call, raw_peer.notify(name)))


# --- Servers -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "other")


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def told(stream: trio.abc.Stream, said: bytes) -> bytes:
    """All that a server says until it ends the connection."""
    heard = bytearray()
    with trio.fail_after(10):
        async with stream:
            try:
                await stream.send_all(said)
                async for data in stream:
                    heard += data
            except trio.BrokenResourceError:
                pass
    return bytes(heard)


Said: TypeAlias = list[list[Any]]


def frames_of(heard: bytes) -> Said:
    """The frames in what a server said."""
    first, *bodies = FrameReader(2**20).bodies(heard)
    assert hello.decode(first)[0] == 1
    return [fields for body in bodies if (fields := frames.decode(body)) is not None]


# --- Strangers ---------------------------------------------------------------------------------------------------


@attrs.frozen
class Stranger:
    """Somebody who does not belong.

    Attributes:
        scheme: of the server's address.
        server: options of the server.
        credential: in the HELLO.
        client: the TLS context of the stranger; None for plaintext.
        answer: the one frame behind the server's HELLO, or the bytes of an alert; empty where TLS tells the reason.
    """

    scheme: str
    server: dict[str, Any] = attrs.field(factory=dict[str, Any])
    credential: bytes | None = None
    client: ssl.SSLContext | None = None
    answer: list[Any] | bytes = b""

    async def connect(self, address: str) -> trio.abc.Stream:
        if self.scheme == "unix":
            return await trio.open_unix_socket(address.removeprefix("unix:"))
        stream = await trio.open_tcp_stream("127.0.0.1", port_of(address))
        return stream if self.client is None else trio.SSLStream(stream, self.client, server_hostname="localhost")


REFUSED = [frames.GOAWAY, 0, Reason.CREDENTIAL, "credential refused"]
OTHER_USER = [frames.GOAWAY, 0, Reason.CREDENTIAL, f"user {US} is not allowed"]
TOKENS = rpc.tokens({"a secret": "alice"})


async def broken(credential: bytes | None, peer: rpc.Peer) -> str:
    raise LookupError(credential)


Make: TypeAlias = Callable[[Authority, Authority], Stranger]
"""Makes a stranger, given our authority and another one."""

ALERT = bytes.fromhex("15 0301 0002 0246")


def on_unix(credential: bytes | None, answer: list[Any], **server: Any) -> Make:
    return lambda ours, other: Stranger("unix", server, credential, answer=answer)


def plain(ours: Authority) -> dict[str, Any]:
    return {"tls": ours.server(file="plain")}


def mutual(ours: Authority) -> dict[str, Any]:
    return {"tls": ours.server(file="mutual", client_ca=ours.ca)}


def forged(ours: Authority, other: Authority) -> ssl.SSLContext:
    return rpc.client_tls(ours.ca, *other.issue("alice"))


STRANGERS: dict[str, Make] = {
    "another user": on_unix(None, OTHER_USER, allow_uids=ELSEWHERE),
    "another user with the token": on_unix(b"a secret", OTHER_USER, allow_uids=ELSEWHERE, authenticate=TOKENS),
    "no token": on_unix(None, REFUSED, authenticate=TOKENS),
    "an empty token": on_unix(b"", REFUSED, authenticate=TOKENS),
    "a wrong token": on_unix(b"a secres", REFUSED, authenticate=TOKENS),
    "a token and more": on_unix(b"a secret\0", REFUSED, authenticate=TOKENS),
    "a long token": on_unix(bytes(16_000), REFUSED, authenticate=TOKENS),
    "a token that breaks the question": on_unix(b"x", REFUSED, authenticate=broken),
    "no token over TCP": lambda ours, other: Stranger("tcp", {"authenticate": TOKENS}, answer=REFUSED),
    "no token over TLS": lambda ours, other: Stranger(
        "tls", plain(ours) | {"authenticate": TOKENS}, None, ours.client(), REFUSED
    ),
    "a wrong token over TLS": lambda ours, other: Stranger(
        "tls", plain(ours) | {"authenticate": TOKENS}, b"x", ours.client(), REFUSED
    ),
    "a certificate and no token": lambda ours, other: Stranger(
        "tls", mutual(ours) | {"authenticate": TOKENS}, None, ours.client("bob"), REFUSED
    ),
    "a token and no certificate": lambda ours, other: Stranger(
        "tls", mutual(ours) | {"authenticate": TOKENS}, b"a secret", ours.client()
    ),
    "no certificate": lambda ours, other: Stranger("tls", mutual(ours), None, ours.client()),
    "a certificate of another authority": lambda ours, other: Stranger("tls", mutual(ours), None, forged(ours, other)),
    "an expired certificate": lambda ours, other: Stranger(
        "tls", mutual(ours), None, ours.client("late", until=LONG_AGO)
    ),
    "plaintext to TLS": lambda ours, other: Stranger("tls", plain(ours), answer=ALERT),
    "plaintext to mutual TLS": lambda ours, other: Stranger("tls", mutual(ours), b"a secret", answer=ALERT),
}


@pytest.mark.parametrize("kind", STRANGERS)
async def test_a_stranger_learns_nothing_and_runs_nothing(
    kind: str, authority: Authority, other: Authority, tmp_path: Path
) -> None:
    doors, stranger = Doors(), STRANGERS[kind](authority, other)
    bind = f"unix:{tmp_path}/s" if stranger.scheme == "unix" else f"{stranger.scheme}://127.0.0.1:0"
    async with served(doors, bind, **stranger.server) as address:
        heard: set[bytes] = set()

        async def ask(name: str) -> None:
            heard.add(await told(await stranger.connect(address), spoken(name, stranger.credential)))

        async with trio.open_nursery() as nursery:
            for name in ASKED_FOR:
                nursery.start_soon(ask, name)
    assert doors.ran == []
    [answer] = heard
    if isinstance(stranger.answer, bytes):
        assert answer == stranger.answer
    else:
        assert frames_of(answer) == [stranger.answer]


async def test_tls_to_plaintext_learns_nothing_and_runs_nothing(authority: Authority) -> None:
    doors = Doors()
    async with served(doors, "tcp://127.0.0.1:0") as address:
        with pytest.raises(rpc.Unavailable, match="it does not speak TLS: without TLS its address is tcp://"):
            async with rpc.connect(address.replace("tcp", "tls"), tls=authority.client()):
                raise AssertionError("not reached")
    assert doors.ran == []


async def test_who_belongs_is_served(authority: Authority, tmp_path: Path) -> None:
    """The other side of the matrix: without it, a server that refuses everybody would pass."""
    doors, bind = Doors(), f"unix:{tmp_path}/s"
    async with served(doors, bind, authenticate=TOKENS), rpc.connect(bind, credential="a secret") as client:
        assert await client.call("door.open") == "come in"
    tls = authority.server(file="belongs", client_ca=authority.ca)
    async with (
        served(doors, "tls://127.0.0.1:0", tls=tls, authenticate=TOKENS) as address,
        rpc.connect(address, tls=authority.client("alice"), credential="a secret") as client,
    ):
        assert await client.call("door.open") == "come in"
    assert doors.ran == ["open", "open"]


# --- Servers that are not to be trusted --------------------------------------------------------------------------


async def test_a_server_of_another_user_is_told_nothing(tmp_path: Path) -> None:
    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        with pytest.raises(rpc.Unavailable, match=f"its server's user {US} is not allowed"):
            async with rpc.connect(f"unix:{path}", allow_uids=ELSEWHERE, credential="a secret"):
                raise AssertionError("not reached")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(1) == b""  # not even a HELLO


SERVERS: dict[str, tuple[Callable[[Authority, Authority], ssl.SSLContext], str]] = {
    "another authority": (lambda ours, other: other.server(), "not trusted here"),
    "expired": (lambda ours, other: ours.server(file="expired", until=LONG_AGO), "expired on Jan 31"),
    "another host": (lambda ours, other: ours.server("calc.lan"), "but for calc.lan"),
}


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_server_that_is_not_who_it_says_is_told_nothing(
    kind: str, authority: Authority, other: Authority
) -> None:
    make, why = SERVERS[kind]
    asked: list[bytes | None] = []

    async def authenticate(credential: bytes | None, peer: rpc.Peer) -> None:
        asked.append(credential)

    async with served(Doors(), "tls://127.0.0.1:0", tls=make(authority, other), authenticate=authenticate) as address:
        with pytest.raises(rpc.Unavailable, match=why):
            async with rpc.connect(address, tls=authority.client(), credential="a secret"):
                raise AssertionError("not reached")
    assert asked == []
