"""The credential of a client, looked at before anything opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rpc.address import Address
from rpc.net.access import check_safe
from rpc.version import AGENT
from rpc.wire import hello

if TYPE_CHECKING:
    import ssl

__all__ = ["checked"]


def checked(
    credential: str | bytes | None, address: Address, tls: ssl.SSLContext | None, *, insecure: bool
) -> bytes | None:
    """A credential as it travels; None where there is none.

    Raises:
        ValueError: it would not be safe on its way to this address, which `insecure` allows, or is too long for a
            HELLO.
    """
    if credential is None:
        return None
    encoded = credential.encode() if isinstance(credential, str) else credential
    if not insecure:
        check_safe(address, tls)
    hello.encode(hello.Settings(agent=AGENT, credential=encoded))
    return encoded
