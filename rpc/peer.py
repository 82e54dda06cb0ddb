"""Who is on the other side of a connection."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Peer"]


@attrs.frozen(kw_only=True)
class Peer:
    """The other side, as far as the transport knows it.

    Attributes:
        address: what the transport calls the peer: ``tcp://127.0.0.1:51002``, ``unix:/run/calc.sock``, ``memory:``,
            ``process:4711`` for a child of ours, ``stdio:`` for whoever started us.
        transport: ``unix``, ``tcp``, ``tls``, ``udp``, ``unixgram``, ``pipe`` or ``memory``.
        uid, gid, pid: of the peer's process when it connected, told by the kernel (SO_PEERCRED), or of a child that
            we started; None elsewhere.
        names: those in the certificate that TLS has verified: of a server always, of a client where the server asks
            for one; else empty.
        identity: what the server's `authenticate` returned; None where there is none.
    """

    address: str
    transport: str
    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
    names: tuple[str, ...] = ()
    identity: Any = attrs.field(default=None, hash=False)
