from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cbor2
import pytest
import trio

import rpc.client.notifier as notifier_module
from rpc.address import Address, Scheme, parse
from rpc.client.notifier import Notifier, notifier
from rpc.errors import Processed, ResourceExhausted, Unavailable
from rpc.net.datagram_sender import DatagramSender, SenderStatistics
from rpc.net.datagrams import DatagramReceiver, open_datagrams
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.service import Service
from rpc.wire import cose
from rpc.wire.cose import Keys

calc = Service("calc")


@calc.notification
def observe(name: str, value: float = 0.0) -> None:
    raise AssertionError("nobody calls it here")


@calc.notification
async def watch(context: Context[Any], name: str) -> None:
    raise AssertionError("nobody calls it here")


@calc.method
def add(a: int, b: int) -> int:
    return a + b


class Fake(DatagramSender):
    """Keeps the datagrams, or fails as it is told."""

    def __init__(self, text: str = "udp://127.0.0.1:9", *, is_local: bool = True) -> None:
        self.address = parse(text)
        self.is_local = is_local
        self.is_closed = False
        self.failure: OSError | None = None
        self.sent: list[bytes] = []

    def send(self, datagram: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(datagram)

    def statistics(self) -> SenderStatistics:
        return SenderStatistics(sent=len(self.sent), dropped={})

    def close(self) -> None:
        self.is_closed = True

    @property
    def decoded(self) -> list[tuple[str, int, Any]]:
        """The method, the sequence number and the arguments of each datagram."""
        found = []
        for datagram in self.sent:
            kind, method, metadata, payload = cbor2.loads(datagram)
            assert kind == 7
            assert len(metadata[5]) == 8
            found.append((method, metadata[6], cbor2.loads(payload)))
        return found


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """What `notifier` opens."""
    fake = Fake()

    async def open_sender(address: Address) -> DatagramSender:
        await trio.lowlevel.checkpoint()
        return fake

    monkeypatch.setattr(notifier_module, "open_sender", open_sender)
    return fake


def test_a_notification_is_sent_by_its_name() -> None:
    fake = Fake()
    notifier = Notifier(fake)
    notifier.send("calc.observe", "fps", 59.9)
    notifier.send("calc.observe", name="fps", target=1)
    assert fake.decoded == [
        ("calc.observe", 1, [["fps", 59.9], {}]),
        ("calc.observe", 2, [[], {"name": "fps", "target": 1}]),
    ]
    assert notifier.statistics() == SenderStatistics(sent=2, dropped={})
    assert repr(notifier) == "<Notifier udp://127.0.0.1:9>"


def test_a_notification_is_sent_by_its_handle() -> None:
    fake = Fake()
    notifier = Notifier(fake)
    notifier.send(observe, "fps", value=59.9)
    notifier.send(observe, "fps")
    notifier.send(watch, "fps")  # the context is not on the wire
    assert fake.decoded == [
        ("calc.observe", 1, [["fps"], {"value": 59.9}]),
        ("calc.observe", 2, [["fps"], {}]),
        ("calc.watch", 3, [["fps"], {}]),
    ]


def test_type_checkers_know_the_arguments_of_a_handle() -> None:
    notifier = Notifier(Fake())
    notifier.send(observe, 59.9)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    notifier.send(watch, "fps", 1)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize("target", [add.function, 7, None, b"calc.observe"])
def test_only_a_notification_can_be_sent(target: Any) -> None:
    with pytest.raises(TypeError, match="is no notification: give the decorated function, or its name"):
        Notifier(Fake()).send(target, 1, 2)


def test_a_method_is_called() -> None:
    method: Any = add
    with pytest.raises(TypeError, match="add answers once: call it with call"):
        Notifier(Fake()).send(method, 1, 2)


def test_two_notifiers_are_two_senders() -> None:
    fake = Fake()
    for _ in range(2):
        Notifier(fake).send("calc.observe", "fps")
    first, second = (cbor2.loads(datagram)[2] for datagram in fake.sent)
    assert first[5] != second[5]
    assert first[6] == second[6] == 1


def test_what_raises_uses_up_no_number() -> None:
    fake = Fake()
    notifier = Notifier(fake)
    with pytest.raises(ResourceExhausted, match=r"calc\.observe: a datagram of \d+ bytes; the limit is 1200"):
        notifier.send("calc.observe", bytes(1200))
    with pytest.raises(TypeError, match="cannot travel"):
        notifier.send("calc.observe", object())
    with pytest.raises(ValueError, match="1 to 255 bytes"):
        notifier.send("")
    notifier.send("calc.observe")
    assert fake.decoded == [("calc.observe", 1, [[], {}])]


def test_the_largest_size_may_be_chosen() -> None:
    fake = Fake()
    Notifier(fake, max_size=2000).send("calc.observe", bytes(1900))
    assert 1900 < len(fake.sent[0]) <= 2000


def test_what_the_system_refuses_is_an_error_of_ours() -> None:
    fake = Fake()
    notifier = Notifier(fake)
    fake.failure = OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    with pytest.raises(ResourceExhausted, match=r"calc\.observe: .* more than the system sends") as too_large:
        notifier.send("calc.observe")
    assert too_large.value.processed is Processed.DO_NOT_RETRY
    fake.failure = OSError(errno.EACCES, os.strerror(errno.EACCES))
    with pytest.raises(Unavailable, match=r"calc\.observe: cannot send: Permission denied") as forbidden:
        notifier.send("calc.observe")
    assert forbidden.value.processed is Processed.NOT_PROCESSED
    assert forbidden.value.__cause__ is fake.failure


# --- The block -------------------------------------------------------------------------------------------------


async def receive_one(receiver: DatagramReceiver) -> tuple[str, Any]:
    found: list[tuple[str, Any]] = []

    def handler(method: str, payload: bytes, metadata: Mapping[str | int, Any], peer: Peer) -> bool:
        found.append((method, cbor2.loads(payload)))
        receiver.close()
        return True

    with trio.fail_after(5):
        await receiver.run(handler)
    return found[0]


@pytest.mark.parametrize("scheme", [Scheme.UDP, Scheme.UNIXGRAM])
async def test_a_notification_arrives(tmp_path: Path, scheme: Scheme) -> None:
    where = parse("udp://127.0.0.1:0" if scheme is Scheme.UDP else f"unixgram:{tmp_path}/calc.dg")
    [receiver] = await open_datagrams(where)
    async with notifier(str(receiver.address)) as sender:
        sender.send(observe, "fps", 59.9)
        assert await receive_one(receiver) == ("calc.observe", [["fps", 59.9], {}])
        assert sender.statistics() == SenderStatistics(sent=1, dropped={})
    with pytest.raises(trio.ClosedResourceError):
        sender.send(observe, "fps")


async def test_the_socket_is_closed_with_the_block(fake: Fake) -> None:
    with pytest.raises(KeyError):
        async with notifier("udp://127.0.0.1:9"):
            raise KeyError
    assert fake.is_closed


@pytest.mark.parametrize("max_size", [0, -1, 65_508])
async def test_a_size_that_no_datagram_has_is_refused(fake: Fake, max_size: int) -> None:
    with pytest.raises(ValueError, match="max_size is 1 to 65507 bytes"):
        async with notifier("udp://127.0.0.1:9", max_size=max_size):
            pass


async def test_large_datagrams_stay_on_this_host(fake: Fake) -> None:
    async with notifier("udp://127.0.0.1:9", max_size=65_507):
        pass
    fake.is_local = False
    async with notifier("udp://192.0.2.1:9", max_size=1200):
        pass
    with pytest.raises(ValueError, match=r"udp://192\.0\.2\.1:9 is another host; at most 1200 bytes"):
        async with notifier("udp://192.0.2.1:9", max_size=1201):
            pass
    assert fake.is_closed


@pytest.mark.parametrize(("text", "why"), [("tcp://127.0.0.1:9", "takes no datagrams"), ("calc", "is no address")])
async def test_only_addresses_for_datagrams_are_taken(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        async with notifier(text):
            pass


# --- Keys --------------------------------------------------------------------------------------------------------

SECRET = b"sixteen bytes..."


async def test_with_a_key_each_datagram_is_sealed(fake: Fake) -> None:
    async with notifier("udp://127.0.0.1:9", key=(b"k1", SECRET)) as sender:
        sender.send(observe, "fps", 59.9)
        sender.send(observe, "fps", 60.1)
        assert "sixteen" not in f"{sender!r} {vars(sender)!r}"
    for number, datagram in enumerate(fake.sent, 1):
        kid, content, mac = cose.unseal(datagram)
        assert kid == b"k1"
        assert cose.is_genuine(content, mac, SECRET)
        assert cbor2.loads(content)[2][6] == number


@pytest.mark.parametrize(
    ("key", "error", "why"),
    [
        ((b"k1", b"fifteen bytes.."), ValueError, "the secret of key b'k1' has 15 bytes; at least 16 are needed"),
        (("k1", SECRET), TypeError, "the id of a key is bytes, not str"),
        ((b"k1", "0" * 32), TypeError, "the secret of a key is bytes, not str"),
        (SECRET, TypeError, "key is a pair of bytes"),
        (7, TypeError, "key is a pair of bytes"),
    ],
)
async def test_a_key_that_is_none(fake: Fake, key: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why) as caught:
        async with notifier("udp://127.0.0.1:9", key=key):
            pass
    assert "fifteen" not in str(caught.value)


async def test_multicast_needs_a_key(fake: Fake) -> None:
    where = "udp://239.1.2.3%lo:9"
    with pytest.raises(ValueError, match=r"nothing is taken without a key: give key=\(kid, secret\)"):
        async with notifier(where):
            pass
    async with notifier(where, key=(b"k1", SECRET)) as sender:
        sender.send(observe, "fps")
    assert len(fake.sent) == 1


@pytest.mark.parametrize("key", [None, (b"k1", SECRET)])
async def test_the_largest_datagram_of_all_arrives_on_loopback(key: tuple[bytes, bytes] | None) -> None:
    [receiver] = await open_datagrams(parse("udp://127.0.0.1:0"), keys=None if key is None else Keys(dict([key])))
    async with notifier(receiver.address, key=key, max_size=65_507) as sender:
        room = 65_507
        while True:
            try:
                sender.send("calc.observe", bytes(room))
            except ResourceExhausted:
                room -= 1
            else:
                break
        method, ((data,), _) = await receive_one(receiver)
    assert (method, len(data)) == ("calc.observe", room)
    assert room > 65_507 - 120
