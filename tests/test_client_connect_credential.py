from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Processed, ProtocolError, Reason
from tests.certificates import Authority
from tests.probe import Probe
from tests.raw_peer import RawPeer, client_of, socket_links


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("credential"))


@asynccontextmanager
async def served(bind: str, **options: Any) -> AsyncGenerator[str]:
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await rpc.serve(Probe().service, bind, task_status=task_status, **options)

        [address] = await nursery.start(serve)
        yield address
        nursery.cancel_scope.cancel()


async def add(address: str, **options: Any) -> object:
    async with rpc.connect(address, **options) as client:
        return await client.call("probe.add", 1)


# --- Where it is sent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("credential", ["a sécret", "a sécret".encode()])
async def test_over_a_unix_socket(credential: str | bytes, tmp_path: Path) -> None:
    async with served(f"unix:{tmp_path}/s", authenticate=rpc.tokens({"a sécret": "alice"})) as address:
        assert await add(address, credential=credential) == 11


async def test_over_tls(authority: Authority) -> None:
    async with served(
        "tls://127.0.0.1:0", tls=authority.server(), authenticate=rpc.tokens({"secret": "alice"})
    ) as address:
        assert await add(address, credential="secret", tls=authority.client()) == 11


async def test_over_plain_tcp_only_on_demand() -> None:
    async with served("tcp://127.0.0.1:0", authenticate=rpc.tokens({"secret": "alice"})) as address:
        with pytest.raises(
            ValueError, match=r"not safe on its way to tcp://.*: use tls:// or a Unix socket, or pass ins"
        ):
            await add(address, credential="secret")
        assert await add(address, credential="secret", insecure=True) == 11


async def test_over_tls_to_a_server_that_anybody_may_pose_as_only_on_demand(authority: Authority) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    async with served(
        "tls://127.0.0.1:0", tls=authority.server(), authenticate=rpc.tokens({"secret": "alice"})
    ) as address:
        with pytest.raises(ValueError, match=r"not safe on its way to tls://.*: let tls= verify the server"):
            await add(address, credential="secret", tls=tls)
        assert await add(address, credential="secret", tls=tls, insecure=True) == 11


async def test_the_systems_authorities_are_as_good() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(rpc.Unavailable, match="Connection refused"):
        await add(f"tls://127.0.0.1:{port}", credential="secret")


async def test_one_that_no_server_would_read(tmp_path: Path) -> None:
    async with served(f"unix:{tmp_path}/s") as address:
        with pytest.raises(ValueError, match="credential and all"):
            await add(address, credential=bytes(20_000))


async def test_a_server_that_does_not_ask_takes_no_offence(tmp_path: Path) -> None:
    async with served(f"unix:{tmp_path}/s") as address:
        assert await add(address, credential="secret") == 11


# --- What becomes of it ------------------------------------------------------------------------------------------


async def test_a_refusal_is_told_at_once_however_patient_the_client(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with served(f"unix:{tmp_path}/s", authenticate=rpc.tokens({"secret": "alice"})) as address:
        with pytest.raises(rpc.Unavailable) as caught:
            await add(address, credential="another", wait=60)
        assert str(caught.value) == f"cannot connect to {address}: credential refused"
        assert caught.value.processed is Processed.NOT_PROCESSED
        assert isinstance(caught.value.__cause__, ProtocolError)
        assert caught.value.__cause__.reason is Reason.CREDENTIAL
        assert trio.current_time() < 1


async def test_who_gives_none_is_told_by_the_first_call(tmp_path: Path) -> None:
    async with served(f"unix:{tmp_path}/s", authenticate=rpc.tokens({"secret": "alice"})) as address:
        with pytest.raises(rpc.Unavailable, match="credential refused") as caught:
            await add(address)
        assert caught.value.processed is Processed.NOT_PROCESSED


async def test_a_server_that_never_says(autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    peer = RawPeer(far)

    async def greet() -> None:
        await peer.greet()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(greet)
        with pytest.raises(rpc.Unavailable, match="it was not heard in time whether the credential is accepted"):
            async with client_of(near, credential=b"secret"):
                raise AssertionError("not reached")
    assert trio.current_time() == pytest.approx(5, abs=0.1)
    peer.close()


async def test_a_server_that_is_gone_before_it_says(autojump_clock: trio.testing.MockClock) -> None:
    near, far = socket_links()
    peer = RawPeer(far)

    async def greet() -> None:
        await peer.greet()
        await peer.hear()
        peer.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(greet)
        with pytest.raises(rpc.Unavailable, match="cannot connect to unix:test: the peer closed the connection"):
            async with client_of(near, credential=b"secret"):
                raise AssertionError("not reached")


# --- TLS ---------------------------------------------------------------------------------------------------------


async def test_a_context_for_an_address_without_tls(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is TCP without TLS, so tls= would do nothing: write tls:// or leave it out"):
        await add("tcp://127.0.0.1:1", tls=authority.client())
    async with served(f"unix:{tmp_path}/s") as address:
        assert await add(address, tls=authority.client()) == 11  # as safe, and so one program suits both


async def test_a_context_of_a_server(authority: Authority) -> None:
    with pytest.raises(ValueError, match="a client needs a context of its own kind"):
        await add("tls://127.0.0.1:1", tls=authority.server())
