from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.wire.gathering import Gathered, Parts, arrived
from rpc.wire.payload import decode, encode
from rpc.wire.profile import ProfileError

LARGE = bytes(range(256)) * 20


def gathered(payload: bytes, *cuts: int) -> Any:
    """A payload that came in fragments, cut at these places."""
    parts = Parts()
    for start, end in zip((0, *cuts), (*cuts, len(payload)), strict=True):
        space = bytearray(payload[start:end])
        parts.add(memoryview(space))
        space[:] = bytes(len(space))  # it is used again
    assert parts.size == parts.held == len(payload)
    return parts.join()


def test_nothing_has_come() -> None:
    parts = Parts()
    assert (parts.size, parts.held, parts.join()) == (0, 0, b"")


@pytest.mark.parametrize(
    "value",
    [
        LARGE,
        [LARGE],
        [1, "two", LARGE],
        [[LARGE], {}],
        [[], {"data": LARGE}],
        {"before": 1, "data": LARGE},
        ["text", list(range(2000))],
        "text" * 1000,
        [LARGE, LARGE],
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("cuts", [(4096,), (100, 4096), (1000, 2000, 3000), (5000,)])
def test_what_was_gathered_is_what_was_sent(value: Any, cuts: tuple[int, ...]) -> None:
    payload = encode(value)
    whole = gathered(payload, *cuts)
    assert len(whole) == len(payload)
    assert bytes(whole) == payload
    assert whole == payload
    assert hash(whole) == hash(payload)
    assert decode(whole) == value


def test_a_large_string_is_gathered_where_it_stays() -> None:
    whole = gathered(encode([7, LARGE]), 4096)
    assert isinstance(whole, Gathered)
    assert whole.content == LARGE
    assert decode(whole)[1] is whole.content


def test_what_is_no_payload_is_no_equal() -> None:
    assert gathered(encode([LARGE]), 4096) != "text"


@given(st.binary(min_size=1, max_size=300), st.integers(1, 299))
def test_whatever_comes_is_judged_as_if_it_had_come_in_one(payload: bytes, cut: int) -> None:
    def judged(data: Any) -> Any:
        try:
            return repr(decode(data))
        except ProfileError as error:
            return str(error)

    assert judged(gathered(payload, min(cut, len(payload)))) == judged(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x59\x13\x88" + bytes(4000),  # too short
        b"\x59\x13\x88" + bytes(6000),  # too long
        b"\x82\x59\x13\x88" + bytes(5000),  # not the last
        b"\xd8\x25\x59\x13\x88" + bytes(5000),  # inside a tag that holds no such thing
        b"\xa1\x59\x13\x88" + bytes(5000),  # a key without a value
    ],
    ids=range(5),
)
def test_what_breaks_the_profile_does_so_in_fragments_too(payload: bytes) -> None:
    with pytest.raises(ProfileError):
        decode(gathered(payload, 100))
    with pytest.raises(ProfileError):
        decode(payload)


@pytest.mark.parametrize("value", [LARGE, [1, LARGE], {"data": LARGE}, "text" * 1000, [LARGE, 1], 7], ids=range(6))
def test_a_payload_in_one_piece_is_copied_out_of_its_space(value: Any) -> None:
    payload = encode(value)
    space = bytearray(payload)
    whole = arrived(memoryview(space))
    space[:] = bytes(len(space))
    assert whole == payload
    assert decode(whole) == value
    assert arrived(payload) is payload


def test_what_nobody_will_take_is_not_kept() -> None:
    parts = Parts()
    parts.add(encode(LARGE)[:3000])
    parts.forget()
    assert (parts.size, parts.held) == (3000, 0)
    parts.add(bytes(1000))
    assert (parts.size, parts.held) == (4000, 1000)
    parts.forget()
    assert parts.join() == b""
