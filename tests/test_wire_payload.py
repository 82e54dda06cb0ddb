from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.wire import payload
from rpc.wire.payload import EncodeError, decode, encode, encode_buffers, pack, pack_arguments
from rpc.wire.profile import ProfileError
from tests.cbor_vectors import APPENDIX_A

LARGE = 16384


@attrs.define
class Record:
    name: str
    values: list[float]
    at: datetime


keys = st.text(max_size=5) | st.binary(max_size=5) | st.integers(-(2**64), 2**64 - 1)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**64) - 2, 2**64 + 2)
    | st.integers(-(2**512), 2**512 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
offsets = st.integers(-86399, 86399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
moments = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=offsets)
classes = (
    moments
    | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: value if value else abs(value))
    | st.uuids()
    | st.sets(keys, max_size=4)
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda some: st.lists(some, max_size=4) | st.dictionaries(keys, some, max_size=4), max_leaves=15
    )


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart, and 0.0 and -0.0; date-times are the same at the same moment."""
    if isinstance(one, datetime):
        return isinstance(other, datetime) and abs(one - other) == timedelta()
    if isinstance(one, list):
        return type(other) is list and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return type(other) is dict and list(one) == list(other) and all(map(same, one.values(), other.values()))
    if isinstance(one, set):
        return type(other) is set and one == other
    return repr(one) == repr(other)


@given(nested(scalars))
def test_plain_values_come_back(value: Any) -> None:
    assert same(decode(encode(value)), value)


@given(nested(scalars | classes))
def test_values_of_classes_come_back(value: Any) -> None:
    assert same(decode(encode(value)), value)


@given(nested(scalars | classes))
def test_buffers_join_to_the_encoding(value: Any) -> None:
    assert b"".join(encode_buffers(value)) == encode(value)
    assert pack(value) == encode(value)


@given(st.lists(scalars, max_size=10))
def test_short_lists_are_written_as_cbor2_writes_them(items: list[Any]) -> None:
    assert encode(items) == cbor2.dumps(items)
    assert encode(tuple(items)) == cbor2.dumps(items)
    for item in items:
        assert encode(item) == cbor2.dumps(item)


@given(st.lists(nested(scalars), max_size=10), st.dictionaries(st.text(), scalars, max_size=2))
def test_arguments_are_written_as_a_list_of_the_two(args: list[Any], kwargs: dict[str, Any]) -> None:
    assert pack_arguments(tuple(args), kwargs) == pack([args, kwargs])


def test_arguments_of_the_deepest_values_travel() -> None:
    value: list[Any] = []
    for _ in range(61):
        value = [value]
    packed = pack_arguments((value,), {})
    assert isinstance(packed, bytes)
    assert decode(packed) == [[value], {}]
    with pytest.raises(EncodeError, match="nested deeper"):
        pack_arguments(([value],), {})


@given(nested(scalars))
def test_plain_values_are_written_as_cbor2_writes_them(value: Any) -> None:
    assert encode(value) == cbor2.dumps(value)


@pytest.mark.parametrize(("encoded", "value"), [pair for pair in APPENDIX_A if pair[0][0] not in "cf"])
def test_vectors_of_the_rfc(encoded: str, value: Any) -> None:
    assert encode(value).hex() == encoded


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ([1, 2], "820102"),
        ([], "80"),
        ([None, True, False, -1, 1.5], "85f6f5f420fb3ff8000000000000"),
        ([24, 256, 65536, 2**32, 2**64 - 1], "8518181901001a000100001b00000001000000001bffffffffffffffff"),
        (["a" * 23, "\u00fc"], "8277" + "61" * 23 + "62c3bc"),
        ([b"x", b"y" * 24], "8241785818" + "79" * 24),
        (list(range(9)), "89000102030405060708"),
        ([[1, 2], {"b": 3}], "82820102a1616203"),
        (2**64, "c249010000000000000000"),
        (datetime(2013, 3, 21, 20, 4, tzinfo=UTC), "c074" + b"2013-03-21T20:04:00Z".hex()),
        (datetime(2013, 3, 21, tzinfo=timezone(timedelta(hours=2))), "c07819" + b"2013-03-21T00:00:00+02:00".hex()),
        (Decimal("273.15"), "c48221196ab3"),
        ({1}, "d901028101"),
        (UUID(int=0), "d82550" + "00" * 16),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_vectors(value: Any, encoded: str) -> None:
    assert encode(value).hex() == encoded
    assert decode(bytes.fromhex(encoded)) == value


def test_not_a_number_travels() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert math.isnan(decode(encode([math.nan]))[0])
    assert decode(encode([math.inf, -math.inf])) == [math.inf, -math.inf]


def test_records_travel_as_maps() -> None:
    moment = datetime(2013, 3, 21, 20, 4, tzinfo=UTC)
    assert decode(encode([Record("x", [1.5], moment)])) == [{"name": "x", "values": [1.5], "at": moment}]


@pytest.mark.parametrize("value", [object(), {1.5: 1}, "\ud800", datetime(2013, 3, 21), 2**512, Decimal("NaN")])
def test_what_cannot_travel_is_named_with_its_path(value: Any) -> None:
    for outer in ([0, value], {1: value}, [0, value, *range(20)]):
        with pytest.raises(EncodeError, match=r"^\[1\]"):
            encode(outer)
        with pytest.raises(EncodeError, match=r"^\[1\]"):
            encode_buffers(outer)
    with pytest.raises(EncodeError, match=r"^(the value|\[1\.5\]): "):
        encode(value)


def test_very_deep_values_are_refused() -> None:
    value: list[Any] = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(EncodeError, match="nested deeper than 64 levels, or inside itself"):
        encode(value)


def test_the_deepest_values_travel() -> None:
    value: Any = "x"
    for _ in range(64):
        value = [value]
    assert decode(encode(value)) == value
    value = 2**64
    for _ in range(63):
        value = {"key": value}
    assert decode(encode(value)) == value
    with pytest.raises(EncodeError, match="nested deeper"):
        encode([value])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_large_byte_strings_are_not_copied(kind: type) -> None:
    large = kind(bytes(LARGE))
    small = kind(bytes(LARGE - 1))
    for value, count in (
        (large, 2),
        ([large], 2),
        ((1, large, 2), 3),
        ([large, small, large], 4),
        ([[1], {"k": large}], 2),
        ({"a": [large], "b": 1}, 3),
        ([[large, 2**70]], 3),
    ):
        buffers = encode_buffers(value)
        assert len(buffers) == count
        assert any(is_buffer(buffer, large) for buffer in buffers)
        encoded = b"".join(buffers)
        assert pack(value) == buffers
        assert encoded == encode(value) == cbor2.dumps(copied(value))
        assert decode(encoded) == copied(value)
    assert len(encode_buffers([small])) == 1
    assert isinstance(pack([small]), bytes)


def is_buffer(buffer: payload.Buffer, large: payload.Buffer) -> bool:
    if isinstance(buffer, memoryview) and isinstance(large, memoryview):
        return buffer.obj is large.obj
    return buffer is large


def copied(value: Any) -> Any:
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (list, tuple)):
        return [copied(item) for item in value]
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return value


@given(st.lists(scalars, max_size=9), st.sampled_from([list, tuple]))
def test_a_large_string_behind_others_is_written_as_anywhere_else(items: list[Any], kind: type) -> None:
    large = bytes(LARGE)
    buffers = pack(kind([*items, large]))
    assert isinstance(buffers, list)
    assert b"".join(buffers) == cbor2.dumps([*items, large])
    assert any(buffer is large for buffer in buffers)


def test_a_large_view_of_another_shape_travels_as_its_bytes() -> None:
    view = memoryview(bytes(LARGE)).cast("B", (128, LARGE // 128))
    assert decode(encode([view])) == [bytes(LARGE)]


def test_what_is_encoded_keeps_the_profile_of_the_decoder() -> None:
    for value in (
        [{"id": number, "name": f"{number}", "values": [number / 7]} for number in range(1000)],
        {number: number for number in range(3000)},
        ["\u6c34" * 30_000, bytes(100_000), "x"],
    ):
        assert decode(encode(value)) == value


def test_too_many_items_are_for_the_receiver_to_judge() -> None:
    encoded = encode([0] * 70_000)
    with pytest.raises(ProfileError, match="more than 65536 items"):
        decode(encoded)
    assert len(decode(encoded, max_items=70_001)) == 70_000
