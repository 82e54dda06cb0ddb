"""What a connection costs on which nothing happens."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trio

import rpc
from rpc.address import parse
from tests.certificates import Authority
from tests.faults.harness import KIB, Nest, canary, raw, report, sized, statistics, until
from tests.raw_peer import HELLO

LIMITS = {"max_connections": 12_000, "max_connections_per_peer": 12_000, "keepalive": 3600.0}


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
async def test_idle_connections(nest: Nest, scheme: str) -> None:
    count = sized(2000, 10_000)
    unix, tcp = f"unix:{nest.path('socket')}", "tcp://127.0.0.1:0"
    addresses = (unix, tcp) if scheme == "unix" else (tcp, unix)
    async with nest.serving(*addresses, limits=LIMITS) as server, canary(nest, server):
        async with rpc.connect(server.bound[0]) as watcher:
            await statistics(watcher)
            before, start = server.resident, trio.current_time()
            clients = [await raw(server.bound[0]) for _ in range(count)]
            await _are_there(watcher, count)
            rate = count / (trio.current_time() - start)
            each = (server.resident - before) / count
            for client in clients:
                client.close()
        report(f"idle over {scheme}", connections=count, each_kib=each / KIB, accepted_per_second=rate)
        assert each < 12 * KIB


async def test_idle_connections_with_tls(nest: Nest, tmp_path: Path) -> None:
    count = sized(300, 2000)
    authority = Authority(tmp_path)
    files = [str(path) for path in authority.issue("localhost", "127.0.0.1")]
    addresses = "tls://127.0.0.1:0", f"unix:{nest.path('socket')}"
    async with nest.serving(*addresses, tls=files, limits=LIMITS) as server:  # noqa: SIM117
        async with rpc.connect(server.bound[1]) as watcher:
            target = parse(server.bound[0])
            context = ssl.create_default_context(cafile=str(authority.ca))
            before, streams = 0, []
            for index in range(count + 10):
                if index == 10:  # what TLS needs once is there
                    await _are_there(watcher, 10 - 1)
                    before = server.resident
                plain = await trio.open_tcp_stream(target.host, target.port)
                stream = trio.SSLStream(plain, context, server_hostname="127.0.0.1")
                await stream.send_all(HELLO)
                streams.append(stream)
            await _are_there(watcher, count + 10 - 1)
            each = (server.resident - before) / count
            for stream in streams:
                await trio.aclose_forcefully(stream)
    report("idle with TLS", connections=count, each_kib=each / KIB)
    assert each < 30 * KIB


async def _are_there(watcher: rpc.Client, count: int) -> None:
    async def are_there() -> bool:
        return (await statistics(watcher)).connections > count

    await until(are_there, 10, "all connections are there")
