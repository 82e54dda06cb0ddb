"""Which argument is the stream of a blocking call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import rpc
from rpc.blocking.feeding import pack_blocking
from rpc.wire.frames import NAMED, SENDS
from tests.blocking_served import add, total


def items_of(target: Any, *args: Any, **kwargs: Any) -> list[Any] | None:
    _, flags, items = pack_blocking(target, args, kwargs)
    assert bool(flags & SENDS) is (items is not None)
    return None if items is None else list(items)


def test_by_name_iterators_are_streams_and_lists_are_values() -> None:
    assert items_of("calc.total", iter([1, 2])) == [1, 2]
    assert items_of("calc.total", 1, numbers=(n for n in (3, 4))) == [3, 4]
    assert items_of("calc.total", [1, 2], "text", {"a": 1}) is None
    payload, flags, _ = pack_blocking("calc.total", (1, iter([2])), {"b": 3})
    assert flags == SENDS | NAMED
    assert payload == b"\x82\x81\x01\xa1\x61b\x03"


def test_by_handle_any_iterable_is_taken_where_a_stream_is() -> None:
    assert items_of(total, [1, 2]) == [1, 2]
    assert items_of(total, numbers={1}) == [1]
    assert items_of(total, rpc.each([1, 2])) == [1, 2]
    assert items_of(add, 1, b=2) is None


def test_what_is_no_stream_is_refused() -> None:
    for wrong in ("text", b"bytes", {"a": 1}, 5):
        with pytest.raises(TypeError, match=r"probe\.total: argument 'numbers' takes a stream"):
            items_of(total, wrong)
    with pytest.raises(TypeError, match="it is missing"):
        items_of(total)
    with pytest.raises(TypeError, match="a call takes one stream, and there are several"):
        items_of("calc.total", iter([1]), iter([2]))
    with pytest.raises(rpc.EncodeError):
        items_of(add, iter([1]))


def test_what_waits_needs_an_event_loop() -> None:
    class Waits:
        def __await__(self) -> Any:
            yield

    async def suspended() -> AsyncIterator[int]:
        yield 1
        await Waits()

    _, _, items = pack_blocking("calc.total", (suspended(),), {})
    assert items is not None
    iterator = iter(items)
    assert next(iterator) == 1
    with pytest.raises(TypeError, match="waits for something, which takes an event loop"):
        next(iterator)
