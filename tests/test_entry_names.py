"""Names that lead nowhere: only decorated handlers can be called, by exactly their names."""

from __future__ import annotations

import builtins
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import rpc
from rpc.errors import Code, Processed, Reason
from rpc.net.link import SocketLink
from rpc.wire import frames
from tests import raw_peer
from tests.doors import Doors, served
from tests.raw_peer import RawPeer


def hostile_names() -> Iterator[str]:
    """Names that lead somewhere in a server that looks for attributes, files, patterns or templates."""
    yield from (f"door.{name}" for name in dir(rpc.Service))
    yield from (f"door.open.{name}" for name in dir(Doors().service.handles["door.open"]))
    yield from dir(builtins)
    yield from (
        "open",
        ".open",
        "door.",
        "door..open",
        "door.open.",
        ".door.open",
        "door/open",
        "door:open",
        "door open",
    )
    yield from ("DOOR.OPEN", "Door.open", "door.Open", "door.open ", " door.open", "door.\topen", "door.open\n")
    yield from (
        "door.open\0",
        "\0door.open",
        "door\0.open",
        "door.open\x1b[2J",
        "door.open\r\nOK",
        "door.open;",
        "door.open()",
    )
    yield from ("d\u043e\u043er.open", "door.\u043epen", "door\uff0eopen", "door\u2024open", "\uff44oor.open")
    yield from ("door.ope\u006e\u0301", "door.\u200bopen", "\u202edoor.open", "\ufeffdoor.open", "door.open\U0001f6aa")
    yield from ("../door.open", "door/../door.open", "/etc/passwd", "file:///etc/passwd", "door.%6fpen", "door%2eopen")
    yield from ("door.*", "door.?pen", "*", "%", ".*", "door.(open|wait)", "{0.__class__}", "%s%n", "${jndi:ldap://x}")
    yield from ("door.open' or '1'='1", "door.open--", "__import__('os').system('true')", "lambda: 0", "self", "None")
    yield from ("rpc", "rpc.", "rpc.describe", "rpc.health", "rpc.statistics", "rpc.stop", "door", "a", "a" * 255)


NAMES = sorted(set(hostile_names()) - {"door.open"})


def test_the_names_are_many_and_can_travel() -> None:
    assert len(NAMES) >= 200
    assert all(0 < len(name.encode()) <= 255 for name in NAMES)


async def test_no_hostile_name_leads_anywhere_and_all_get_one_answer(tmp_path: Path) -> None:
    doors, bind = Doors(), f"unix:{tmp_path}/s"
    async with served(doors, bind, describe=False):
        peer = await raw(bind)
        for id, name in enumerate(NAMES):
            await peer.say(raw_peer.call(2 * id + 1, name), raw_peer.notify(name))
            error = raw_peer.error_of(await peer.hear())
            assert (error.code, error.processed, error.details) == (Code.UNIMPLEMENTED, Processed.NOT_PROCESSED, None)
            assert error.message.startswith("there is no method ")
            assert error.message.isprintable()
            assert "did you mean" not in error.message
        await peer.say(raw_peer.call(2 * len(NAMES) + 1, "door.open"))
        assert raw_peer.result_of(await peer.hear()) == "come in"  # still there, and the one that ran
        peer.close()
    assert doors.ran == ["open"]


@pytest.mark.parametrize("name", [b"", b"\xff\xfe", b"door.\xc3(", b"a" * 256, b"\xed\xa0\x80"])
async def test_a_name_that_is_none_ends_the_connection(name: bytes, tmp_path: Path) -> None:
    doors, bind = Doors(), f"unix:{tmp_path}/s"
    head = b"\x87\x01\x01\x00" + (
        bytes([0x60 + len(name)]) if len(name) < 24 else b"\x79" + len(name).to_bytes(2, "big")
    )
    body = head + name + b"\xf6\xf6\x41\x80"
    async with served(doors, bind):
        peer = await raw(bind)
        await peer.say(len(body).to_bytes(4, "big") + body)
        [goaway] = await peer.hear_all()
        assert goaway[:3] == [frames.GOAWAY, 0, Reason.PROTOCOL]
        peer.close()
    assert doors.ran == []


async def raw(address: str) -> RawPeer:
    """A peer that is spoken by hand, and has greeted."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(address.removeprefix("unix:"))
    sock.setblocking(False)
    peer = RawPeer(SocketLink(sock, raw_peer.HERE))
    await peer.greet()
    return peer
