"""Annotations, defaults and signatures, as a person would write them."""

from __future__ import annotations

import array
import collections.abc
import enum
import typing
from collections.abc import AsyncIterable, AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Optional

import numpy as np
import numpy.typing as npt
import pytest

from rpc.service.context import Context
from rpc.service.handle import Handle
from rpc.service.service import Service
from rpc.service.spelling import spell_annotation, spell_default, spell_signature, taken

T = typing.TypeVar("T")
Name = typing.NewType("Name", str)


class Box(typing.Generic[T]):
    pass


class Color(enum.Enum):
    RED = "r"


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (None, "None"),
        (type(None), "None"),
        (Any, "Any"),
        (object, "object"),
        (list[Box[int]], "list[Box[int]]"),
        (typing.List[int], "list[int]"),  # noqa: UP006
        (Optional[int], "int | None"),  # noqa: UP045
        (dict[str, int | None], "dict[str, int | None]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a", 1, None], "Literal['a', 1, None]"),
        (typing.Annotated[int, "more"], "int"),
        (collections.abc.Callable[[int], str], "Callable[[int], str]"),
        (collections.abc.Sequence[Name], "Sequence[Name]"),
        (T, "T"),
        (Color, "Color"),
        ("somewhere.Else", "Else"),
        (array.array, "array"),
        (np.ndarray, "ndarray"),
        (npt.NDArray[np.float64], "NDArray[float64]"),
    ],
)
def test_annotations_are_spelled_with_their_names_imported(annotation: Any, text: str) -> None:
    assert spell_annotation(annotation) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (1.5, "1.5"),
        ("it's", '"it\'s"'),
        (b"x", "b'x'"),
        (Color.RED, "Color.RED"),
        (Decimal("1.50"), "Decimal('1.50')"),
        (date(2026, 1, 2), "datetime.date(2026, 1, 2)"),
        (Path("/x"), "Path('/x')"),
        (PurePosixPath("/x"), "PurePath('/x')"),
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1,)"),
        ((1, 2), "(1, 2)"),
        ({"a": [Color.RED]}, "{'a': [Color.RED]}"),
    ],
)
def test_defaults_are_spelled_as_they_would_be_written(value: Any, text: str) -> None:
    assert spell_default(value) == text


@pytest.mark.parametrize("value", [object(), {1, 2}, [object()], {"a": object()}, "x" * 60, print])
def test_what_cannot_be_written_the_same_each_time_is_three_dots(value: Any) -> None:
    assert spell_default(value) == "..."


def signatures() -> Service:
    service = Service("s")

    @service.method
    def plain(a: int, b: int = 0) -> int:
        return a + b

    @service.method
    def every(context: Context[Any], a: int, /, b: str, *rest: bytes, c: bool = True, **extra: float) -> None: ...

    @service.method
    def named(*, a: int, b: int = 1) -> None: ...

    @service.method
    def positional(a: int, b: int = 2, /) -> list[int]:
        return [a, b]

    @service.method
    def untyped(a, b=3):  # type: ignore[no-untyped-def]
        return a

    @service.method
    async def takes(a: int, context: Context[Any], items: AsyncIterable[int], b: int = 0) -> int:
        return a

    @service.method
    async def takes_first(items: AsyncIterable[int], /, a: int) -> int:
        return a

    @service.method
    async def takes_named(a: int, *, items: AsyncIterable[int], **extra: int) -> int:
        return a

    @service.method
    async def takes_last(a: int, *rest: int, items: AsyncIterable[int]) -> AsyncIterator[str]:
        yield ""

    @service.context
    async def lease(name: str) -> AsyncIterator[int]:
        yield 1

    @service.notification
    def told(name: str) -> None: ...

    return service


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain", "(a: int, b: int = 0) -> int"),
        ("every", "(a: int, /, b: str, *rest: bytes, c: bool = True, **extra: float) -> None"),
        ("named", "(*, a: int, b: int = 1) -> None"),
        ("positional", "(a: int, b: int = 2, /) -> list[int]"),
        ("untyped", "(a: Any, b: Any = 3) -> Any"),
        ("takes", "(a: int, items: AsyncIterable[int], b: int = 0) -> int"),
        ("takes_first", "(items: AsyncIterable[int], /, a: int) -> int"),
        ("takes_named", "(a: int, *, items: AsyncIterable[int], **extra: int) -> int"),
        ("takes_last", "(a: int, *rest: int, items: AsyncIterable[int]) -> AsyncIterator[str]"),
        ("lease", "(name: str) -> AbstractAsyncContextManager[int]"),
        ("told", "(name: str) -> None"),
    ],
)
def test_a_signature_is_what_a_caller_sees(name: str, text: str) -> None:
    handle: Handle = signatures().handles[f"s.{name}"]
    assert spell_signature(handle) == text
    typing.cast("Any", compile)(f"def f{text}: ...", "", "exec")


def test_the_kinds_of_arguments() -> None:
    handles = signatures().handles
    assert [(p.name, p.kind, p.required) for p in taken(handles["s.every"].signature)] == [
        ("a", "positional", True),
        ("b", "either", True),
        ("rest", "rest", False),
        ("c", "named", False),
        ("extra", "extra", False),
    ]
    streams = [
        next(p for p in taken(handle.signature) if p.stream) for handle in handles.values() if handle.signature.stream
    ]
    assert [(p.kind, p.annotation, p.required) for p in streams] == [
        ("either", int, True),
        ("positional", int, True),
        ("named", int, True),
        ("named", int, True),
    ]
