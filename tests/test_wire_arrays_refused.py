"""Arrays that a peer got wrong, whatever it meant by them."""

from __future__ import annotations

import sys
from typing import Any

import cbor2
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from rpc.wire.arrays import ARRAY_TAGS, is_array
from rpc.wire.payload import decode
from rpc.wire.profile import ProfileError

Tag = cbor2.CBORTag


def tagged(value: Any) -> bytes:
    return cbor2.dumps(value)


def shaped(dimensions: Any, numbers: Any) -> bytes:
    return tagged(Tag(40, [dimensions, numbers]))


NUMBERS = Tag(64, bytes(6))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tagged(Tag(86, bytes(7))), "tag 86 holds 7 bytes, no whole number of elements of 8"),
        (tagged(Tag(69, bytes(3))), "tag 69 holds 3 bytes, no whole number of elements of 2"),
        (tagged(Tag(64, [1, 2])), "tag 64 holds no byte string"),
        (tagged(Tag(64, "12")), "tag 64 holds no byte string"),
        (tagged(Tag(64, 1)), "tag 64 holds no byte string"),
        (tagged(Tag(64, Tag(64, b"12"))), "tag 64 holds no byte string"),
        (tagged(Tag(76, b"12")), "tag 76 is not allowed here"),
        (tagged(Tag(83, bytes(16))), "an array of float128, which cannot be held here"),
        (tagged(Tag(87, bytes(16))), "an array of float128, which cannot be held here"),
        (tagged(Tag(1040, [[2, 3], NUMBERS])), "tag 1040 is not allowed here"),
        (tagged(Tag(40, b"")), "tag 40 holds no pair of dimensions and numbers"),
        (tagged(Tag(40, [])), "tag 40 holds no pair of dimensions and numbers"),
        (tagged(Tag(40, [[6]])), "tag 40 holds no pair of dimensions and numbers"),
        (tagged(Tag(40, [[6], NUMBERS, 1])), "tag 40 holds no pair of dimensions and numbers"),
        (tagged(Tag(40, {"a": 1})), "tag 40 holds no pair of dimensions and numbers"),
        (shaped(6, NUMBERS), "tag 40 holds no array of 1 to 32 dimensions"),
        (shaped(Tag(64, b"\x02\x03"), NUMBERS), "tag 40 holds no array of 1 to 32 dimensions"),
        (shaped([], NUMBERS), "tag 40 holds no array of 1 to 32 dimensions"),
        (shaped([1] * 32 + [6], NUMBERS), "tag 40 holds no array of 1 to 32 dimensions"),
        (shaped([2, -3], NUMBERS), "tag 40 has a dimension that is no integer above 0"),
        (shaped([-2, -3], NUMBERS), "tag 40 has a dimension that is no integer above 0"),
        (shaped([0, 3], Tag(64, b"")), "tag 40 has a dimension that is no integer above 0"),
        (shaped([2.0, 3], NUMBERS), "tag 40 has a dimension that is no integer above 0"),
        (shaped([True, 6], NUMBERS), "tag 40 has a dimension that is no integer above 0"),
        (shaped(["6"], NUMBERS), "tag 40 has a dimension that is no integer above 0"),
        (shaped([[6]], NUMBERS), "tag 40 has a dimension that is no integer above 0"),
        (shaped([2, 2], NUMBERS), "tag 40 has dimensions that are not those of 6 numbers"),
        (shaped([2, 3], Tag(69, bytes(6))), "tag 40 has dimensions that are not those of 3 numbers"),
        (shaped([2**63, 2**63], NUMBERS), "tag 40 has dimensions that are not those of 6 numbers"),
        (shaped([2**32, 2**32], Tag(64, b"")), "tag 40 has dimensions that are not those of 0 numbers"),
        (shaped([2**64 - 1, 2, 3], NUMBERS), "tag 40 has dimensions that are not those of 6 numbers"),
        (shaped([2**511] * 32, NUMBERS), "a big integer is "),
        (shaped([2, 3], bytes(6)), "tag 40 holds no typed array"),
        (shaped([2, 3], [0] * 6), "tag 40 holds no typed array"),
        (shaped([2, 3], None), "tag 40 holds no typed array"),
        (shaped([2, 3], Tag(258, [1])), "tag 40 holds no typed array"),
        (shaped([6], Tag(40, [[6], NUMBERS])), "tag 40 inside another one, or as a map key or set member"),
        (shaped([2, 3], Tag(40, [[3, 2], NUMBERS])), "tag 40 inside another one, or as a map key or set member"),
        (shaped([2, 3], [Tag(40, [[3, 2], NUMBERS])]), "tag 40 inside another one, or as a map key or set member"),
        (shaped([2, 3], Tag(86, bytes(7))), "tag 86 holds 7 bytes, no whole number of elements of 8"),
        (tagged(Tag(258, [NUMBERS])), "a set member that is no text, byte string or integer"),
        (b"\xa1" + tagged(NUMBERS) + b"\x00", "a map key that is no text, byte string or integer"),
        (b"\xa1" + shaped([6], NUMBERS) + b"\x00", "a map key that is no text, byte string or integer"),
    ],
)
@pytest.mark.parametrize("numpy", [True, False])
def test_what_is_refused(data: bytes, reason: str, numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not numpy:
        monkeypatch.delitem(sys.modules, "numpy")
    for wrapped in (data, b"\x82\x01" + data):
        with pytest.raises(ProfileError) as caught:
            decode(wrapped)
        assert reason in str(caught.value)
        assert len(str(caught.value)) <= 128


LONG = 70_000  # bytes of a string that is decoded apart from what is around it


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Tag(86, bytes(LONG + 1)), f"tag 86 holds {LONG + 1} bytes, no whole number of elements of 8"),
        (Tag(40, [[2, 2], Tag(86, bytes(LONG))]), "tag 40 has dimensions that are not those of 8750 numbers"),
        (Tag(40, [[2**62, 4], Tag(86, bytes(LONG))]), "tag 40 has dimensions that are not those of 8750 numbers"),
        (Tag(40, [[LONG], bytes(LONG)]), "tag 40 holds no typed array"),
        (Tag(87, bytes(LONG)), "an array of float128"),
        (Tag(37, bytes(LONG)), "tag 37 holds no 16 bytes"),
        (Tag(2, bytes(LONG)), "a big integer is no byte string of at most 64 bytes"),
        (Tag(0, bytes(LONG)), "tag 0 holds no RFC 3339 date-time"),
    ],
)
def test_what_is_refused_of_large_ones(value: Any, reason: str) -> None:
    for wrapped in (value, [1, {"last": value}], [value, 1]):
        with pytest.raises(ProfileError, match=reason):
            decode(tagged(wrapped))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*ARRAY_TAGS, 76, 88]),
    st.recursive(
        st.one_of(st.binary(max_size=40), st.integers(), st.none()), lambda inner: st.lists(inner, max_size=3)
    ),
    st.binary(max_size=40),
)
def test_whatever_tags_hold_it_is_an_array_or_refused(tag: int, content: Any, numbers: bytes) -> None:
    for value in (Tag(tag, content), Tag(40, [content, Tag(tag, numbers)])):
        try:
            arrived = decode(tagged(value))
        except ProfileError:
            continue
        assert is_array(arrived)
