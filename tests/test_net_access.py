from __future__ import annotations

import os
import ssl
from collections.abc import Collection

import pytest

from rpc.address import parse
from rpc.net.access import check_safe, is_local, origin_of, refusal_of, socket_mode
from rpc.peer import Peer

US = os.geteuid()
STRANGER = US + 1000


def peer(transport: str, uid: int | None) -> Peer:
    return Peer(address="somewhere", transport=transport, uid=uid)


@pytest.mark.parametrize("transport", ["unix", "unixgram"])
@pytest.mark.parametrize(
    ("uid", "allowed", "refusal"),
    [
        (US, None, None),
        (0, None, None),
        (STRANGER, None, f"user {STRANGER} is not allowed"),
        (STRANGER, [STRANGER], None),
        (US, [STRANGER], f"user {US} is not allowed"),
        (US, [], f"user {US} is not allowed"),
        (None, None, None),
        (None, [US], "user is not known on this system"),
    ],
)
def test_users_of_this_host(
    transport: str, uid: int | None, allowed: Collection[int] | None, refusal: str | None
) -> None:
    assert refusal_of(peer(transport, uid), allowed) == refusal


@pytest.mark.parametrize("transport", ["tcp", "tls", "udp", "memory"])
def test_other_transports_tell_no_user(transport: str) -> None:
    assert refusal_of(peer(transport, None), [US]) is None
    assert refusal_of(peer(transport, STRANGER), None) is None


@pytest.mark.parametrize(
    ("allowed", "mode"),
    [(None, 0o600), ([], 0o600), ([US], 0o600), ({US, 0}, 0o600), ([STRANGER], 0o666), ([US, STRANGER], 0o666)],
)
def test_a_socket_file_is_opened_to_others_only_where_they_are_named(
    allowed: Collection[int] | None, mode: int
) -> None:
    assert socket_mode(allowed) == mode


@pytest.mark.parametrize(
    ("transport", "address", "local"),
    [
        ("unix", "unix:/run/calc.sock", True),
        ("unixgram", "unixgram:/run/calc.dg", True),
        ("memory", "memory:", True),
        ("pipe", "stdio:", True),
        ("pipe", "process:4711", True),
        ("tcp", "tcp://127.0.0.1:51002", True),
        ("tcp", "tcp://127.8.9.10:51002", True),
        ("tcp", "tcp://[::1]:51002", True),
        ("tcp", "tcp://[::ffff:127.0.0.1]:51002", True),
        ("tls", "tls://127.0.0.1:51002", True),
        ("udp", "udp://127.0.0.1:51002", True),
        ("tcp", "tcp://192.0.2.1:51002", False),
        ("tcp", "tcp://[::ffff:192.0.2.1]:51002", False),
        ("tcp", "tcp://[fe80::1%eth0]:51002", False),
        ("tls", "tls://[2001:db8::1]:51002", False),
        ("tcp", "tcp://localhost:51002", False),
        ("tcp", "somewhere", False),
    ],
)
def test_who_is_on_this_host(transport: str, address: str, local: bool) -> None:
    assert is_local(Peer(address=address, transport=transport)) == local


# --- Shares ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        (Peer(address="unix:/s", transport="unix", uid=1000), "user 1000"),
        (Peer(address="unix:/s", transport="unix"), "unix:/s"),
        (Peer(address="memory", transport="memory"), "memory"),
        (Peer(address="tcp://192.0.2.7:1", transport="tcp"), "192.0.2.7"),
        (Peer(address="tls://[2001:db8:1:2:3::4]:1", transport="tls"), "2001:db8:1:2::/64"),
        (Peer(address="udp://[fe80::1%eth0]:1", transport="udp"), "fe80::/64"),
        (Peer(address="tcp://calc.lan:1", transport="tcp"), "tcp://calc.lan:1"),
    ],
)
def test_a_share_is_a_users_or_an_addresses(peer: Peer, origin: str) -> None:
    assert origin_of(peer) == origin


@pytest.mark.parametrize(
    ("address", "tls", "way_out"),
    [
        ("tcp://localhost:1", None, "use tls:// or a Unix socket"),
        ("tls://localhost:1", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "let tls= verify the server"),
    ],
)
def test_credentials_are_not_shown_to_strangers(address: str, tls: ssl.SSLContext | None, way_out: str) -> None:
    with pytest.raises(ValueError, match=f"not safe on its way to {address}: {way_out}"):
        check_safe(parse(address), tls)


def test_credentials_are_shown_to_whom_the_kernel_or_a_certificate_names() -> None:
    check_safe(parse("unix:/run/s"), None)
    check_safe(parse("tls://localhost:1"), None)
    check_safe(parse("tls://localhost:1"), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
