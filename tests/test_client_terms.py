from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
import pytest

import rpc
from rpc.client.terms import Options, name_of, terms_of, translator, unpacked
from rpc.service.handle import Entering, Handle, Method, Notification, Streaming
from rpc.wire.payload import decode, encode
from rpc.wire.profile import ProfileError

probe = rpc.Service("probe")


@attrs.define
class Odd(Exception):
    number: int


@probe.method(raises=[Odd])
def count(start: int) -> list[int]:
    return [start]


@probe.method
def items() -> Iterator[int]:
    yield 1


@probe.context
async def lease() -> AsyncIterator[int]:
    yield 1


@probe.notification
def observe() -> None:
    """Nothing comes of it."""


def test_options_are_laid_over_each_other() -> None:
    options = Options().changed({"a": 1}, 2.0, None).changed({"b": 2}, None, b"key")
    assert options == Options(metadata={"a": 1, "b": 2}, timeout=2.0, idempotency_key=b"key")
    assert decode(options.encode()) == {"a": 1, "b": 2, 4: b"key"}


def test_metadata_that_cannot_travel() -> None:
    with pytest.raises(ValueError, match="8192"):
        Options(metadata={"a": "x" * 9000}).encode()


def test_a_second_try_says_so_where_there_is_room() -> None:
    assert decode(Options(metadata={"a": 1}).encode_again()) == {"a": 1, 3: 2}
    full = Options(metadata={"a": "x" * (8192 - 6)})
    assert len(full.encode()) == 8192
    assert full.encode_again() == full.encode()


def test_names_of_what_is_called() -> None:
    assert name_of("calc.add", Method, "method") == "calc.add"
    assert name_of(count, Method, "method") == "probe.count"
    with pytest.raises(TypeError, match=r"count at .* is no method that streams: give the decorated function"):
        name_of(count.function, Streaming, "method that streams")


@pytest.mark.parametrize(
    ("target", "kind", "way"),
    [
        (count, Streaming, "answers once: call it with call"),
        (items, Method, "streams its items: call it with stream"),
        (lease, Method, "is a context: enter it with enter"),
        (observe, Entering, "is a notification: send it with notify"),
        (count, Notification, "answers once: call it with call"),
    ],
)
def test_a_handle_of_another_kind_says_how_it_is_called(target: Handle, kind: type[Handle], way: str) -> None:
    with pytest.raises(TypeError, match=f"^{target.name} {way}$"):
        name_of(target, kind, "method")


def test_errors_are_told_as_they_were_declared() -> None:
    error = rpc.RemoteError("odd", type="probe.Odd", details={"number": 1})
    assert translator("probe.count")(error) is error
    told = translator(count)(error)
    assert isinstance(told, Odd)
    assert told.number == 1
    assert error.was_received


@pytest.mark.parametrize(("target", "name"), [("probe.count", "probe.count"), (count, "probe.count")])
def test_items_that_cannot_be_decoded(target: Any, name: str) -> None:
    terms = terms_of(target, name)
    refused = terms.refuse(ProfileError("odd bytes"), 3)
    assert isinstance(refused, rpc.Internal)
    assert str(refused) == "probe.count: item 3 cannot be decoded: odd bytes"
    assert terms.convert(5, 0) == 5


def test_results_that_cannot_be_decoded() -> None:
    assert unpacked(encode([1]), "probe.count") == [1]
    with pytest.raises(rpc.Internal, match=r"the result of probe\.count cannot be decoded"):
        unpacked(b"\xff", "probe.count")
