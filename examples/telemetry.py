"""Telemetry over a network that nobody can be trusted on: instruments sign what they send, a station believes no other.

In two terminals, in the same directory::

    python examples/telemetry.py key > telemetry.keys
    python examples/telemetry.py station
    python examples/telemetry.py instrument

or, instead of the last, from the shell::

    rpc notify udp://127.0.0.1:9210 station.reading boiler 71.5 0 --datagram-key-file telemetry.keys

To change the key write the new one into the first line of the file, leave the old one below it, start the station
again, then the instruments one after the other, and take the old line out at the end.

Datagrams may be lost, and they can be held back and let go later. So a reading carries its own time, and the station
passes over one that is older than what it has.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import attrs
import trio

import rpc

READINGS = "udp://127.0.0.1:9210"
ASK = "unix:telemetry.sock"
KEY_FILE = Path("telemetry.keys")

station = rpc.Service("station")


@attrs.frozen
class Reading:
    celsius: float
    time: float


@attrs.frozen
class Link:
    """How well the readings come through."""

    forged: int
    lost: int


Memory = dict[str, Reading]
"""The latest reading of each instrument."""


@station.lifespan
async def open_memory() -> AsyncGenerator[Memory]:
    yield {}


@station.notification
def reading(context: rpc.Context[Memory], instrument: str, celsius: float, time: float) -> None:
    """Take a reading, unless a later one is here already."""
    known = context.state.get(instrument)
    if known is None or time > known.time:
        context.state[instrument] = Reading(celsius, time)


@station.method
def latest(context: rpc.Context[Memory], instrument: str) -> Reading:
    """The latest reading of an instrument."""
    try:
        return context.state[instrument]
    except KeyError:
        raise rpc.NotFound(f"nothing was heard of {instrument!r}") from None


def read_keys(file: Path = KEY_FILE) -> Mapping[bytes, bytes]:
    """The keys by their ids, the one to send with first."""
    lines = [line.split() for line in file.read_text().splitlines()]
    return {kid.encode(): bytes.fromhex(secret) for kid, secret in lines}


async def measure(address: str = READINGS, *, count: int = 10, interval: float = 0.1) -> None:
    """An instrument: it sends and forgets."""
    key = next(iter(read_keys().items()))
    async with rpc.notifier(address, key=key) as notifier:
        for number in range(count):
            notifier.send(reading, "boiler", 70 + number / 10, time.time())
            await trio.sleep(interval)


async def show(address: str = ASK) -> None:
    """What the station knows, and how many datagrams it has not believed or never had."""
    async with rpc.connect(address, wait=5) as client:
        boiler = await client.call(latest, "boiler")
        stats = await client.call("rpc.stats")
    link = Link(forged=stats["datagrams_dropped"].get("bad_mac", 0), lost=stats["datagrams_lost"])
    print(f"boiler: {boiler.celsius:.1f} °C, {link.forged} forged, {link.lost} lost")


async def main() -> None:
    await measure()
    await show()


if __name__ == "__main__":
    if sys.argv[1:] == ["key"]:
        print("k1", secrets.token_hex(32))
    elif sys.argv[1:] == ["instrument"]:
        trio.run(main)
    else:
        rpc.run(station, [READINGS, ASK], datagram_keys=read_keys())
