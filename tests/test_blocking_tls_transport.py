"""TLS for blocking clients; what it does over a connection is in ``tests/test_blocking_connect.py``."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from rpc.blocking.tls_transport import TlsTransport, checked
from rpc.peer import Peer
from tests.certificates import Authority

PEER = Peer(address="tls://localhost:1", transport="tls")


def test_tls_takes_over_a_socket_or_closes_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    context = Authority(tmp_path_factory.mktemp("blocking")).client()
    with socket.socket() as sock:
        with pytest.raises(OSError, match="not connected"):
            TlsTransport(sock, PEER, context, "localhost")
        assert sock.fileno() == -1


def test_a_context_for_clients_is_taken_and_made_where_none_is_given(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("blocking"))
    context = authority.client()
    assert checked(context) is context
    assert checked(None).check_hostname
    with pytest.raises(ValueError, match="make it with rpc"):
        checked(authority.server("localhost"))


def test_who_dials_no_tls_does_not_import_openssl() -> None:
    source = "import sys, rpc.blocking, rpc.blocking.connect, rpc.cli.call; sys.exit('ssl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0
