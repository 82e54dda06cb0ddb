from __future__ import annotations

from typing import Annotated, Any, Generic, Protocol, TypeVar, get_type_hints

import pytest

from rpc.service.generic import bindings, substituted

T = TypeVar("T")
K = TypeVar("K")
Number = TypeVar("Number", bound=float)
Text = TypeVar("Text", str, bytes)


class Plain:
    pass


class Box(Generic[T]):
    pass


class Pair(Protocol[K, T]):
    def get(self, key: K, value: T) -> tuple[K, T]: ...


class Boxes(Box[list[T]], Pair[str, T]):
    pass


class Words(Boxes[str]):
    pass


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        (Plain, {}),
        (Box, {}),
        (Box[int], {Box: {T: int}}),
        (Pair[int, str], {Pair: {K: int, T: str}}),
        (Words, {Boxes: {T: str}, Box: {T: list[str]}, Pair: {K: str, T: str}}),
        (Boxes[int], {Boxes: {T: int}, Box: {T: list[int]}, Pair: {K: str, T: int}}),
        (Boxes, {Box: {T: list[Any]}, Pair: {K: str, T: Any}}),
    ],
)
def test_what_stands_for_the_variables_of_a_class(annotation: Any, found: dict[Any, Any]) -> None:
    assert {cls: bound for cls, bound in bindings(annotation).items() if bound} == found


def test_every_base_is_among_them() -> None:
    assert set(bindings(Words)) == {Words, Boxes, Box, Pair}
    assert set(bindings(Plain)) == {Plain, object}


class Held(Generic[K, T, Number, Text]):
    """Annotations with variables, which type checkers take inside of a class only."""

    plain: int
    nothing: None
    box: Box  # type: ignore[type-arg]
    one: T
    many: list[T]
    nested: dict[str, list[T]]
    optional: T | None
    optional_many: list[T] | None
    with_unit: Annotated[T, "unit"]
    boxed: Box[T]
    pair: dict[K, T]
    number: Number
    numbers: list[Number]
    text: Text


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("plain", int),
        ("nothing", type(None)),
        ("box", Box),
        ("one", str),
        ("many", list[str]),
        ("nested", dict[str, list[str]]),
        ("optional", str | None),
        ("optional_many", list[str] | None),
        ("with_unit", Annotated[str, "unit"]),
        ("boxed", Box[str]),
        ("pair", dict[Any, str]),
        ("number", float),
        ("numbers", list[float]),
        ("text", str | bytes),
    ],
)
def test_variables_give_way(name: str, result: Any) -> None:
    annotation = get_type_hints(Held, include_extras=True)[name]
    assert substituted(annotation, {T: str}) == result
