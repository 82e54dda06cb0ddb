"""Every value arrives as what it was, in value and in class: over the wire, and through calls by handle."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rpc
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.wire.payload import decode, encode
from tests.traveling import KINDS, Kind, same

CONVERTERS = [None, rpc.CattrsConverter()]


def test_values_by_the_thousands_arrive_as_what_they_were() -> None:
    count = 0

    def check(kind: Kind) -> None:
        read = MsgspecConverter().reader(kind.annotation)

        @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(kind.values, min_size=10, max_size=20))  # together, because one by one takes thrice as long
        def arrives(values: list[Any]) -> None:
            nonlocal count
            count += len(values)
            for value in values:
                arrived = read(decode(encode(value)))
                assert same(arrived, value), f"{kind.name}: {value!r} arrives as {arrived!r}"

        arrives()

    for kind in KINDS:
        check(kind)
    assert count >= 5000


@pytest.mark.parametrize("converter", CONVERTERS, ids=["msgspec", "cattrs"])
async def test_examples_go_through_calls_by_handle(converter: rpc.Converter | None) -> None:
    service = rpc.Service("echo", converter=converter)
    handles = [(kind, service.method(name=f"m{index}")(_echo(kind))) for index, kind in enumerate(KINDS)]
    async with rpc.testing.client(service) as client:
        call: Any = client.call
        for kind, handle in handles:
            assert same(await call(handle, kind.example), kind.example), kind.name
            assert same(await call(handle, value=kind.example), kind.example), kind.name


@pytest.mark.parametrize("converter", CONVERTERS, ids=["msgspec", "cattrs"])
async def test_examples_go_through_streams_by_handle(converter: rpc.Converter | None) -> None:
    service = rpc.Service("echo", converter=converter)
    handles = [(kind, service.method(name=f"m{index}")(_repeat(kind))) for index, kind in enumerate(KINDS)]
    async with rpc.testing.client(service) as client:
        for kind, handle in handles:
            async with client.stream(handle, rpc.each([kind.example, kind.example])) as items:
                arrived = [item async for item in items]
            assert same(arrived, [kind.example] * 2), kind.name


def _echo(kind: Kind) -> Callable[[Any], Any]:
    def echo(value: Any) -> Any:
        assert same(value, kind.example), kind.name
        return value

    echo.__annotations__ = {"value": kind.annotation, "return": kind.annotation}
    return echo


def _repeat(kind: Kind) -> Callable[[Any], AsyncIterator[Any]]:
    async def repeat(values: Any) -> AsyncIterator[Any]:
        async for value in values:
            assert same(value, kind.example), kind.name
            yield value

    item: Any = kind.annotation
    taken: Any = AsyncIterable
    yielded: Any = AsyncIterator
    repeat.__annotations__ = {"values": taken[item], "return": yielded[item]}
    return repeat
