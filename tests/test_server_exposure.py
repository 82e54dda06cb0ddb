from __future__ import annotations

import ssl

import pytest

import rpc
from rpc.address import parse
from rpc.server.exposure import check_exposure, check_keys, check_tls
from rpc.wire.cose import Keys


def context(verify: ssl.VerifyMode = ssl.CERT_NONE) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.verify_mode = verify
    return made


AUTHENTICATE = rpc.tokens({"secret": "alice"})
KEYS = Keys({b"k1": bytes(16)})


@pytest.mark.parametrize(
    "address",
    ["unix:/run/s", "unixgram:/run/s", "tcp://127.0.0.1:1", "tcp://[::1]:1", "udp://127.0.0.2:1", "tls://127.0.0.1:1"],
)
def test_what_stays_on_this_host_needs_nothing(address: str) -> None:
    check_exposure(parse(address), None, None)


@pytest.mark.parametrize(
    "address", ["tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://192.168.0.1:1", "tcp://[fe80::1%eth0]:1"]
)
def test_tcp_that_other_hosts_can_reach(address: str) -> None:
    for tls, authenticate in ((None, None), (context(ssl.CERT_REQUIRED), AUTHENTICATE)):
        with pytest.raises(ValueError, match="can be reached from other hosts") as caught:
            check_exposure(parse(address), tls, authenticate)
        for fix in ("tls://", "127.0.0.1", "Unix socket", "insecure=True"):
            assert fix in str(caught.value)


def test_datagrams_that_other_hosts_can_send() -> None:
    with pytest.raises(ValueError, match=r"bind to 127\.0\.0\.1 or a Unix socket") as caught:
        check_exposure(parse("udp://0.0.0.0:1"), None, AUTHENTICATE)
    assert "tls" not in str(caught.value)
    assert "give datagram_keys=, " in str(caught.value)
    check_exposure(parse("udp://0.0.0.0:1"), None, None, KEYS)


def test_keys_of_datagrams_let_nobody_in_by_tcp() -> None:
    with pytest.raises(ValueError, match="can be reached from other hosts"):
        check_exposure(parse("tcp://0.0.0.0:1"), None, None, KEYS)


def test_keys_that_no_address_would_use() -> None:
    connections = [parse("tcp://127.0.0.1:1"), parse("unix:/run/s")]
    with pytest.raises(ValueError, match=r"no address would use them: serve on udp:// or unixgram: as well"):
        check_keys(connections, KEYS)
    check_keys(connections, None)
    for address in ("udp://127.0.0.1:1", "unixgram:/run/d"):
        check_keys([*connections, parse(address)], KEYS)


def test_tls_that_other_hosts_can_reach_needs_to_know_its_clients() -> None:
    address = parse("tls://0.0.0.0:1")
    for tls in (None, context(), context(ssl.CERT_OPTIONAL)):
        with pytest.raises(ValueError, match="any client there could call") as caught:
            check_exposure(address, tls, None)
        for fix in ("client_ca", "authenticate=", "insecure=True"):
            assert fix in str(caught.value)
    check_exposure(address, context(ssl.CERT_REQUIRED), None)
    check_exposure(address, context(), AUTHENTICATE)


def test_a_context_that_no_address_would_use() -> None:
    for addresses in (["tcp://127.0.0.1:1"], ["unix:/run/s", "tcp://127.0.0.1:1"]):
        with pytest.raises(ValueError, match=r"no address would use it: write tls:// in place of tcp://"):
            check_tls([parse(address) for address in addresses], context())
        check_tls([parse(address) for address in addresses], None)
    check_tls([parse("unix:/run/s")], context())
    check_tls([parse("tcp://127.0.0.1:1"), parse("tls://127.0.0.1:1")], context())
