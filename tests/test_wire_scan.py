from __future__ import annotations

import pytest

from rpc.wire.heads import ProfileError
from rpc.wire.scan import scan

TAGS = {0, 2, 258}


def check(encoded: str, *, max_depth: int = 4) -> None:
    scan(bytes.fromhex(encoded), TAGS, max_depth)


@pytest.mark.parametrize(
    "encoded",
    [
        "00",
        "3bffffffffffffffff",
        "43010203",
        "58020102",
        "78026162",
        "f97e00",
        "fa7f800000",
        "f4",
        "80",
        "a0",
        "8301a1616102f6",
        "a301f62002416103",
        "a15801ff00",
        "c074323031332d30332d32315432303a30343a30305a",
        "d90102830141016161",
        "d9010280",
        "81818180",
        "818181a0",
        "8181d9010281187b",
        "61ff",  # UTF-8 is left to the decoder
    ],
)
def test_good_items_pass(encoded: str) -> None:
    check(encoded)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("", "byte 0: the data ends too early"),
        ("19ff", "byte 2: the data ends too early"),
        ("8201", "byte 2: the data ends too early"),
        ("4301", "byte 2: the data ends too early"),
        ("581401", "byte 3: the data ends too early"),
        ("9bffffffffffffffff", "byte 9: the data ends too early"),
        ("a101", "byte 2: the data ends too early"),
        ("fb00", "byte 2: the data ends too early"),
        ("0000", "byte 1: bytes follow the end of the item"),
        ("8100a0", "byte 2: bytes follow the end of the item"),
        ("9f00ff", "byte 0: an indefinite length"),
        ("815f4101ff", "byte 1: an indefinite length"),
        ("81bfff", "byte 1: an indefinite length"),
        ("811c", "byte 1: a reserved head"),
        ("f7", r"byte 0: simple value 23 \(undefined\)"),
        ("81e5", "byte 1: simple value 5"),
        ("f818", "byte 0: simple value 24"),
        ("f8ff", "byte 0: simple value 255"),
        ("a1f600", "byte 1: a map key that is no text, byte string or integer"),
        ("a1f9000000", "byte 1: a map key that is no text, byte string or integer"),
        ("a20100810100", "byte 3: a map key that is no text, byte string or integer"),
        ("a1a00000", "byte 1: a map key that is no text, byte string or integer"),
        ("a1c2410100", "byte 1: a map key that is no text, byte string or integer"),
        ("d9010281f5", "byte 4: a set member that is no text, byte string or integer"),
        ("d9010282c24101c24102", "byte 4: a set member that is no text, byte string or integer"),
        ("d9010281d9010280", "byte 4: a set member that is no text, byte string or integer"),
        ("d9010201", "byte 3: tag 258 holds no array"),
        ("d90102c24101", "byte 3: tag 258 holds no array"),
        ("d81c80", "byte 0: tag 28 is not allowed here"),
        ("81da0001000000", "byte 1: tag 65536 is not allowed here"),
        ("8181818180", "byte 4: more than 4 levels"),
        ("81818181a0", "byte 4: more than 4 levels"),
        ("81818181c24101", "byte 4: more than 4 levels"),
        ("818181d9010280", "byte 6: more than 4 levels"),
        ("a100a100a100a100a0", "byte 8: more than 4 levels"),
    ],
)
def test_what_breaks_is_named_with_its_place(encoded: str, reason: str) -> None:
    with pytest.raises(ProfileError, match=f"^{reason}$"):
        check(encoded)


def test_deep_nesting_ends_at_the_limit() -> None:
    with pytest.raises(ProfileError, match="byte 64: more than 64 levels"):
        scan(b"\x81" * 100_000, TAGS, 64)
