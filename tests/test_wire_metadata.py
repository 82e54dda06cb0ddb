from __future__ import annotations

import enum
import math
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import ProtocolError, Reason
from rpc.limits import MAX_METADATA
from rpc.wire import metadata
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import EncodeError
from rpc.wire.profile import decode_envelope

Fields = dict[Any, Any]


def arrived(encoded: bytes) -> Any:
    """The metadata of a NOTIFY, as its receiver sees it."""
    body = b"\x84\x07\x63a.b" + encoded + b"\x40"
    fields = decode_envelope(body)[2]
    if encoded != NO_METADATA:
        metadata.check(fields, body, 2)
    return fields


def nested(levels: int, *, maps: bool = False) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value} if maps else [value]
    return value


def test_no_metadata_is_null() -> None:
    assert metadata.encode(None) == metadata.encode({}) == NO_METADATA == cbor2.dumps(None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text() | st.integers(0, 2**64 - 1), VALUES, min_size=1, max_size=4))
def test_plain_values_arrive_as_they_were(fields: Fields) -> None:
    encoded = metadata.encode(fields)
    assert encoded == cbor2.dumps(fields)
    assert arrived(encoded) == fields


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 2**53 + 0.0])
def test_a_float_stays_a_float(value: float) -> None:
    assert repr(arrived(metadata.encode({"a": value}))["a"]) == repr(value)


@pytest.mark.parametrize("maps", [False, True])
def test_a_frame_has_64_levels_of_which_metadata_has_63(maps: bool) -> None:
    deepest = nested(62, maps=maps)
    assert arrived(metadata.encode({"deep": deepest})) == {"deep": deepest}
    with pytest.raises(ValueError, match="nested too deeply; a frame has 64 levels"):
        metadata.encode({"deep": [deepest]})


class Color(enum.IntEnum):
    RED = 1


LOOP: list[Any] = []
LOOP.append(LOOP)

A_KEY = "a key of metadata is text or an unsigned integer"
A_VALUE = "a value of metadata is null, a boolean, a number, text, bytes, an array or a map of those"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({-1: 1}, A_KEY),
        ({True: 1}, A_KEY),
        ({b"a": 1}, A_KEY),
        ({"a": object()}, A_VALUE),
        ({"a": Color.RED}, A_VALUE),
        ({"a": [(1,)]}, A_VALUE),
        ({"a": {"b": {1}}}, A_VALUE),
        ({"a": 2**64}, r"from -2\^64 to 2\^64-1"),
        ({"a": [-(2**64) - 1]}, r"from -2\^64 to 2\^64-1"),
        ({"a": LOOP}, "nested too deeply; a frame has 64 levels"),
    ],
    ids=lambda part: str(part)[:24],
)
def test_what_no_frame_could_hold_is_refused_where_it_is_given(fields: Fields, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        metadata.encode(fields)


@pytest.mark.parametrize("fields", [{2**64: 1}, {"a": "\ud800"}, {"a": {1.5: 1}}], ids=str)
def test_what_no_payload_could_hold_is_refused_as_there(fields: Fields) -> None:
    with pytest.raises(EncodeError):
        metadata.encode(fields)


@pytest.mark.parametrize("fields", [[], "text", 1, True, {-1: 1}, {b"a": 1}], ids=str)
def test_what_arrives_is_a_map_with_such_keys(fields: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        arrived(cbor2.dumps(fields))
    assert caught.value.reason is Reason.PROTOCOL


def text(size: int) -> Fields:
    """Metadata of `size` bytes."""
    fields = {"a": "x" * (size - 6)}
    assert len(cbor2.dumps(fields)) == size
    return fields


def test_it_has_at_most_8192_bytes_encoded() -> None:
    largest, larger = text(MAX_METADATA), text(MAX_METADATA + 1)
    assert arrived(metadata.encode(largest)) == largest
    with pytest.raises(ValueError, match="metadata of 8193 bytes; at most 8192 travel with a call"):
        metadata.encode(larger)
    with pytest.raises(ProtocolError, match="metadata of 8193 bytes; at most 8192 are accepted") as caught:
        arrived(cbor2.dumps(larger))
    assert caught.value.reason is Reason.SIZE


def test_its_size_is_that_of_its_bytes_as_they_came() -> None:
    wide = b"\xa1\x61a\x98\x00"  # an empty array with a wide head
    assert arrived(b"\xb9\x00\x01\x61a\x7a\x00\x00\x1f\xf6" + b"x" * 8182) == {"a": "x" * 8182}
    with pytest.raises(ProtocolError, match="metadata of 8193 bytes"):
        arrived(b"\xb9\x00\x01\x61a\x7a\x00\x00\x1f\xf7" + b"x" * 8183)
    assert arrived(wide) == {"a": []}


def test_what_stands_beside_it_does_not_count() -> None:
    body = b"\x84\x07\x63a.b\xa1\x61a\x01\x5a\x00\x01\x00\x00" + bytes(65536)
    metadata.check(decode_envelope(body)[2], body, 2)
