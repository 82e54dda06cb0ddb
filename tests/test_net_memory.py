from __future__ import annotations

import os

import pytest
import trio

from rpc.net.memory import memory_links


async def test_what_one_side_sends_the_other_reads() -> None:
    left, right = memory_links()
    assert await left.send_some([b"ab", bytearray(b"cd"), memoryview(b"ef")]) == []
    assert await right.receive_some() == b"abcdef"
    await right.send_some([b"back"])
    assert await left.receive_some() == b"back"


async def test_the_peer_is_this_process() -> None:
    left, right = memory_links()
    for link in (left, right):
        assert link.peer.address == "memory:"
        assert link.peer.transport == "memory"
        assert (link.peer.uid, link.peer.gid, link.peer.pid) == (os.geteuid(), os.getegid(), os.getpid())


async def test_a_closed_side_is_the_end_of_the_other() -> None:
    left, right = memory_links()
    await left.aclose()
    assert await right.receive_some() == b""
    with pytest.raises(trio.BrokenResourceError):
        await right.send_some([b"x"])
    with pytest.raises(trio.ClosedResourceError):
        await left.receive_some()
