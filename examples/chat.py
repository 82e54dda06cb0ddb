"""A chat room: what one types, the others see.

In a terminal each, in the same directory::

    python examples/chat.py
    python examples/chat.py alice
    python examples/chat.py bob

One call lasts as long as somebody is in the room. Its argument is the stream of what they type; what the others say
comes back to them as notifications, which the server sends over the same connection. Who leaves with Ctrl-D, with
Ctrl-C, or by kill -9, has left the room.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncGenerator, AsyncIterable

import trio

import rpc

ADDRESS = "unix:chat.sock"

PATIENCE = 1.0
"""Seconds that the room waits for one who does not read what is said."""

# --- What each member serves -------------------------------------------------------------------------------------

screen = rpc.Service("screen")


@screen.notification
def show(text: str) -> None:
    """Show a line that somebody else has said."""
    print(text, flush=True)


# --- The room ----------------------------------------------------------------------------------------------------

chat = rpc.Service("chat")

Room = dict[str, rpc.Caller]
"""The members by their names, each with the way back to them."""


@chat.lifespan
async def open_room() -> AsyncGenerator[Room]:
    yield {}


@chat.method
def members(context: rpc.Context[Room]) -> list[str]:
    """Who is in the room."""
    return sorted(context.state)


@chat.method
async def talk(context: rpc.Context[Room], name: str, lines: AsyncIterable[str]) -> None:
    """Be in the room until the lines end, or the caller is gone."""
    room = context.state
    if name in room:
        raise rpc.AlreadyExists(f"{name} is in the room already")
    room[name] = context.client
    try:
        await tell(room, name, f"* {name} is here")
        async for line in lines:
            await tell(room, name, f"{name}: {line}")
    finally:
        del room[name]
        with trio.CancelScope(shield=True):
            await tell(room, name, f"* {name} has left")


async def tell(room: Room, speaker: str, text: str) -> None:
    """Show a line to all members but the one who said it."""
    async with trio.open_nursery() as nursery:
        for name, client in room.items():
            if name != speaker:
                nursery.start_soon(tell_one, client, text)


async def tell_one(client: rpc.Caller, text: str) -> None:
    """Show a line to a member; one who is just leaving, or never reads, misses it."""
    with trio.move_on_after(PATIENCE), contextlib.suppress(rpc.Unavailable):
        await client.notify(show, text)


# --- A member ----------------------------------------------------------------------------------------------------


async def keyboard() -> AsyncGenerator[str]:
    """The lines that are typed. Its thread cannot be stopped, so it is left alone when the program ends."""
    while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        yield line.rstrip("\n")


async def join(name: str, address: str = ADDRESS) -> None:
    async with rpc.connect(address, services=screen, wait=5) as client:
        print("in the room:", ", ".join(await client.call(members)) or "nobody", flush=True)
        await client.call(talk, name, keyboard())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        trio.run(join, sys.argv[1])
    else:
        rpc.run(chat, ADDRESS)
