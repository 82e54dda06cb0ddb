from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.parameters import Given, Items, Parameter

CONVERTER = MsgspecConverter()
ITEMS = Items.of(int, "it", "item {}", CONVERTER)


def raw(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def every_kind(a: Any, /, b: Any, c: Any = 0, *rest: Any, d: Any, e: Any = 0, **extra: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "index", "by_name", "required"),
    [
        ("a", 3, False, True),
        ("b", 3, True, True),
        ("c", 3, True, False),
        ("rest", None, False, False),
        ("d", None, True, True),
        ("e", None, True, False),
        ("extra", None, False, False),
    ],
)
def test_a_parameter_on_the_wire(name: str, index: int | None, by_name: bool, required: bool) -> None:
    parameter = Parameter.of(raw(every_kind)[name], 3, float, "it", CONVERTER)
    assert (parameter.name, parameter.index, parameter.by_name, parameter.required) == (name, index, by_name, required)
    assert (parameter.annotation, parameter.plain, parameter.read(1)) == (float, float, 1.0)
    assert parameter.default == raw(every_kind)[name].default


def test_a_parameter_whose_values_cannot_travel() -> None:
    with pytest.raises(TypeError, match="it: objects of class complex cannot travel"):
        Parameter.of(raw(every_kind)["a"], 0, complex, "it", CONVERTER)


@attrs.frozen
class Point:
    x: int


def test_items() -> None:
    items = Items.of(Point, "it", "item {} of it", CONVERTER)
    assert (items.annotation, items.what, items.plain) == (Point, "item {} of it", None)
    assert items.read({"x": 1}) == Point(1)
    assert Items.of(int, "it", "item {}", CONVERTER).plain is int


def test_items_that_cannot_travel() -> None:
    with pytest.raises(TypeError, match="it: objects of class complex cannot travel"):
        Items.of(complex, "it", "item {}", CONVERTER)


@pytest.mark.parametrize("items", [None, ITEMS])
@pytest.mark.parametrize(
    ("name", "count", "index", "by_name"),
    [("a", 0, 0, False), ("b", 0, 0, True), ("b", 3, 3, True), ("d", 3, None, True)],
)
def test_a_parameter_that_is_given(
    items: Items | None, name: str, count: int, index: int | None, by_name: bool
) -> None:
    given = Given.of(raw(every_kind)[name], count, [], items, "calc.f")
    assert given == Given(name=name, index=index, place=count, by_name=by_name, items=items)


def test_one_may_be_given_the_context_and_one_the_stream() -> None:
    parameters = raw(every_kind)
    context = Given.of(parameters["a"], 0, [], None, "calc.f")
    stream = Given.of(parameters["b"], 2, [context], ITEMS, "calc.f")
    assert (stream.index, stream.place) == (2, 3)
    with pytest.raises(TypeError, match=r"calc\.f: parameters 'a' and 'd' both ask for the context"):
        Given.of(parameters["d"], 2, [context, stream], None, "calc.f")
    with pytest.raises(TypeError, match=r"calc\.f: parameters 'b' and 'd' both ask for the stream"):
        Given.of(parameters["d"], 2, [context, stream], ITEMS, "calc.f")


@pytest.mark.parametrize(
    ("name", "items", "message"),
    [
        ("a", None, "calc.f: parameter 'a' asks for the context: make it the first one"),
        ("a", ITEMS, "calc.f: parameter 'a' asks for the stream: make it the first one"),
        ("rest", None, "calc.f: parameter 'rest' asks for the context: make it the first one"),
        ("rest", ITEMS, "calc.f: parameter 'rest' asks for the stream: make it the first one"),
        ("extra", ITEMS, "calc.f: parameter 'extra' asks for the stream: make it the first one"),
        ("c", ITEMS, "calc.f: parameter 'c' asks for the stream: drop its default, there always is one"),
    ],
)
def test_what_cannot_be_given_anything(name: str, items: Items | None, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Given.of(raw(every_kind)[name], 1, [], items, "calc.f")
