"""Names that exist only in a test."""

from __future__ import annotations

import socket
from typing import Any

import trio

__all__ = ["Resolver", "has_ipv6", "use_names"]


class Resolver(trio.abc.HostnameResolver):
    """Answers from a table, in its order; a name that is not in it does not exist."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        await trio.lowlevel.checkpoint()
        name = (host or b"").decode()
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            found
            for address in self.names[name]
            for found in socket.getaddrinfo(address, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        ]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


def use_names(**names: list[str]) -> None:
    """Let these be all the names there are, for the rest of the test."""
    trio.socket.set_custom_hostname_resolver(Resolver(names))


def has_ipv6() -> bool:
    """Whether this machine has IPv6 at all."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::", 0))
    except OSError:
        return False
    return True
