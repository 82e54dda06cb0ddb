"""Each class of input that is known to hurt decoders of CBOR is refused at once, and costs next to nothing.

The contents are harmless: where a tag is what hurts, it is the tag that is refused, whatever it holds.
"""

from __future__ import annotations

import time
import tracemalloc

import pytest

from rpc.wire.heads import ARRAY, BYTES, MAP, TAG, TEXT, write_head
from rpc.wire.profile import ProfileError, decode, decode_envelope

SECONDS, BYTES_HELD = 0.05, 16 * 2**20

TAGS = (5, 23, 24, 25, 28, 29, 30, 35, 36, 52, 54, 100, 256, 260, 261)
HAZARDS = {
    **{f"length {length:x} of type {major}": write_head(major, length)
       for major in (BYTES, TEXT, ARRAY, MAP) for length in (2**63, 2**64 - 1)},
    **{f"tag {tag}": write_head(TAG, tag) + b"\x82\x01\x01" for tag in TAGS},
    "deep arrays": b"\x81" * 2**20,
    "deep maps": b"\xa1\x00" * 2**19,
    "deep tags": b"\xc1" * 2**20,
    "a large integer": b"\xc2" + write_head(BYTES, 2**20) + bytes(2**20),
    "indefinite chunks": b"\x5f" + b"\x40" * 2**20 + b"\xff",
    "an indefinite array": b"\x9f" + b"\x00" * 2**20 + b"\xff",
    "many empty arrays": write_head(ARRAY, 2**20) + b"\x80" * 2**20,
    "many empty maps": write_head(ARRAY, 2**20) + b"\xa0" * 2**20,
    "arrays as keys": b"\xa2" + b"\x80\x00\x81\x00\x00",
    "a key twice": b"\xa2" + (b"\x7a\x00\x01\x00\x00" + b"a" * 65_536 + b"\x00") * 2,
    "bytes that follow": b"\x00" + bytes(2**20),
    "no UTF-8": write_head(TEXT, 2**20) + b"\xff" * 2**20,
}  # fmt: skip


@pytest.mark.parametrize("hazard", HAZARDS)
def test_a_hazard_is_refused_at_once(hazard: str) -> None:
    for decoder in (decode, decode_envelope):
        began = time.process_time()
        with pytest.raises(ProfileError):
            decoder(HAZARDS[hazard])
        assert time.process_time() - began < SECONDS
        tracemalloc.start()
        try:
            with pytest.raises(ProfileError):
                decoder(HAZARDS[hazard])
            assert tracemalloc.get_traced_memory()[1] < BYTES_HELD
        finally:
            tracemalloc.stop()
