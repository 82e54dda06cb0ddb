"""The chat: members over real sockets, and one in a process of its own that is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import rpc
from examples import chat
from tests.example_tools import EXAMPLES, serving


@attrs.frozen
class Member:
    """Someone in the room: what they type, what they see, and the connection."""

    keyboard: trio.MemorySendChannel[str]
    screen: trio.MemoryReceiveChannel[str]
    client: rpc.Client

    async def type(self, *lines: str) -> None:
        for line in lines:
            await self.keyboard.send(line)

    async def sees(self, *lines: str) -> None:
        for line in lines:
            assert await self.screen.receive() == line

    async def waits_for(self, *names: str) -> None:
        """Wait until these are in the room, and nobody else."""
        while await self.client.call(chat.members) != [*names]:
            pass


@asynccontextmanager
async def member(name: str, address: str) -> AsyncGenerator[Member]:
    """Be in the room during a block; who leaves it has typed Ctrl-D."""
    screen = rpc.Service("screen")
    keyboard, lines = trio.open_memory_channel[str](0)
    shown, seen = trio.open_memory_channel[str](100)

    @screen.notification
    def show(text: str) -> None:
        shown.send_nowait(text)

    async def talk() -> None:
        await client.call(chat.talk, name, lines)

    async with rpc.connect(address, services=screen) as client, trio.open_nursery() as nursery:
        nursery.start_soon(talk)
        while name not in await client.call(chat.members):
            pass
        async with keyboard:
            yield Member(keyboard, seen, client)


async def test_what_one_types_the_others_see(tmp_path: Path) -> None:
    async with serving(chat.chat, f"unix:{tmp_path}/chat.sock") as [address], member("alice", address) as alice:
        async with member("bob", address) as bob:
            await alice.sees("* bob is here")
            async with member("carol", address) as carol:
                await alice.type("hello", "", "who is there?")
                await bob.sees("* carol is here", "alice: hello", "alice: ", "alice: who is there?")
                await carol.sees("alice: hello", "alice: ", "alice: who is there?")
                await bob.type("me")
                await carol.sees("bob: me")
            await bob.sees("* carol has left")
        await alice.sees("* carol is here", "bob: me", "* carol has left", "* bob has left")
        await alice.waits_for("alice")


async def test_a_name_is_taken_once(tmp_path: Path) -> None:
    async with serving(chat.chat, f"unix:{tmp_path}/chat.sock") as [address], member("alice", address) as alice:
        async with rpc.connect(address) as client:
            with pytest.raises(rpc.AlreadyExists, match="alice is in the room already"):
                await client.call(chat.talk, "alice", alice.screen)
        await alice.waits_for("alice")


async def test_who_serves_no_screen_misses_what_is_said(tmp_path: Path) -> None:
    async def talk() -> None:
        async with rpc.connect(address) as client:
            await client.call(chat.talk, "bob", silence)

    speech, silence = trio.open_memory_channel[str](0)
    async with serving(chat.chat, f"unix:{tmp_path}/chat.sock") as [address], member("alice", address) as alice:
        async with trio.open_nursery() as nursery, speech:
            nursery.start_soon(talk)
            await alice.sees("* bob is here")
            await alice.type("hello")
        await alice.sees("* bob has left")


async def test_two_programs_and_one_is_killed(tmp_path: Path) -> None:
    async with serving(chat.chat, f"unix:{tmp_path}/chat.sock") as [address], member("alice", address) as alice:
        command = [sys.executable, str(EXAMPLES / "chat.py"), "bob"]
        pipe = subprocess.PIPE
        run = partial(trio.run_process, command, cwd=tmp_path, stdin=pipe, stdout=pipe, check=False)
        async with trio.open_nursery() as nursery:
            bob: trio.Process = await nursery.start(run)
            assert bob.stdin is not None
            assert bob.stdout is not None
            async with bob.stdin, bob.stdout:
                await bob.stdin.send_all(b"good morning\n")
                await alice.sees("* bob is here", "bob: good morning")
                await alice.type("hello bob")
                shown = b""
                while not shown.endswith(b"bob\n"):
                    shown += await bob.stdout.receive_some()
                assert shown == b"in the room: alice\nalice: hello bob\n"
                bob.kill()
                await alice.sees("* bob has left")
        await alice.waits_for("alice")


async def test_the_room_has_patience_with_who_does_not_read(autojump_clock: trio.testing.MockClock) -> None:
    class Deaf:
        async def notify(self, *_: object) -> None:
            await trio.sleep_forever()

    start = trio.current_time()
    deaf: Any = Deaf()
    await chat.tell({"alice": deaf, "bob": deaf, "carol": deaf}, "alice", "alice: hello")
    assert trio.current_time() - start == chat.PATIENCE
