from __future__ import annotations

import sys
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from rpc.net.packed import Packed


@given(st.lists(st.one_of(st.binary(max_size=20), st.integers(1, 40_000).map(bytes), st.none())))
def test_packed_items_come_out_as_they_went_in(steps: list[bytes | None]) -> None:
    packed, plain = Packed(), deque[bytes]()
    for step in steps:  # None takes one
        if step is not None:
            packed.put(step)
            plain.append(step)
        elif plain:
            assert packed.take() == plain.popleft()
        assert len(packed) == len(plain)
        assert bool(packed) == bool(plain)
    assert [packed.take() for _ in range(len(packed))] == list(plain)


def test_packed_items_take_little_more_than_their_bytes() -> None:
    packed = Packed()
    for _ in range(131_072):
        packed.put(b"ax")
    assert sys.getsizeof(packed._data) + sys.getsizeof(packed._items) < 2_000_000
    for _ in range(131_072):
        assert packed.take() == b"ax"


def test_what_was_taken_is_not_kept() -> None:
    packed = Packed()
    for _ in range(100):
        packed.put(bytes(4000))
    for _ in range(1000):
        packed.put(bytes(4000))
        packed.take()
        assert len(packed._data) <= 1_000_000
    assert len(packed) == 100


def test_large_items_are_not_copied() -> None:
    packed, large = Packed(), bytes(5000)
    for item in (b"a", large, b"b"):
        packed.put(item)
    assert packed.take() == b"a"
    assert packed.take() is large
    assert packed.take() == b"b"


@given(st.lists(st.lists(st.binary(max_size=20), max_size=80), max_size=5), st.integers(1, 70))
def test_many_at_once_come_out_as_they_went_in(runs: list[list[bytes]], most: int) -> None:
    packed = Packed()
    for run in runs:
        packed.put_all(run)
        packed.put(bytes(5000))
    taken: list[bytes] = []
    while packed:
        some = packed.take_some(most)
        assert 0 < len(some) <= most
        assert len(some) == 1 or max(map(len, some)) < 4096
        taken += map(bytes, some)
    assert taken == [item for run in runs for item in [*run, bytes(5000)]]


def test_what_is_taken_together_is_not_much() -> None:
    packed = Packed()
    packed.put_all([bytes(3000)] * 10)
    assert len(packed.take_some(64)) == 2
