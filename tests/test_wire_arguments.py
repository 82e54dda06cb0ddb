"""Arguments that are read by hand are those that the codec reads, and nothing else is read by hand."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.wire.arguments import few_arguments
from rpc.wire.payload import decode, encode
from rpc.wire.profile import ProfileError

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-30, 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=2),
)


def by_codec(payload: bytes, named: bool) -> Any:
    """What the codec makes of a payload, as far as it is one of arguments without names; else None."""
    try:
        value = decode(payload)
    except ProfileError:
        return None
    if not named:
        return value if isinstance(value, list) else None
    return value[0] if isinstance(value, list) and value[1:] == [{}] and isinstance(value[0], list) else None


@given(st.lists(scalars, max_size=6))
def test_what_is_read_is_what_was_written(args: list[Any]) -> None:
    for payload, named in ((encode(args), False), (encode([args, {}]), True)):
        assert few_arguments(payload, named) in (None, args)


@pytest.mark.parametrize(
    "args",
    [
        [1, 2],
        ["fps", 59.9],
        [True, False, None],
        [23, 24, 255, 256],
        [65_535, 65_536, 2**32 - 1, 2**32],
        [],
        [2**64 - 1],
        [-1, -24],
        ["", "a" * 23, "é" * 11],
        [1e300, -0.5],
    ],
)
def test_the_usual_ones_are_read_by_hand(args: list[Any]) -> None:
    for payload, named in ((encode(args), False), (encode([args, {}]), True)):
        few = few_arguments(payload, named)
        assert few == args
        assert few is not None
        assert list(map(type, few)) == list(map(type, args))


@pytest.mark.parametrize(
    "args", [[1, 2, 3, 4, 5], ["a" * 24], [-25], [b"bytes"], [[1]], [{}], [1, "x" * 23, "x" * 23, "x" * 23]]
)
def test_others_are_the_codecs(args: list[Any]) -> None:
    assert few_arguments(encode(args), False) is None
    assert few_arguments(encode([args, {}]), True) is None


def test_arguments_by_name_are_the_codecs() -> None:
    assert few_arguments(encode([[1], {"a": 2}]), True) is None
    assert few_arguments(encode([[1], {}, {}]), True) is None
    assert few_arguments(encode([[1, {}], {}]), True) is None


def test_a_payload_of_another_kind_is_the_codecs() -> None:
    payload = encode([1, 2])
    assert few_arguments(bytearray(payload), False) is None
    assert few_arguments(memoryview(payload), False) is None
    assert few_arguments(b"\x80", False) == []
    for short in (b"", b"\x82", b"\xa0", b"\x82\xa0", b"\x80\xa0"):
        for named in (False, True):
            assert few_arguments(short, named) is None


def test_what_is_cut_or_changed_is_read_as_by_the_codec_or_not_at_all() -> None:
    chance = random.Random(1)
    read = 0
    for args in ([1, 2], ["fps", 59.9], [1000, True, "é", None], [2**40, -3]):
        for payload, named in ((encode(args), False), (encode([args, {}]), True)):
            for size in range(len(payload)):
                assert few_arguments(payload[:size], named) is None
            assert few_arguments(payload + b"\0", named) is None
            for _ in range(5000):
                changed = bytearray(payload)
                for _ in range(chance.randint(1, 2)):
                    changed[chance.randrange(len(payload))] = chance.choice((chance.randrange(256), 0xA0, 0x61, 0x18))
                few = few_arguments(bytes(changed), named)
                if few is not None:
                    read += 1
                    assert repr(few) == repr(by_codec(bytes(changed), named)), changed.hex()
    assert read > 5000
