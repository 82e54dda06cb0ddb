from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from rpc.service.stream import Stream


class Numbers(Stream[int]):
    async def __anext__(self) -> int:
        return 7

    async def __aenter__(self) -> AsyncIterator[int]:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_a_stream_is_opened_and_iterated() -> None:
    async with Numbers() as numbers:
        async for number in numbers:
            assert number == 7
            break
    assert isinstance(numbers, AsyncIterator)
    assert isinstance(numbers, AbstractAsyncContextManager)


def test_a_stream_is_what_somebody_makes_of_it() -> None:
    stream: Any = Stream
    with pytest.raises(TypeError, match="abstract"):
        stream()
