"""A contract: what callers and a server have in common, where the callers should not have the server's code.

In two terminals, in the same directory::

    python examples/contract.py
    python examples/contract.py client

The class `Sensors` would be in a module of its own, which both sides import. `report` and `hottest` are written against
it: they run with a stub, and do not know what is behind it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import attrs
import trio

import rpc

ADDRESS = "unix:sensors.sock"


# --- What both sides know --------------------------------------------------------------------------------------------


@attrs.frozen
class Reading:
    """A temperature, in degrees Celsius."""

    sensor: str
    celsius: float


@attrs.define
class Unknown(Exception):
    """There is no reading of this sensor."""

    sensor: str


@rpc.contract("sensors")
class Sensors(Protocol):
    """What sensors have measured last."""

    async def record(self, readings: AsyncIterable[Reading]) -> int:
        """Take readings, and say how many they were."""
        ...

    @rpc.method(raises=[Unknown], idempotent=True)
    async def latest(self, sensor: str) -> Reading:
        """The last reading of a sensor."""
        ...

    def everything(self, least: float = -math.inf) -> rpc.Stream[Reading]:
        """The last readings of all sensors, of those that are not colder than this."""
        ...

    def silence(self, sensor: str) -> AbstractAsyncContextManager[int]:
        """Take no readings of a sensor while the block lasts; it begins with how many are silent."""
        ...

    @rpc.notification
    async def remove(self, sensor: str) -> None:
        """Forget a sensor."""
        ...


# --- The server ------------------------------------------------------------------------------------------------------


class SensorsInMemory:
    """Implements the contract without inheriting it: with plain functions, where nothing is waited for."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}
        self.silent: list[str] = []

    async def record(self, readings: AsyncIterable[Reading]) -> int:
        count = 0
        async for reading in readings:
            if reading.sensor not in self.silent:
                self.readings[reading.sensor] = reading
                count += 1
        return count

    def latest(self, sensor: str) -> Reading:
        if sensor not in self.readings:
            raise Unknown(sensor)
        return self.readings[sensor]

    def everything(self, least: float = -math.inf) -> Iterator[Reading]:
        yield from [reading for reading in self.readings.values() if reading.celsius >= least]

    @asynccontextmanager
    async def silence(self, sensor: str) -> AsyncGenerator[int]:
        self.silent.append(sensor)
        try:
            yield len(self.silent)
        finally:
            self.silent.remove(sensor)

    def remove(self, context: rpc.Context, sensor: str) -> None:
        print(f"{sensor} is removed for user {context.peer.uid}")
        self.readings.pop(sensor, None)


def service() -> rpc.Service:
    return rpc.Service.from_contract(Sensors, SensorsInMemory())


# --- Callers ---------------------------------------------------------------------------------------------------------


async def report(sensors: Sensors, **temperatures: float) -> int:
    """Send readings by the names of their sensors."""
    return await sensors.record(rpc.each(Reading(name, celsius) for name, celsius in temperatures.items()))


async def hottest(sensors: Sensors, least: float) -> str | None:
    """The sensor that is the hottest, and not colder than this; None where all are."""
    async with sensors.everything(least) as readings:
        hot = [reading async for reading in readings]
    return max(hot, key=lambda reading: reading.celsius).sensor if hot else None


async def main(address: str = ADDRESS) -> None:
    async with rpc.connect(address, wait=5) as client:
        sensors = client.stub(Sensors)
        print(await report(sensors, kitchen=21.5, attic=31.0), "readings")
        print("the hottest is the", await hottest(sensors, least=20))
        async with sensors.silence("attic"):
            print(await report(sensors, kitchen=22, attic=99), "reading")
        await sensors.remove("kitchen")
        try:
            await sensors.latest("kitchen")
        except Unknown as error:
            print("nothing is known of the", error.sensor)


if __name__ == "__main__":
    if sys.argv[1:] == ["client"]:
        trio.run(main)
    else:
        rpc.run(service(), ADDRESS)
