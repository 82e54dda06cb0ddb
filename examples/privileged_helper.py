"""A helper with the rights of root that does one thing for the users it trusts: a sketch.

The users in USERS may ask how bright the screen is, those in TRUSTED may change it. Who calls is told by the kernel
and not by the caller. In two terminals, the first one root's::

    python examples/privileged_helper.py
    python examples/privileged_helper.py 40
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

import rpc

ADDRESS = "unix:/run/backlight.sock"
FILE = Path("/sys/class/backlight/intel_backlight/brightness")

USERS = {0, 1000, 1001}
"""Who may connect at all: root, and the first users of most systems."""

TRUSTED = {0, 1000}
"""Who may change something."""

backlight = rpc.Service("backlight")


@backlight.method
def brightness() -> int:
    """How bright the screen is."""
    return int(FILE.read_text())


@backlight.method
def set_brightness(context: rpc.Context, level: int) -> None:
    """Make the screen as bright as that."""
    require_trust(context)
    if level < 1:
        raise rpc.InvalidArgument("a level below 1 would leave the user in the dark")
    FILE.write_text(str(level))


def require_trust(context: rpc.Context) -> None:
    """Refuse whoever is not trusted; `uid` is None where the kernel does not tell, as on TCP."""
    if context.peer.uid not in TRUSTED:
        raise rpc.PermissionDenied(f"user {context.peer.uid} may not do this")


async def adjust(level: int, address: str = ADDRESS) -> None:
    """A client, with the rights of whoever runs it."""
    async with rpc.connect(address, wait=5) as client:
        print("it was", await client.call(brightness))
        await client.call(set_brightness, level)
        print("it is", await client.call(brightness))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        trio.run(adjust, int(sys.argv[1]))
    else:
        rpc.run(backlight, ADDRESS, allow_uids=USERS)
