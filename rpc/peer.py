"""Who is on the other side of a connection."""

from __future__ import annotations

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
    """

    address: str
    transport: str
    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
