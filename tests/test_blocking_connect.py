"""From an address to a blocking client, or to why there is none."""

from __future__ import annotations

import math
import os
import socket
import threading
from pathlib import Path

import pytest

import rpc
from rpc import blocking
from rpc.errors import Reason
from rpc.wire import frames
from tests.blocking_peers import Spoken, scripted, silent, silent_behind_hello
from tests.blocking_served import add, probe
from tests.certificates import Authority
from tests.cli_tools import PATIENCE, serving
from tests.raw_peer import HELLO


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("blocking"))


def refusal_of(address: str, **options: object) -> rpc.Unavailable:
    """Why there is no connection."""
    with pytest.raises(rpc.Unavailable) as caught:
        blocking.connect(address, **options)  # type: ignore[arg-type]
    assert caught.value.processed is rpc.Processed.NOT_PROCESSED
    assert str(caught.value).startswith(f"cannot connect to {address}: ")
    return caught.value


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_over_tcp(scheme: str, authority: Authority) -> None:
    server, tls = (authority.server(), authority.client()) if scheme == "tls" else (None, None)
    with (
        serving(probe, [f"{scheme}://127.0.0.1:0"], tls=server) as [address],
        blocking.connect(address, tls=tls, timeout=PATIENCE) as client,
    ):
        assert client.call(add, 1, 2) == 3
        data = bytes(range(256)) * 12_000
        assert client.call("probe.echo", data) == data
        with client.stream("probe.double", iter(range(3000))) as numbers:
            assert sum(numbers) == 2 * sum(range(3000))
        assert client.peer.transport == scheme
        assert client.peer.address == address
        if scheme == "tls":
            assert client.peer.names == ("localhost", "127.0.0.1")


def test_nobody_there(tmp_path: Path) -> None:
    assert str(refusal_of(f"unix:{tmp_path}/s")).endswith("no such socket file: is the server running?")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert str(refusal_of(f"tcp://127.0.0.1:{unused.getsockname()[1]}")).endswith("Connection refused")


def test_what_is_no_address_to_connect_to() -> None:
    for address, message in (
        ("http://x", "is no address"),
        ("udp://127.0.0.1:9", "only notifications travel there"),
        ("tcp://:9000", "a client needs a host and a port"),
        ("tls://:9000", "a client needs a host and a port"),
    ):
        with pytest.raises(ValueError, match=message):
            blocking.connect(address)


def test_contexts_of_tls_that_are_of_no_use(authority: Authority) -> None:
    with pytest.raises(ValueError, match="TCP without TLS, so tls= would do nothing"):
        blocking.connect("tcp://127.0.0.1:9", tls=authority.client())
    with pytest.raises(ValueError, match=r"make it with rpc\.client_tls"):
        blocking.connect("tls://127.0.0.1:9", tls=authority.server())


def test_handshakes_that_fail(authority: Authority) -> None:
    with serving(probe, ["tls://127.0.0.1:0"], tls=authority.server()) as [address]:
        assert "is of an authority that is not trusted here" in str(refusal_of(address))
    with serving(probe, ["tcp://127.0.0.1:0"]) as [address]:
        address = address.replace("tcp://", "tls://")
        limits = rpc.Limits(tls_timeout=5.0)
        assert "TLS" in str(refusal_of(address, tls=authority.client(), limits=limits))


def test_a_certificate_of_ours_that_is_missing(authority: Authority) -> None:
    context = authority.server(client_ca=authority.ca)
    with serving(probe, ["tls://127.0.0.1:0"], tls=context) as [address]:
        assert "it wants a certificate of ours" in str(refusal_of(address, tls=authority.client()))
        with blocking.connect(address, tls=authority.client("alice")) as client:
            assert client.call(add, 1) == 1


def test_handshakes_that_take_too_long(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tls://127.0.0.1:{listener.getsockname()[1]}"
        limits = rpc.Limits(tls_timeout=0.01)
        assert "no TLS handshake within 0.01 s" in str(refusal_of(address, tls=authority.client(), limits=limits))
        assert "no answer within 0.01 s" in str(refusal_of(address, tls=authority.client(), timeout=0.01))


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_an_address_that_nothing_answers_at(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: object, timeout: float | None) -> None:
        assert timeout is not None
        threading.Event().wait(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", never)
    for options in ({"limits": rpc.Limits(handshake_timeout=0.01)}, {"timeout": 0.01}):
        assert str(refusal_of(f"{scheme}://192.0.2.1:9", **options)).endswith("no answer within 0.01 s")


def test_a_server_that_says_nothing() -> None:
    with scripted(silent) as address:
        assert "no HELLO came within 0.2 s" in str(refusal_of(address, limits=rpc.Limits(handshake_timeout=0.2)))
    with scripted(silent) as address:
        assert "no answer within 0.2 s" in str(refusal_of(address, timeout=0.2))


def test_a_server_that_hangs_up_or_speaks_otherwise() -> None:
    def shy(peer: Spoken) -> None:
        assert peer.hear() is not None

    with scripted(shy) as address:
        assert "the peer closed the connection" in str(refusal_of(address))

    def web(peer: Spoken) -> None:
        peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.hear_all()

    with scripted(web) as address:
        refusal = refusal_of(address)
        assert "the peer speaks HTTP" in str(refusal)
        assert isinstance(refusal.__cause__, rpc.ProtocolError)


def test_a_server_that_is_full_is_tried_again() -> None:
    def full(peer: Spoken) -> None:
        peer.say(HELLO, frames.goaway(0, Reason.TOO_MANY, "too many connections"))
        peer.hear_all()

    with scripted(full) as address:
        assert str(refusal_of(address)).endswith("too many connections")
    with scripted(full, silent_behind_hello) as address, blocking.connect(address, wait=PATIENCE):
        pass


def test_a_server_that_is_still_starting(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    clients: list[blocking.Client] = []
    thread = threading.Thread(target=lambda: clients.append(blocking.connect(address, wait=PATIENCE)))
    thread.start()
    with serving(probe, [address]):
        thread.join(PATIENCE)
        [client] = clients
        assert client.call(add, 1) == 1
        client.close()


def test_credentials(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    with serving(probe, [address], authenticate=rpc.tokens({"a secret": "alice"})):
        with blocking.connect(address, credential="a secret") as client:
            assert client.call(add, 1) == 1
        refusal = refusal_of(address, credential=b"another", wait=PATIENCE)  # at once
        assert str(refusal).endswith("credential refused")
    with pytest.raises(ValueError, match="not safe on its way"):
        blocking.connect("tcp://localhost:9", credential="a secret")
    with pytest.raises(ValueError, match="HELLO"):
        blocking.connect(address, credential=bytes(20_000))


def test_a_credential_that_nobody_judges() -> None:
    with scripted(silent_behind_hello) as address:
        limits = rpc.Limits(handshake_timeout=0.5)
        message = "it was not heard whether the credential is accepted within 0.5 s"
        assert message in str(refusal_of(address, credential="x", limits=limits))


def test_servers_of_other_users_are_not_trusted(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    with serving(probe, [address]):
        refusal = refusal_of(address, allow_uids=[os.getuid() + 1])
        assert str(refusal).endswith(f"its server's user {os.getuid()} is not allowed")
        with blocking.connect(address, allow_uids=[os.getuid()], timeout=math.inf) as client:
            assert client.call(add, 1) == 1
