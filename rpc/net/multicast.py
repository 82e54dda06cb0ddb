"""Multicast: datagrams to a group of hosts, through the network interface that the address names.

``udp://239.1.2.3%eth0:9000`` and ``udp://[ff02::1234%eth0]:9000``: the name behind the percent sign, which RFC 4007
has for IPv6, serves for both. It is asked for, since a default would let a route decide who hears us.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys

import attrs

from rpc.address import Address
from rpc.net.options import SocketName

__all__ = ["Group", "group_of", "is_multicast"]

_ONLY_OURS = {socket.AF_INET: (socket.IPPROTO_IP, 49), socket.AF_INET6: (socket.IPPROTO_IPV6, 29)}
"""IP_MULTICAST_ALL and IPV6_MULTICAST_ALL of Linux, which Python does not name."""


@attrs.frozen
class Group:
    """A multicast address on one interface, whose index is `interface`."""

    family: socket.AddressFamily
    host: str
    port: int
    interface: int

    def bind(self) -> socket.socket:
        """A socket that receives what is sent to the group on this interface, beside others of this host that do.

        Raises:
            OSError: the group cannot be joined there.
        """
        sock = socket.socket(self.family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            # Every member gets every datagram, so that a newcomer takes nothing away; and bound to the address of the
            # group, it cannot have the unicast ones of somebody else.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self.name)
            self._join(sock)
            self._refuse_others(sock)
        except OSError:
            sock.close()
            raise
        return sock

    def connect(self) -> socket.socket:
        """A socket that sends to the group through this interface; other hosts get it as far as the next router.

        Raises:
            OSError: there is no way to the group there.
        """
        sock = socket.socket(self.family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if self.family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, self._request(bytes(4)))
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.interface)
            sock.connect(self.name)
        except OSError:
            sock.close()
            raise
        return sock

    @property
    def name(self) -> SocketName:
        """The name of the group for a socket."""
        return (self.host, self.port) if self.family == socket.AF_INET else (self.host, self.port, 0, self.interface)

    def _join(self, sock: socket.socket) -> None:
        packed = socket.inet_pton(self.family, self.host)
        if self.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, self._request(packed))
        else:
            request = packed + struct.pack("@I", self.interface)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)

    def _refuse_others(self, sock: socket.socket) -> None:
        """Take nothing that came through an interface where only somebody else has joined."""
        if sys.platform == "linux":
            level, option = _ONLY_OURS[self.family]
            sock.setsockopt(level, option, 0)

    def _request(self, group: bytes) -> bytes:
        """A ``struct ip_mreqn``: the group, no address of an interface, and its index."""
        return group + bytes(4) + struct.pack("@i", self.interface)


def is_multicast(address: Address) -> bool:
    """Whether an address is one of a group."""
    try:
        return ipaddress.ip_address(address.host.partition("%")[0]).is_multicast
    except ValueError:  # a name, or a path
        return False


def group_of(address: Address) -> Group:
    """The group that a multicast address names.

    Raises:
        OSError: there is no such interface.
        ValueError: it names no interface.
    """
    host, _, interface = address.host.partition("%")
    if not interface:
        example = attrs.evolve(address, host=f"{host}%eth0")
        raise ValueError(f"{address} is a multicast address: name the network interface, as in {example}")
    try:
        index = socket.if_nametoindex(interface)
    except OSError as error:
        raise OSError(errno.ENODEV, f"there is no network interface {interface!r}") from error
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return Group(family, host, address.port, index)
