from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.wire.heads import (
    ARRAY,
    BYTES,
    HOPS,
    MAP,
    SIMPLE_HEADS,
    TAG,
    TEXT,
    UINT,
    ProfileError,
    check_items,
    read_head,
    refuse_simple,
    skip,
    write_head,
)


@pytest.mark.parametrize(
    ("major", "argument", "encoded"),
    [
        (UINT, 0, "00"),
        (UINT, 23, "17"),
        (UINT, 24, "1818"),
        (BYTES, 255, "58ff"),
        (TEXT, 256, "790100"),
        (ARRAY, 65535, "99ffff"),
        (MAP, 65536, "ba00010000"),
        (TAG, 2**32 - 1, "daffffffff"),
        (UINT, 2**32, "1b0000000100000000"),
        (UINT, 2**64 - 1, "1bffffffffffffffff"),
    ],
)
def test_heads_are_written_short_and_read_back(major: int, argument: int, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert write_head(major, argument) == data
    assert read_head(data, 0) == (major, argument, len(data))
    assert read_head(memoryview(b"\x00" + data), 1) == (major, argument, len(data) + 1)


def test_a_head_may_be_wider_than_needed() -> None:
    assert read_head(bytes.fromhex("1b0000000000000001"), 0) == (UINT, 1, 9)


@pytest.mark.parametrize("head", [0x1C, 0x3D, 0x5E, 0xFC])
def test_reserved_heads_are_refused(head: int) -> None:
    with pytest.raises(ProfileError, match="byte 1: a reserved head"):
        read_head(bytes((0x81, head)), 1)


@pytest.mark.parametrize("head", [0x5F, 0x7F, 0x9F, 0xBF, 0xFF])
def test_indefinite_lengths_are_refused(head: int) -> None:
    with pytest.raises(ProfileError, match="byte 0: an indefinite length"):
        read_head(bytes((head,)), 0)


@pytest.mark.parametrize("encoded", ["", "18", "19ff", "1affffff", "1bffffffffffffff"])
def test_a_head_that_is_cut_off_is_an_index_error(encoded: str) -> None:
    with pytest.raises(IndexError):
        read_head(bytes.fromhex(encoded), 0)


@pytest.mark.parametrize(
    "encoded",
    [
        "00",
        "1901f4",
        "43010203",
        "590003010203",
        "6161",
        "80",
        "83010203",
        "a201020304",
        "c11a514b67b0",
        "f6",
        "fb3ff8000000000000",
        "8181818180",
        "a16161820102",
        "d9010282016161",
    ],
)
def test_skip_finds_the_end_of_an_item(encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert skip(data, 0) == len(data)
    assert skip(b"\x82" + data + data, 1 + len(data)) == 1 + 2 * len(data)


def test_skip_needs_the_whole_of_what_it_skips() -> None:
    with pytest.raises(IndexError):
        skip(bytes.fromhex("820181"), 0)


@given(st.integers(0, 255), st.binary(min_size=40, max_size=40))
def test_hops_agree_with_reading(head: int, rest: bytes) -> None:
    if HOPS[head]:
        data = bytes((head,)) + rest
        major, argument, end = read_head(data, 0)
        assert HOPS[head] == (end + argument if major in (BYTES, TEXT) else end)


def test_hops_leave_a_closer_look_where_it_is_due() -> None:
    for head, hop in enumerate(HOPS):
        lengths = head >> 5 in (BYTES, TEXT) and 24 <= head & 31 <= 27
        refused = head & 31 > 27 or (head >= 0xE0 and head not in SIMPLE_HEADS)
        assert (hop == 0) is (lengths or refused), hex(head)


@pytest.mark.parametrize(
    ("encoded", "items", "last"),
    [
        ("00", 1, 0),
        ("83010203", 4, 3),
        ("a16161f6", 3, 3),
        ("8258020102f6", 3, 5),
        ("8202780161", 3, 2),
        ("c100", 2, 1),
    ],
)
def test_items_are_counted_one_for_each_head(encoded: str, items: int, last: int) -> None:
    data = bytes.fromhex(encoded)
    assert check_items(data, items) == last
    assert check_items(memoryview(data), items + 1) == last
    with pytest.raises(ProfileError, match=f"more than {items - 1} items"):
        check_items(data, items - 1)


@pytest.mark.parametrize("encoded", ["81f7", "81e0", "81f0", "81f820", "81f8ff"])
def test_counting_refuses_simple_values(encoded: str) -> None:
    with pytest.raises(ProfileError, match="byte 1: simple value"):
        check_items(bytes.fromhex(encoded), 10)


def test_counting_refuses_indefinite_lengths() -> None:
    with pytest.raises(ProfileError, match="byte 1: an indefinite length"):
        check_items(b"\x81\x9f\xff", 10)


def test_undefined_is_called_by_its_name() -> None:
    with pytest.raises(ProfileError, match=r"byte 3: simple value 23 \(undefined\)"):
        refuse_simple(23, 3)
