"""thriftpy2: the compiled binary protocol and buffers, a server with a thread for each connection."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from benchmarks.contender import Caller, Contender, Place, Record
from benchmarks.runtimes.blocking import Blocking

_INTERFACE = """
struct Record { 1: i64 id, 2: string name, 3: bool active, 4: list<double> position }

service Calc {
    i64 add(1: i64 a, 2: i64 b),
    i64 upload(1: binary data),
    binary download(1: i64 size),
    list<Record> echo(1: list<Record> records),
    oneway void observe(1: string name, 2: double value),
    i64 notified(),
}
"""


class _Calc:
    def __init__(self) -> None:
        self._notified = 0

    def add(self, a: int, b: int) -> int:
        return a + b

    def upload(self, data: bytes) -> int:
        return len(data)

    def download(self, size: int) -> bytes:
        return bytes(size)

    def echo(self, records: Any) -> Any:
        return records

    def observe(self, name: str, value: float) -> None:
        self._notified += 1

    def notified(self) -> int:
        return self._notified


class _Caller(Caller):
    def __init__(self, client: Any, interface: Any) -> None:
        self._client = client
        self._interface = interface

    async def add(self, a: int, b: int) -> int:
        return int(self._client.add(a, b))

    async def upload(self, data: bytes) -> int:
        return int(self._client.upload(data))

    async def download(self, size: int) -> int:
        return len(self._client.download(size))

    def natural(self, records: Sequence[Record]) -> Any:
        return [self._interface.Record(**record) for record in records]

    async def echo(self, records: Any) -> int:
        return len(self._client.echo(records))

    async def notify(self, value: float) -> None:
        self._client.observe("fps", value)

    async def notified(self) -> int:
        return int(self._client.notified())


class Thrift(Contender):
    name = "thriftpy2"
    packages = ("thriftpy2",)
    runtime = Blocking()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        rpc: Any = import_module("thriftpy2.rpc")
        server = rpc.make_server(_interface().Calc, _Calc(), unix_socket=place.path, **_fastest())
        server.trans.client_timeout = None  # or a connection of which nothing is heard for three seconds is closed
        server.trans.listen()
        ready()
        server.trans.listen = _listens_already
        server.serve()

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        rpc: Any = import_module("thriftpy2.rpc")
        interface = _interface()
        client = rpc.make_client(interface.Calc, unix_socket=place.path, timeout=None, **_fastest())
        try:
            yield _Caller(client, interface)
        finally:
            client.close()


def _listens_already() -> None:
    pass


def _interface() -> Any:
    parser: Any = import_module("thriftpy2.parser")
    return parser.load_fp(io.StringIO(_INTERFACE), "calc_thrift")


def _fastest() -> dict[str, Any]:
    protocol: Any = import_module("thriftpy2.protocol")
    transport: Any = import_module("thriftpy2.transport")
    return {
        "proto_factory": protocol.TCyBinaryProtocolFactory(),
        "trans_factory": transport.TCyBufferedTransportFactory(),
    }


CONTENDERS = (Thrift(),)
