from __future__ import annotations

import socket
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.net.tls_link import TlsLink
from rpc.peer import Peer
from rpc.server.serving import Serving
from tests.certificates import Authority
from tests.probe import Probe
from tests.raw_peer import handlers_of, serve_link


@pytest.fixture
def probe() -> Probe:
    return Probe()


async def connections(serving: Any) -> list[Any]:
    await trio.testing.wait_all_tasks_blocked()
    return list(serving.connections)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("greeting"))


@pytest.mark.parametrize(("limits", "seconds"), [(rpc.Limits(), 10), (rpc.Limits(tls_timeout=3), 3)])
async def test_a_silent_peer_is_given_up_before_it_has_shaken_hands(
    limits: rpc.Limits,
    seconds: int,
    authority: Authority,
    probe: Probe,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    far.setblocking(False)
    with near:
        link = TlsLink(far, Peer(address="tls://127.0.0.1:4000", transport="tls"), authority.server())
        async with serve_link(link, probe.service, limits=limits) as serving:
            [connection] = await connections(serving)
            await connection.ended.wait()
            assert trio.current_time() == pytest.approx(seconds, abs=0.1)
            assert connection.end_reason == f"no TLS handshake within {seconds} s"
        assert near.recv(1) == b""
    assert caplog.messages == [f"tls://127.0.0.1:4000: no connection: no TLS handshake within {seconds} s"]


async def test_a_refusal_is_told_inside_of_tls(authority: Authority, probe: Probe) -> None:
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(
                probe.service,
                "tls://127.0.0.1:0",
                tls=authority.server(),
                limits=rpc.Limits(max_connections=1),
                task_status=task_status,
            )

        [address] = await nursery.start(serve)
        async with rpc.connect(address, tls=authority.client()):
            with pytest.raises(rpc.Unavailable, match="max_connections"):
                async with rpc.connect(address, tls=authority.client()) as client:
                    await client.call("probe.add", 1)
        nursery.cancel_scope.cancel()


async def test_a_full_server_does_not_wait_for_the_handshake_of_whom_it_turns_away(
    authority: Authority, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    far.setblocking(False)
    with near:
        link = TlsLink(far, Peer(address="tls://127.0.0.1:4000", transport="tls"), authority.server())
        serving = Serving(handlers_of(probe.service), rpc.Limits(), is_stopping=True)
        await serving.serve_link(link)
        assert trio.current_time() == pytest.approx(1, abs=0.1)
        assert near.recv(1) == b""
