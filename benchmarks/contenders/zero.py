"""zeroapi: MessagePack by msgspec over ZeroMQ and TCP, one worker process, and its asynchronous client.

A method has one argument, so `add` takes a pair.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.contender import Caller, Contender, Place
from benchmarks.runtimes.asyncio_loop import Asyncio

_HOST = "127.0.0.1"


def add(pair: tuple[int, int]) -> int:
    return pair[0] + pair[1]


def upload(data: bytes) -> int:
    return len(data)


def download(size: int) -> bytes:
    return bytes(size)


def echo(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return records


class _Caller(Caller):
    shared = True

    def __init__(self, client: Any) -> None:
        self._client = client

    async def add(self, a: int, b: int) -> int:
        return int(await self._client.call("add", (a, b)))

    async def upload(self, data: bytes) -> int:
        return int(await self._client.call("upload", data))

    async def download(self, size: int) -> int:
        return len(await self._client.call("download", size))

    async def echo(self, records: Any) -> int:
        return len(await self._client.call("echo", records))


class Zero(Contender):
    name = "zeroapi"
    packages = ("zeroapi",)
    runtime = Asyncio()

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        zero = _quiet()
        multiprocessing.set_start_method("fork", force=True)  # as in a program that was not started by this module
        os.chdir(Path(place.path).parent)  # it leaves a socket where it runs
        server = zero.ZeroServer(_HOST, place.port)
        for function in (add, upload, download, echo):
            server.register_rpc(function)
        threading.Thread(target=_tell, args=(place.port, ready), daemon=True).start()
        server.run(workers=1)

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        zero = _quiet()
        client = zero.AsyncZeroClient(_HOST, place.port)
        try:
            yield _Caller(client)
        finally:
            client.close()


def _quiet() -> Any:
    """It tells of every connection, unless it is told not to."""
    logging.disable(logging.WARNING)
    return import_module("zero")


def _tell(port: int, ready: Callable[[], None]) -> None:
    """It does not say when it listens."""
    while True:
        try:
            socket.create_connection((_HOST, port)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return ready()


CONTENDERS = (Zero(),)
