"""What hostile and broken peers do to a server, each for a moment."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
from collections.abc import Awaitable, Callable

import attrs
import trio

from rpc.address import parse
from rpc.wire import frames
from rpc.wire.framing import prefix
from tests.faults.harness import LONG, Nest, RawClient, raw
from tests.raw_peer import HELLO, call, greeting

__all__ = ["HARMS", "PATIENCE", "Mark"]

PATIENCE = 10.0 if LONG else 3.0
"""Seconds that a server which is harmed has for a frame."""


@attrs.frozen
class Mark:
    """A server that is harmed: where it is, and who starts processes."""

    nest: Nest
    unix: str
    tcp: str
    tls: str
    udp: str


async def _speak(address: str, chance: random.Random, *spoken: bytes) -> None:
    """Say something, stay for a moment, and leave in any way."""
    client = await raw(address, spoken[0][:1])
    try:
        await client.say(b"".join(spoken)[1:])
        with trio.move_on_after(chance.uniform(0, 0.2)):
            await trio.sleep(1)
    except trio.BrokenResourceError:
        pass
    finally:
        client.close(reset=chance.random() < 0.5)


async def speak_nonsense(mark: Mark, chance: random.Random) -> None:
    """Bytes that are no frames, to sockets that want TLS too."""
    await _speak(chance.choice((mark.unix, mark.tcp, mark.tls)), chance, chance.randbytes(500))


async def leave_in_a_frame(mark: Mark, chance: random.Random) -> None:
    await _speak(mark.tcp, chance, HELLO, call(1, "target.add", 1, 2)[:9])


async def leave_in_calls(mark: Mark, chance: random.Random) -> None:
    await _speak(mark.tcp, chance, HELLO, *(call(id, "target.wait") for id in range(1, 101, 2)))


async def open_and_cancel(mark: Mark, chance: random.Random) -> None:
    storm = b"".join(call(id, "target.wait") + frames.cancel(id) for id in range(1, 1201, 2))
    await _speak(mark.tcp, chance, HELLO, storm)


async def never_read(mark: Mark, chance: random.Random) -> None:
    """Ask for 100 MiB, with credit for all of it."""
    greets = greeting(window=2**40)
    await _speak(mark.tcp, chance, greets, call(1, "target.pour", 1600, 65_536, flags=frames.TAKES))


async def flood(mark: Mark, chance: random.Random) -> None:
    """Pings, or frames that nobody knows."""
    unknown = prefix(4) + b"\x82\x18\x20\x00"
    await _speak(mark.tcp, chance, HELLO, chance.choice((frames.ping(1), unknown)) * 3000)


async def speak_slowly(mark: Mark, chance: random.Random) -> None:
    """A byte of a call now and then."""
    client = await raw(mark.tcp)
    try:
        with trio.move_on_after(PATIENCE + 2):
            for byte in call(1, "target.add", 1, 2):
                await trio.sleep(PATIENCE / 10)
                await client.say(bytes((byte,)))
    except trio.BrokenResourceError:
        pass
    finally:
        client.close()


async def say_nothing(mark: Mark, chance: random.Random) -> None:
    """Connect, where TLS or a greeting is awaited, and be silent."""
    await _speak(chance.choice((mark.tls, mark.unix)), chance, b"\x16" if chance.random() < 0.5 else HELLO[:5])


async def crowd_in(mark: Mark, chance: random.Random) -> None:
    """More than there are descriptors for, at once."""
    clients: list[RawClient] = []

    async def enter() -> None:
        with contextlib.suppress(trio.BrokenResourceError, OSError):
            clients.append(await raw(mark.tcp))

    try:
        with trio.move_on_after(1):
            async with trio.open_nursery() as nursery:
                for _ in range(300):
                    nursery.start_soon(enter)
        await trio.sleep(0.1)
    finally:
        for client in clients:
            client.close(reset=chance.random() < 0.5)


async def throw_datagrams(mark: Mark, chance: random.Random) -> None:
    """Garbage, and what is nearly a notification."""
    target = parse(mark.udp)
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.connect((target.host, target.port))
        sender.setblocking(False)
        for _ in range(200):
            sender.send(chance.randbytes(chance.randrange(1200)))
        await trio.sleep(0.05)


async def freeze(mark: Mark, chance: random.Random) -> None:
    """A client that is stopped in the midst of its calls, and killed later."""
    path = mark.nest.path("report")
    try:
        bird = await mark.nest.start("canary", address=chance.choice((mark.tcp, mark.unix)), report=str(path))
    except RuntimeError:
        return  # it was not let in: others crowd
    try:
        await trio.sleep(0.1)
        bird.send(signal.SIGSTOP)
        await trio.sleep(chance.choice((0.5, 3)))
    finally:
        bird.kill()


HARMS: list[Callable[[Mark, random.Random], Awaitable[None]]] = [
    speak_nonsense, leave_in_a_frame, leave_in_calls, open_and_cancel, never_read, flood, speak_slowly, say_nothing,
    crowd_in, throw_datagrams, freeze,
]  # fmt: skip
