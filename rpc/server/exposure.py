"""What a server refuses to start with: addresses where strangers could call, or where TLS was meant and is not."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence

from rpc.address import Address, Scheme
from rpc.net.greeting import Authenticate
from rpc.wire.cose import Keys

__all__ = ["check_exposure", "check_keys", "check_tls"]

_ON_PURPOSE = "or pass insecure=True where the network itself keeps strangers out"


def check_exposure(
    address: Address, tls: ssl.SSLContext | None, authenticate: Authenticate | None, keys: Keys | None = None
) -> None:
    """Look whether strangers on other hosts could call at an address that is bound.

    Raises:
        ValueError: they could; the message says what would keep them out.
    """
    if address.is_path or ipaddress.ip_address(address.host.partition("%")[0]).is_loopback:
        return
    if address.is_datagram and keys is not None:
        return
    if address.scheme is not Scheme.TLS:
        instead = "give datagram_keys=, " if address.is_datagram else "serve on tls://, "
        raise ValueError(
            f"{address} can be reached from other hosts, and anyone there could call: {instead}bind to 127.0.0.1 or "
            f"a Unix socket, {_ON_PURPOSE}"
        )
    if authenticate is None and (tls is None or tls.verify_mode is not ssl.CERT_REQUIRED):
        raise ValueError(
            f"{address} can be reached from other hosts, and any client there could call: give rpc.server_tls a "
            f"client_ca, or authenticate=, {_ON_PURPOSE}"
        )


def check_tls(addresses: Sequence[Address], tls: ssl.SSLContext | None) -> None:
    """Look whether a context is of use.

    Raises:
        ValueError: there is TCP and no TLS among the addresses, though it was prepared for.
    """
    schemes = {address.scheme for address in addresses}
    if tls is not None and Scheme.TCP in schemes and Scheme.TLS not in schemes:
        raise ValueError("tls is given, and no address would use it: write tls:// in place of tcp://, or leave it out")


def check_keys(addresses: Sequence[Address], keys: Keys | None) -> None:
    """Look whether keys are of use.

    Raises:
        ValueError: there is no address for datagrams, though they were prepared for.
    """
    if keys is not None and not any(address.is_datagram for address in addresses):
        raise ValueError("datagram_keys are given, and no address would use them: serve on udp:// or unixgram: as well")
