from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

import pytest

from rpc.service.context import Context
from rpc.service.handle import Handle
from rpc.service.items import each, split_items
from rpc.service.service import Service

calc = Service("calc")


@calc.method
def add(a: int, b: int = 0) -> int:
    return a + b


@calc.method
async def total(context: Context[Any], name: str, numbers: AsyncIterable[int], scale: int = 1, *rest: int) -> int:
    return 0


@calc.method
async def echo(*, lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line


@calc.method
async def first(numbers: AsyncIterable[int], /) -> int:
    return 0


class Channel:
    """Something that can be iterated, and has not begun for all that anybody knows."""

    def __aiter__(self) -> Channel:
        return self

    async def __anext__(self) -> int:
        raise StopAsyncIteration


STREAM = Channel()


@pytest.mark.parametrize("args", [(), (1, "x", None), ([1], {"k": 2}, (1,), {1}, b"x", 1.5, True), (object(), Channel)])
@pytest.mark.parametrize("kwargs", [{}, {"a": 1}, {"b": [2], "c": object()}])
def test_arguments_without_a_stream_are_left_alone(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    left, named, items = split_items(args, kwargs)
    assert left is args
    assert named is kwargs
    assert items is None


@pytest.mark.parametrize(
    ("args", "kwargs", "left", "named"),
    [
        ((STREAM,), {}, (), {}),
        ((1, STREAM, 2), {"k": 3}, (1, 2), {"k": 3}),
        ((1, object, STREAM), {}, (1, object), {}),
        ((), {"lines": STREAM}, (), {}),
        ((1,), {"a": 2, "lines": STREAM, "b": STREAM.__class__}, (1,), {"a": 2, "b": Channel}),
    ],
)
def test_the_others_close_ranks(
    args: tuple[Any, ...], kwargs: dict[str, Any], left: tuple[Any, ...], named: dict[str, Any]
) -> None:
    before = dict(kwargs)
    assert split_items(args, kwargs) == (left, named, STREAM)
    assert kwargs == before


@pytest.mark.parametrize(
    ("args", "kwargs", "places"),
    [
        ((STREAM, 1, STREAM), {}, "number 1 by position and number 3 by position"),
        ((1, STREAM), {"lines": STREAM}, "number 2 by position and 'lines'"),
        ((), {"a": STREAM, "b": STREAM, "c": STREAM}, "'a' and 'b' and 'c'"),
    ],
)
def test_a_call_takes_one_stream(args: tuple[Any, ...], kwargs: dict[str, Any], places: str) -> None:
    with pytest.raises(TypeError, match=f"a call takes one stream, and there are several: {places}"):
        split_items(args, kwargs)


async def numbers() -> AsyncGenerator[int, None]:
    yield 1
    yield 2


def closing_over(something: list[int]) -> AsyncGenerator[int, None]:
    async def inner(count: int) -> AsyncGenerator[int, None]:
        again = [something for _ in range(count)]
        yield len(again)

    return inner(3)


@pytest.mark.parametrize("make", [numbers, lambda: closing_over([1]), lambda: each([1])])
async def test_a_generator_must_not_have_begun(make: Any) -> None:
    generator = make()
    assert split_items((generator,), {}) == ((), {}, generator)
    await anext(generator)
    with pytest.raises(ValueError, match="has begun, or ended: give a new one"):
        split_items((generator,), {})
    with pytest.raises(ValueError, match="has begun"):
        split_items(("x", generator), {}, total)
    await generator.aclose()
    with pytest.raises(ValueError, match="has begun, or ended"):
        split_items((), {"lines": generator})


async def test_a_generator_that_runs_has_begun() -> None:
    async def give_itself() -> AsyncGenerator[int, None]:
        with pytest.raises(ValueError, match="has begun"):
            split_items((generator,), {})
        yield 1

    generator = give_itself()
    assert [number async for number in generator] == [1]


async def test_a_generator_that_was_closed_before_it_began_has_ended() -> None:
    generator = numbers()
    await generator.aclose()
    with pytest.raises(ValueError, match="has begun, or ended"):
        split_items((generator,), {})


@pytest.mark.parametrize(
    ("handle", "args", "kwargs", "left", "named"),
    [
        (total, ("x", STREAM), {}, ("x",), {}),
        (total, ("x", STREAM, 2, 3), {}, ("x", 2, 3), {}),
        (total, ("x",), {"numbers": STREAM, "scale": 2}, ("x",), {"scale": 2}),
        (total, (), {"numbers": STREAM, "name": "x"}, (), {"name": "x"}),
        (echo, (), {"lines": STREAM}, (), {}),
        (first, (STREAM,), {}, (), {}),
    ],
)
def test_a_handle_takes_its_stream_in_its_place(
    handle: Handle, args: tuple[Any, ...], kwargs: dict[str, Any], left: tuple[Any, ...], named: dict[str, Any]
) -> None:
    assert split_items(args, kwargs, handle) == (left, named, STREAM)


@pytest.mark.parametrize(
    ("handle", "args", "kwargs", "what"),
    [
        (total, ("x",), {}, "calc.total: argument 'numbers' takes a stream, what async for can iterate: it is missing"),
        (total, ("x", [1, 2]), {}, "takes a stream, what async for can iterate, got list [1, 2]"),
        (total, ("x",), {"numbers": None}, "takes a stream, what async for can iterate, got None"),
        (total, (STREAM, "x"), {}, "argument 'numbers' takes a stream, .*, and it came as number 1 by position"),
        (total, ("x", 1), {"scale": STREAM}, "argument 'numbers' takes a stream, .*, and it came as 'scale'"),
        (total, (STREAM, STREAM), {}, "a call takes one stream, and there are several"),
        (echo, (STREAM,), {}, "calc.echo: argument 'lines' takes a stream, .*, and it came as number 1 by position"),
        (echo, (), {}, "calc.echo: argument 'lines' .*: it is missing"),
        (first, (), {"numbers": STREAM}, "calc.first: argument 'numbers' takes a stream, .*, and it came as 'numbers'"),
    ],
)
def test_a_handle_refuses_a_stream_elsewhere(
    handle: Handle, args: tuple[Any, ...], kwargs: dict[str, Any], what: str
) -> None:
    pattern = what.replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(TypeError, match=pattern):
        split_items(args, kwargs, handle)


def test_a_handle_that_takes_no_stream_gets_its_arguments_as_they_are() -> None:
    args, kwargs = (STREAM,), {"b": STREAM}
    assert split_items(args, kwargs, add) == (args, kwargs, None)


async def test_a_list_is_made_a_stream() -> None:
    assert [number async for number in each([1, 2, 3])] == [1, 2, 3]
    assert [letter async for letter in each(letter for letter in "ab")] == ["a", "b"]
