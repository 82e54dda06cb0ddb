"""pycapnp: Cap'n Proto's own RPC, in asyncio. Items of a stream are calls to a capability, with its flow control."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.contender import Caller, Contender, Place, Record
from benchmarks.runtime import Work
from benchmarks.runtimes.asyncio_loop import Asyncio

_INTERFACE = """@0xbf5147cbbecf40c1;

struct Record {
    id @0 :Int64;
    name @1 :Text;
    active @2 :Bool;
    position @3 :List(Float64);
}

interface Calc {
    add @0 (a :Int64, b :Int64) -> (sum :Int64);
    upload @1 (data :Data) -> (size :Int64);
    download @2 (size :Int64) -> (data :Data);
    echo @3 (records :List(Record)) -> (records :List(Record));
    take @4 () -> (sink :Sink);
    sleep @5 () -> ();
    cancelled @6 () -> (count :Int64);
}

interface Sink {
    item @0 (number :Int64) -> stream;
    block @1 (data :Data) -> stream;
    end @2 () -> (count :Int64);
}
"""


class Capnp(Asyncio):
    """asyncio with the other loop that pycapnp wants inside it."""

    def run(self, main: Work) -> None:
        capnp: Any = import_module("capnp")
        asyncio.run(capnp.run(main()))


class _Caller(Caller):
    shared = True

    def __init__(self, calc: Any) -> None:
        self._calc = calc

    async def add(self, a: int, b: int) -> int:
        return int((await self._calc.add(a, b)).sum)

    async def upload(self, data: bytes) -> int:
        return int((await self._calc.upload(data)).size)

    async def download(self, size: int) -> int:
        return len((await self._calc.download(size)).data)

    def natural(self, records: Sequence[Record]) -> Any:
        return [_interface().Record.new_message(**record) for record in records]

    async def echo(self, records: Any) -> int:
        return len((await self._calc.echo(records)).records)

    async def take(self, count: int) -> int:
        sink = (await self._calc.take()).sink
        for number in range(count):
            await sink.item(number)
        return int((await sink.end()).count)

    async def take_blocks(self, count: int, size: int) -> int:
        block = bytes(size)
        sink = (await self._calc.take()).sink
        for _ in range(count):
            await sink.block(block)
        return int((await sink.end()).count)

    async def cancel(self) -> None:
        sleeping = self._calc.sleep()
        await self.add(1, 2)
        sleeping.cancel()

    async def cancelled(self) -> int:
        return int((await self._calc.cancelled()).count)


class Pycapnp(Contender):
    name = "pycapnp"
    packages = ("pycapnp",)
    runtime = Capnp()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        self.runtime.run(lambda: _serve(place, ready))

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        capnp: Any = import_module("capnp")
        stream = await capnp.AsyncIoStream.create_unix_connection(place.path)
        client = capnp.TwoPartyClient(stream)
        try:
            yield _Caller(client.bootstrap().cast_as(_interface().Calc))
        finally:
            client.close()
            stream.close()


async def _serve(place: Place, ready: Callable[[], None]) -> None:
    capnp: Any = import_module("capnp")
    calc = _server(_interface())

    async def answer(stream: Any) -> None:
        await capnp.TwoPartyServer(stream, bootstrap=calc).on_disconnect()

    server = await capnp.AsyncIoStream.create_unix_server(answer, place.path)
    ready()
    async with server:
        await server.serve_forever()


def _server(interface: Any) -> Any:
    """The handlers; results of several values are set in the context, single ones returned."""
    seen = {"cancelled": 0}

    async def add(self: object, a: int, b: int, **_: object) -> int:
        return a + b

    async def upload(self: object, data: bytes, **_: object) -> int:
        return len(data)

    async def download(self: object, size: int, **_: object) -> bytes:
        return bytes(size)

    async def echo(self: object, records: Any, **_: object) -> Any:
        return records

    async def take(self: object, **_: object) -> Any:
        return _sink(interface)

    async def sleep(self: object, **_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen["cancelled"] += 1

    async def cancelled(self: object, **_: object) -> int:
        return seen["cancelled"]

    handlers = {each.__name__: each for each in (add, upload, download, echo, take, sleep, cancelled)}
    return type("Calc", (interface.Calc.Server,), handlers)()


def _sink(interface: Any) -> Any:
    seen = {"items": 0}

    async def item(self: object, number: int, **_: object) -> None:
        seen["items"] += 1

    async def block(self: object, data: bytes, **_: object) -> None:
        seen["items"] += 1

    async def end(self: object, **_: object) -> int:
        return seen["items"]

    return type("Sink", (interface.Sink.Server,), {each.__name__: each for each in (item, block, end)})()


@cache
def _interface() -> Any:
    capnp: Any = import_module("capnp")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calc.capnp"
        path.write_text(_INTERFACE, encoding="utf-8")
        return capnp.load(str(path), imports=[str(Path(capnp.__file__).parent.parent)])


CONTENDERS = (Pycapnp(),)
