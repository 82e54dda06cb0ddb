"""Multicast on the loopback interface, with real sockets."""

from __future__ import annotations

import contextlib
import errno
import socket
from contextlib import ExitStack

import attrs
import pytest
import trio

from rpc.address import parse
from rpc.errors import Unavailable
from rpc.net import multicast
from rpc.net.datagram_sender import open_sender
from rpc.net.datagrams import open_datagrams
from rpc.net.multicast import Group, group_of, is_multicast
from rpc.wire.cose import Key, Keys
from tests.datagram_tools import Notified, arrived, numbered
from tests.resolver import has_ipv6

KEY = Key(b"k1", b"sixteen bytes...")
KEYS = Keys({b"k1": KEY.secret})
GROUP = "udp://239.1.2.3%lo:0"


async def test_every_member_of_a_group_gets_a_datagram() -> None:
    first = Notified()
    second = Notified()
    [one] = await open_datagrams(parse(GROUP), keys=KEYS)
    [other] = await open_datagrams(one.address, keys=KEYS)  # in another process, as a rule
    assert one.address == other.address == attrs.evolve(parse(GROUP), port=one.address.port)
    assert str(one.address) == f"udp://239.1.2.3%lo:{one.address.port}"
    sender = await open_sender(one.address)
    async with trio.open_nursery() as nursery:
        for receiver, handler in ((one, first), (other, second)):
            nursery.start_soon(receiver.run, handler)
        sender.send(numbered(1, key=KEY))
        sender.send(numbered(2))
        for receiver in (one, other):
            await arrived(receiver, 2)
            assert receiver.statistics().dropped == {"unkeyed": 1}
            receiver.close()
    sender.close()
    for handler in (first, second):
        [(method, _, _, peer)] = handler.calls
        assert method == "calc.observe"
        assert peer.transport == "udp"


async def test_a_member_gets_nothing_of_other_groups_and_nothing_that_is_meant_for_the_host() -> None:
    [receiver] = await open_datagrams(parse(GROUP), keys=KEYS)
    port = receiver.address.port
    handler = Notified()
    with ExitStack() as stack, trio.fail_after(5):
        elsewhere = stack.enter_context(group_of(parse(f"udp://239.1.2.4%lo:{port}")).bind())
        there = stack.enter_context(group_of(parse(f"udp://239.1.2.4%lo:{port}")).connect())
        there.send(numbered(1, key=KEY))
        await trio.lowlevel.wait_readable(elsewhere)
        host = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        host.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):  # the port is not taken for the host
            for _ in range(2):
                host.connect(("127.0.0.1", port))
                host.send(numbered(2, key=KEY))
        sender = await open_sender(receiver.address)
        sender.send(numbered(3, key=KEY))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receiver.run, handler)
            await arrived(receiver, 1)
            receiver.close()
        sender.close()
    assert [metadata[6] for _, _, metadata, _ in handler.calls] == [3]


def test_datagrams_leave_through_the_interface_that_was_named_and_go_no_further_than_a_router() -> None:
    with group_of(parse("udp://239.1.2.3%lo:9")).connect() as sock:
        assert sock.getpeername() == ("239.1.2.3", 9)
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 1


async def test_groups_of_ipv6() -> None:
    group = group_of(parse("udp://[ff02::1234%lo]:0"))
    assert group == Group(socket.AF_INET6, "ff02::1234", 0, socket.if_nametoindex("lo"))
    if not has_ipv6():
        with pytest.raises(OSError, match=r"."):
            group.bind()
        return
    [receiver] = await open_datagrams(parse("udp://[ff02::1234%lo]:0"), keys=KEYS)
    assert str(receiver.address) == f"udp://[ff02::1234%lo]:{receiver.address.port}"
    with contextlib.suppress(Unavailable):  # most systems have no way for them on loopback, and say so at once
        (await open_sender(receiver.address)).close()
    receiver.close()


async def test_a_group_is_for_those_who_have_keys() -> None:
    with pytest.raises(ValueError, match=r"udp://239\.1\.2\.3%lo:0 is a multicast address, .* give datagram_keys="):
        await open_datagrams(parse(GROUP))


@pytest.mark.parametrize("text", ["udp://239.1.2.3:9", "udp://[ff02::1234]:9"])
async def test_the_interface_must_be_named(text: str) -> None:
    for attempt in (open_datagrams(parse(text), keys=KEYS), open_sender(parse(text))):
        with pytest.raises(ValueError, match=r"name the network interface, as in udp://.*%eth0\]?:9"):
            await attempt


async def test_an_interface_that_is_not_there() -> None:
    where = parse("udp://239.1.2.3%nowhere0:9")
    with pytest.raises(OSError, match=r"cannot listen on .*there is no network interface 'nowhere0'") as caught:
        await open_datagrams(where, keys=KEYS)
    assert caught.value.errno == errno.ENODEV
    with pytest.raises(Unavailable, match=r"cannot send to .*there is no network interface 'nowhere0'"):
        await open_sender(where)


async def test_a_group_that_cannot_be_joined_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Group, sock: socket.socket) -> None:
        raise OSError(errno.ENOBUFS, "No buffer space available")

    monkeypatch.setattr(multicast.Group, "_join", refuse)
    with pytest.raises(OSError, match=r"cannot listen on .*No buffer space"):
        await open_datagrams(parse(GROUP), keys=KEYS)  # a socket that is left behind would warn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("udp://239.1.2.3%lo:9", True),
        ("udp://224.0.0.1:9", True),
        ("udp://[ff02::1]:9", True),
        ("udp://[ff02::1%eth0]:9", True),
        ("udp://127.0.0.1:9", False),
        ("udp://[fe80::1%eth0]:9", False),
        ("udp://calc.lan:9", False),
        ("udp://:9", False),
        ("unixgram:/run/calc.dg", False),
    ],
)
def test_which_addresses_are_groups(text: str, expected: bool) -> None:
    assert is_multicast(parse(text)) is expected
