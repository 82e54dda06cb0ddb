from __future__ import annotations

import collections.abc as abc
import typing
from typing import Any

import attrs
import pytest

from rpc.service.annotations import inspected, is_context, plain_class, reader, streamed, yielded
from rpc.service.context import Context
from rpc.service.convert import Misfit
from rpc.service.function import Shape
from rpc.service.msgspec_converter import MsgspecConverter

CONVERTER = MsgspecConverter()


@attrs.frozen
class Point:
    x: int


def test_annotations_are_resolved() -> None:
    def function(a: Point, b: abc.AsyncIterable[Point] | None = None) -> list[Point]: ...  # type: ignore[empty-body]  # pyright: ignore

    parameters, hints = inspected(function, "calc.f")
    assert [parameter.name for parameter in parameters] == ["a", "b"]
    assert hints == {"a": Point, "b": abc.AsyncIterable[Point] | None, "return": list[Point]}


def broken(a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore


@pytest.mark.parametrize(("function", "why"), [(broken, "name 'Missing' is not defined"), (type, "")])
def test_what_cannot_be_inspected(function: Any, why: str) -> None:
    with pytest.raises(TypeError, match=rf"calc\.f: its signature cannot be read: .*{why}.*; define, or import, what"):
        inspected(function, "calc.f")


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Context, True),
        (Context[int], True),
        (Context[int] | None, True),
        (typing.Optional[Context], True),  # noqa: UP045
        (int, False),
        (int | None, False),
        (list[Context[int]], False),
        (Any, False),
    ],
)
def test_what_asks_for_the_context(annotation: Any, expected: bool) -> None:
    assert is_context(annotation) is expected


@pytest.mark.parametrize(
    ("annotation", "items"),
    [
        (abc.AsyncIterable[int], int),
        (abc.AsyncIterator[list[Point]], list[Point]),
        (typing.AsyncIterable[int], int),
        (typing.AsyncIterator[int], int),
        (abc.AsyncIterable[None], type(None)),
        (abc.AsyncIterable, Any),
        (abc.AsyncIterator[Any], Any),
        (int, None),
        (Any, None),
        (list[int] | None, None),
        (abc.Iterable[int], None),
    ],
)
def test_what_asks_for_a_stream(annotation: Any, items: Any) -> None:
    assert streamed(annotation, "it") == items


@pytest.mark.parametrize(
    "annotation",
    [
        abc.AsyncGenerator[int, None],
        abc.AsyncGenerator,
        abc.AsyncIterable[int] | None,
        typing.Union[int, abc.AsyncIterator[int]],  # noqa: UP007
    ],
)
def test_a_stream_is_asked_for_plainly(annotation: Any) -> None:
    with pytest.raises(TypeError, match=r"it is a stream: annotate it with AsyncIterable\[\.\.\.\], and with nothing"):
        streamed(annotation, "it")


ASYNC = [abc.AsyncIterator[int], abc.AsyncGenerator[int, None], abc.AsyncIterable[int], typing.AsyncIterator[int]]
SYNC = [abc.Iterator[int], abc.Generator[int, None, str], typing.Iterator[int]]


@pytest.mark.parametrize("annotation", [*ASYNC, Any])
@pytest.mark.parametrize("shape", [Shape.ASYNC_GENERATOR, Shape.ASYNC_CONTEXT_MANAGER])
def test_what_an_async_generator_yields(annotation: Any, shape: Shape) -> None:
    assert yielded(annotation, "it", shape) is (Any if annotation is Any else int)


@pytest.mark.parametrize("annotation", [*SYNC, Any])
def test_what_a_generator_yields(annotation: Any) -> None:
    assert yielded(annotation, "it", Shape.GENERATOR) is (Any if annotation is Any else int)


def test_what_a_bare_annotation_yields() -> None:
    assert yielded(abc.AsyncIterator, "it", Shape.ASYNC_GENERATOR) is Any
    assert yielded(abc.Generator, "it", Shape.GENERATOR) is Any


@pytest.mark.parametrize(
    ("shape", "annotations", "message"),
    [
        (Shape.ASYNC_GENERATOR, [*SYNC, int, None], r"it is an async generator: annotate it with AsyncIterator\["),
        (Shape.GENERATOR, [*ASYNC, abc.Iterable[int], int], r"it is a generator: annotate it with Iterator\[\.\.\.\]"),
        (Shape.ASYNC_CONTEXT_MANAGER, [*SYNC, int], r"it is an async context manager: annotate it with AsyncIterator"),
    ],
)
def test_what_a_generator_does_not_yield(shape: Shape, annotations: list[Any], message: str) -> None:
    for annotation in annotations:
        with pytest.raises(TypeError, match=message):
            yielded(annotation, "it", shape)


@pytest.mark.parametrize("annotation", [bool, int, float, str, bytes, list, dict, set, type(None)])
def test_plain_values_fit_as_they_are(annotation: Any) -> None:
    value = annotation()
    assert plain_class(annotation, CONVERTER) is annotation
    assert reader(annotation, "it", CONVERTER)(value) is value


def test_other_values_are_converted() -> None:
    assert plain_class(Point, CONVERTER) is plain_class(list[int], CONVERTER) is plain_class(Any, CONVERTER) is None
    assert reader(Point, "it", CONVERTER)({"x": 1}) == Point(1)
    assert reader(float, "it", CONVERTER)(1) == 1.0
    with pytest.raises(Misfit, match="expected int, got str 'x'"):
        reader(int, "it", CONVERTER)("x")


@pytest.mark.parametrize("annotation", [Any, object])
def test_anything_is_left_as_it_is(annotation: Any) -> None:
    value = object()
    assert reader(annotation, "it", CONVERTER)(value) is value


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (abc.AsyncIterator[int], "it is a stream: write an async def with yield in it"),
        (abc.AsyncGenerator[int, None], "it is a stream: write an async def with yield in it"),
        (abc.Awaitable[int], "it is to be awaited: make the handler an async def, annotated with what it returns"),
        (abc.Coroutine[Any, Any, int], "it is to be awaited"),
        (complex, "it: objects of class complex cannot travel; use an attrs class"),
    ],
)
def test_what_is_no_value(annotation: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        reader(annotation, "it", CONVERTER)
