"""What a server tells of its services."""

from __future__ import annotations

import msgspec

from rpc.service.description import Description
from rpc.wire.payload import decode, encode


def test_a_description_travels_and_comes_back() -> None:
    empty = Description(services=[], definitions={})
    assert msgspec.convert(decode(bytes(encode(empty))), Description) == empty
