from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.wire.gathering import Filled, Gathered, Parts, arrived, opening
from rpc.wire.payload import decode, encode
from rpc.wire.profile import ProfileError

LARGE = bytes(range(256)) * 20
MOST = 100_000


def gathered(payload: bytes, *cuts: int, most: int = MOST) -> Any:
    """A payload that came in fragments, cut at these places."""
    parts = Parts(most)
    for start, end in zip((0, *cuts), (*cuts, len(payload)), strict=True):
        space = bytearray(payload[start:end])
        parts.add(memoryview(space))
        space[:] = bytes(len(space))  # it is used again
    assert parts.size == len(payload)
    return parts.join()


def test_nothing_has_come() -> None:
    parts = Parts(MOST)
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
    parts = Parts(MOST)
    parts.add(encode(LARGE)[:3000])
    parts.forget()
    assert (parts.size, parts.held) == (3000, 0)
    parts.add(bytes(1000))
    assert (parts.size, parts.held) == (4000, 1000)
    parts.forget()
    assert parts.join() == b""


def test_space_is_at_hand_for_all_that_was_promised() -> None:
    payload = encode([7, LARGE])
    parts = Parts(MOST)
    parts.add(payload[:1000])
    assert (parts.size, parts.held) == (1000, len(payload))
    room = parts.room(len(payload) - 1000)
    assert room is not None
    room[:] = payload[1000:]
    room.release()
    parts.add(Filled(len(payload) - 1000))
    assert parts.size == parts.held == len(payload)
    whole = parts.join()
    assert isinstance(whole, Gathered)
    assert whole == payload
    assert whole.is_fitting


def test_a_room_is_behind_what_was_copied_and_before_what_will_be() -> None:
    payload = encode(LARGE)
    parts = Parts(MOST)
    parts.add(payload[:1000])
    room = parts.room(500)
    assert room is not None
    room[:] = payload[1000:1500]
    room.release()
    parts.add(Filled(500))
    parts.add(payload[1500:])
    assert parts.join() == payload


def test_who_promises_much_gets_a_part_of_the_space_at_first() -> None:
    payload = encode(bytes(90_000))
    parts = Parts(MOST)
    parts.add(payload[:105])
    assert parts.held == 5 + 80 * 100
    assert parts.room(8000) is None  # nothing more for what is only announced
    parts.add(payload[105:10_000])
    assert parts.held == len(payload)
    assert parts.room(80_000) is not None
    parts.add(payload[10_000:])
    assert parts.join() == payload


def test_what_would_be_over_the_largest_gets_no_space() -> None:
    payload = encode(bytes(MOST + 1))
    parts = Parts(MOST)
    parts.add(payload[:1000])
    assert parts.held == 1000
    assert parts.room(1) is None
    assert gathered(payload, 1000, 50_000) == payload


@pytest.mark.parametrize("value", ["text" * 1000, [LARGE, LARGE], list(range(3000))], ids=range(3))
def test_what_does_not_end_within_a_string_of_bytes_has_no_room(value: Any) -> None:
    parts = Parts(MOST)
    parts.add(encode(value)[:1000])
    assert parts.room(1) is None or value == [LARGE, LARGE]


def test_there_is_no_room_behind_what_was_promised() -> None:
    payload = encode(LARGE) + b"more"
    parts = Parts(MOST)
    parts.add(payload[:1000])
    assert parts.room(len(payload) - 1000) is None
    parts.add(payload[1000:])
    assert parts.size == parts.held == len(payload)
    assert parts.join() == payload


def test_what_is_shorter_than_promised_is_cut() -> None:
    payload = encode(LARGE)[:-10]
    whole = gathered(payload, 1000)
    assert whole == payload
    assert not whole.is_fitting


def test_what_is_forgotten_has_no_room() -> None:
    parts = Parts(MOST)
    parts.add(encode(LARGE)[:3000])
    parts.forget()
    assert parts.room(1) is None
    parts.add(Filled(1000))
    assert (parts.size, parts.held) == (4000, 0)


def test_an_opening_is_all_before_the_last_string() -> None:
    payload = encode([1, "two", LARGE])
    start = len(payload) - len(LARGE)
    assert opening(payload) == (payload[:start], start - 3)
    assert opening(payload[:start]) == (payload[:start], start - 3)
    assert opening(payload[: start - 1]) == (b"", 0)
    assert opening(encode([LARGE, 1])) == (b"", 0)
    assert opening(b"\xff") == (b"", 0)
