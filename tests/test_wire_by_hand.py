"""What is read by hand is what the codec reads, and nothing else is read by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import ProtocolError
from rpc.wire import by_hand, frames
from rpc.wire.framing import PREFIX
from rpc.wire.metadata import NO_METADATA

IDS = st.sampled_from([1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53 - 1])
TIMEOUTS = st.none() | st.sampled_from([0, 23, 24, 255, 256, 65_536, 2**32 - 1, 2**32])
METHODS = st.sampled_from(["a.b", "calc.add", "x" * 23, "x" * 24, "é" * 12, "calc.a_rather_long_name_of_a_method"])


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    by_hand._called.clear()
    by_hand._notified.clear()
    yield
    by_hand._called.clear()
    by_hand._notified.clear()


def notification(method: str, payload: bytes = b"\x82\x80\xa0", metadata: bytes = NO_METADATA) -> bytes:
    return frames.notify(frames.method_item(method), metadata, len(payload))[PREFIX:] + payload


def call(id: int, method: str, timeout: int | None = None, flags: int = 0, payload: bytes = b"\x80") -> bytes:
    item = frames.method_item(method)
    return frames.call(id, item, timeout, NO_METADATA, flags, len(payload))[PREFIX:] + payload


def by_codec(body: bytes) -> Any:
    """What the codec makes of a frame, or the class of what it raises."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(frames, "SHORT", 0)
            patch.setattr(frames, "LONG", 2**40)
            return frames.decode(body)
    except ProtocolError:
        return ProtocolError


def by_both(body: bytes) -> Any:
    try:
        return frames.decode(body)
    except ProtocolError:
        return ProtocolError


@given(IDS, METHODS, TIMEOUTS, st.integers(0, 31), st.binary(max_size=240))
def test_calls(id: int, method: str, timeout: int | None, flags: int, payload: bytes) -> None:
    body = call(id, method, timeout, flags & 29, payload)
    expected = by_codec(body)
    for _ in range(2):
        assert frames.decode(body) == expected == [1, id, flags & 29, method, timeout, None, payload]


def test_a_call_is_read_by_hand_from_the_second_on() -> None:
    assert by_hand.short_fields(call(1, "calc.add")) is None
    frames.decode(call(1, "calc.add"))
    assert by_hand.short_fields(call(3, "calc.add", 250, payload=b"\x81\x02")) == [
        1,
        3,
        0,
        "calc.add",
        250,
        None,
        b"\x81\x02",
    ]
    assert by_hand.short_fields(call(5, "calc.add", flags=4)) is None  # other flags, and not known with them
    assert by_hand.short_fields(call(5, "calc.sub")) is None


def test_so_many_are_known_and_no_more() -> None:
    for number in range(by_hand.CALLS):
        frames.decode(call(2 * number + 1, f"calc.method{number}"))
    assert by_hand.short_fields(call(1, "calc.method0")) is not None
    frames.decode(call(1, "calc.add"))
    assert by_hand.short_fields(call(1, "calc.method0")) is None
    assert by_hand.short_fields(call(1, "calc.add")) is not None
    assert len(by_hand._called) == 1


def test_calls_with_metadata_are_the_codecs() -> None:
    body = frames.call(1, frames.method_item("calc.add"), None, b"\xa1\x61a\x01", 0, 1)[PREFIX:] + b"\x80"
    for _ in range(2):
        assert frames.decode(body) == [1, 1, 0, "calc.add", None, {"a": 1}, b"\x80"]
        assert by_hand.short_fields(body) is None


@given(METHODS, st.binary(max_size=300))
def test_notifications(method: str, payload: bytes) -> None:
    body = notification(method, payload)
    expected = by_codec(body)
    for _ in range(2):
        assert frames.decode(body) == expected == [7, method, None, payload]


def test_a_notification_is_read_by_hand_from_the_second_on() -> None:
    for method in ("calc.observe", "x" * 24, "x" * 200):
        assert by_hand.short_fields(notification(method)) is None
        frames.decode(notification(method))
        assert by_hand.short_fields(notification(method, b"\x80")) == [7, method, None, b"\x80"]
    assert by_hand.short_fields(notification("calc.other")) is None
    assert by_hand.short_fields(notification("calc.observe", metadata=b"\xa1\x61a\x01")) is None


def test_so_many_methods_of_notifications_are_known_and_no_more() -> None:
    for number in range(by_hand.CALLS):
        frames.decode(notification(f"calc.method{number}"))
    assert by_hand.short_fields(notification("calc.method0")) is not None
    frames.decode(notification("calc.observe"))
    assert by_hand.short_fields(notification("calc.method0")) is None
    assert len(by_hand._notified) == 1


def test_what_is_cut_or_changed_is_judged_as_by_the_codec() -> None:
    chance = random.Random(1)
    bodies = [
        call(1, "calc.add"),
        call(300, "calc.add", 70_000, payload=bytes(30)),
        call(2**20 + 1, "x" * 40, 5, flags=24),
        notification("calc.observe", bytes(40)),
        notification("x" * 40),
        frames.data(7, 0, 3)[PREFIX:] + b"abc",
        frames.reply(70_001, 0, 40)[PREFIX:] + bytes(40),
    ]
    for body in bodies:
        assert frames.decode(body) == by_codec(body)
    for body in bodies:
        for size in range(len(body)):
            assert by_both(body[:size]) == by_codec(body[:size])
        assert by_both(body + b"\0") is ProtocolError
        for _ in range(3000):
            changed = bytearray(body)
            for _ in range(chance.randint(1, 2)):
                changed[chance.randrange(min(len(body), 24))] = chance.choice((chance.randrange(256), 0xF6, 0x18, 0x78))
            assert by_both(bytes(changed)) == by_codec(bytes(changed)), bytes(changed).hex()


def test_long_ones_end_with_a_view() -> None:
    payload = bytes(70_000)
    for body in (frames.data(7, 2, len(payload))[PREFIX:], frames.reply(301, 0, len(payload))[PREFIX:]):
        fields = frames.decode(body + payload)
        assert fields is not None
        assert isinstance(fields[3], memoryview)
        assert fields[:3] == by_codec(body + payload)[:3]
        assert fields[3] == payload
        assert by_hand.long_fields(b"\x87" + body[1:] + payload) is None
        assert by_hand.long_fields(body + payload[1:]) is None
