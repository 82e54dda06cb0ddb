"""Who may speak with us, by the user that the kernel names, and who is on this host."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from rpc.address import Address, Scheme, parse
from rpc.peer import Peer

if TYPE_CHECKING:
    import ssl  # see rpc.blocking.dial: who has no use for it does not import it

__all__ = ["check_safe", "is_local", "is_own", "origin_of", "refusal_of", "socket_mode"]

_ROOT = 0


def refusal_of(peer: Peer, allow_uids: Collection[int] | None) -> str | None:
    """Why this peer may not speak with us, or None where it may.

    Only Unix sockets tell the user. Allowed are the users in `allow_uids`, or, where that is None, our own and root.
    """
    if peer.transport not in ("unix", "unixgram"):
        return None
    if peer.uid is None:
        # Where the kernel does not tell, the mode of the socket file is all there is, and that lets in our own alone.
        return None if allow_uids is None else "user is not known on this system"
    is_allowed = is_own(peer) if allow_uids is None else peer.uid in allow_uids
    return None if is_allowed else f"user {peer.uid} is not allowed"


def is_own(peer: Peer) -> bool:
    """Whether the kernel says that a peer is a process of our own user, or of root: who could as well end this one."""
    return peer.uid in (os.geteuid(), _ROOT)


def origin_of(peer: Peer) -> str:
    """Whose share of what is limited for each peer is used up: a user of this host, or an address without its port.

    Of IPv6 the first half counts: whoever has one address there has all that differ in the second (RFC 4291).
    """
    if peer.uid is not None:
        return f"user {peer.uid}"
    if peer.transport not in ("tcp", "tls", "udp"):
        return peer.address
    try:
        host = parse(peer.address).host.partition("%")[0]
        address = ipaddress.ip_address(host)
    except ValueError:
        return peer.address
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


def is_local(peer: Peer) -> bool:
    """Whether a peer is a process of this host, or one that was started to speak with us; a forwarder counts as one."""
    if peer.transport not in ("tcp", "tls", "udp"):
        return True
    try:
        address = ipaddress.ip_address(parse(peer.address).host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def socket_mode(allow_uids: Collection[int] | None) -> int:
    """The mode of a socket file: our own alone may open it, unless others are to be let in and told apart."""
    own = (os.geteuid(), _ROOT)
    return 0o666 if any(uid not in own for uid in allow_uids or ()) else 0o600


def check_safe(address: Address, tls: ssl.SSLContext | None) -> None:
    """Refuse to send a credential where others may read it, or may pose as the server.

    Raises:
        ValueError: it would not be safe on its way to this address.
    """
    if address.is_path or (address.scheme is Scheme.TLS and (tls is None or tls.verify_mode.name == "CERT_REQUIRED")):
        return
    fix = "let tls= verify the server" if address.scheme is Scheme.TLS else "use tls:// or a Unix socket"
    raise ValueError(
        f"a credential is not safe on its way to {address}: {fix}, or pass insecure=True where the network itself "
        "keeps strangers out"
    )
