"""Addresses: where a service listens and where a client connects.

==========================  ==================================================================
``unix:/run/calc.sock``     a Unix stream socket; a relative path is taken as it is
``tcp://127.0.0.1:9000``    TCP; ``:9000`` for short is loopback, ``tcp://:9000`` every interface
``tls://calc.lan:9000``     TLS over TCP
``udp://127.0.0.1:9000``    datagrams, for notifications only
``unixgram:/run/calc.dg``   Unix datagrams, for notifications only
==========================  ==================================================================

An IPv6 host stands in brackets: ``tcp://[::1]:9000``. Port 0 lets the system choose when listening.
"""

from __future__ import annotations

import enum
import os
import re

import attrs

__all__ = ["Address", "Scheme", "parse"]


class Scheme(enum.Enum):
    UNIX = "unix"
    TCP = "tcp"
    TLS = "tls"
    UDP = "udp"
    UNIXGRAM = "unixgram"


_PATHS = {Scheme.UNIX, Scheme.UNIXGRAM}
_DATAGRAMS = {Scheme.UDP, Scheme.UNIXGRAM}
_MAX_PATH = 107  # bytes of sockaddr_un.sun_path on Linux, less its NUL
_HOST_AND_PORT = re.compile(r"(\[(?P<bracketed>[^][]*:[^][]*)\]|(?P<plain>[^][:/]*)):(?P<port>[0-9]{1,5})")


@attrs.frozen
class Address:
    """One parsed address; `str` gives back the text that `parse` reads.

    Attributes:
        scheme: the transport.
        path: the socket file of ``unix`` and ``unixgram``, else empty.
        host: the host name or IP address without brackets; empty means every interface. Empty for paths.
        port: 0 to 65535; 0 for paths.
    """

    scheme: Scheme
    path: str = ""
    host: str = ""
    port: int = 0

    @property
    def is_datagram(self) -> bool:
        """Whether only notifications travel to this address."""
        return self.scheme in _DATAGRAMS

    @property
    def is_path(self) -> bool:
        """Whether this is a socket file of this host."""
        return self.scheme in _PATHS

    def __str__(self) -> str:
        if self.is_path:
            return f"{self.scheme.value}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme.value}://{host}:{self.port}"


def parse(text: str | Address) -> Address:
    """Read an address.

    Raises:
        TypeError: it is no text.
        ValueError: the text is no address; the message says what was expected.
    """
    if isinstance(text, Address):
        return text
    _check_text(text)
    if text.startswith(":"):
        return _parse_network(Scheme.TCP, f"127.0.0.1{text}", text)
    name, colon, rest = text.partition(":")
    try:
        scheme = Scheme(name)
    except ValueError:
        scheme = None
    if not colon or scheme is None:
        raise ValueError(f"{text!r} is no address: {_meant(text)}")
    if scheme in _PATHS:
        return _parse_path(scheme, rest, text)
    if not rest.startswith("//"):
        raise ValueError(f"{text!r} is no address: write {name}://host:port")
    return _parse_network(scheme, rest[2:], text)


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"an address is text, as unix:/path, tcp://host:port or :port, and not {text!r}")


def _meant(text: str) -> str:
    """What to write in place of a text that names no scheme."""
    if _HOST_AND_PORT.fullmatch(text):
        return f"write tcp://{text}, or tls://{text}"
    if text.isdecimal():
        return f"write :{text}, or tcp://host:{text}"
    if text.startswith(("/", ".")) or text.endswith(".sock"):
        return f"write unix:{text}"
    return (
        "write unix:/path, tcp://host:port, tls://host:port or :port, "
        "and for notifications alone udp://host:port or unixgram:/path"
    )


def _parse_path(scheme: Scheme, path: str, text: str) -> Address:
    path = path.removeprefix("//")
    if path.startswith("//"):
        path = f"/{path.lstrip('/')}"  # the same file, and a text that reads back as itself
    if path.startswith(("@", "\0")):
        raise ValueError(
            f"{text!r} is an abstract socket, which has no permissions (CVE-2020-15257): give the path of a file"
        )
    if not path or "\0" in path:
        raise ValueError(f"{text!r} is no address: write {scheme.value}:/path/of/the.sock")
    if len(os.fsencode(path)) > _MAX_PATH:
        raise ValueError(f"{text!r} is too long: the path of a Unix socket has at most {_MAX_PATH} bytes")
    return Address(scheme, path=path)


def _parse_network(scheme: Scheme, rest: str, text: str) -> Address:
    match = _HOST_AND_PORT.fullmatch(rest)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(
            f"{text!r} is no address: write {scheme.value}://host:port with a port of 0 to 65535, "
            "and an IPv6 host in brackets"
        )
    return Address(scheme, host=match["bracketed"] or match["plain"] or "", port=int(match["port"]))
