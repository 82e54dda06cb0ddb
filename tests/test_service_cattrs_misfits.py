from __future__ import annotations

from typing import Annotated, Any, Literal, NewType

import attrs
import cattrs
import pytest

from rpc.service.cattrs_misfits import base_of, inside, is_union, misfit, title, unlike
from rpc.service.convert import Misfit

UserId = NewType("UserId", int)


def not_empty(_item: object, _field: object, value: str) -> None:
    if not value:
        raise ValueError("it has no name")


@attrs.define
class Item:
    name: str = attrs.field(validator=not_empty)
    price: int = 0


@attrs.define
class Cart:
    items: dict[str, list[Item]]


@pytest.mark.parametrize(
    ("annotation", "base"),
    [(int, int), (list[int], list), (UserId, int), (Annotated[UserId, "x"], int), (Literal[1], Literal)],
)
def test_what_is_behind_an_annotation(annotation: Any, base: Any) -> None:
    assert base_of(annotation) is base


@pytest.mark.parametrize(("annotation", "answer"), [(int | str, True), (int | None, True), (list[int | str], False)])
def test_unions_are_told(annotation: Any, answer: bool) -> None:
    assert is_union(annotation) is answer


@pytest.mark.parametrize(
    ("annotation", "text"),
    [(int, "int"), (list[Item], "list"), (Item | None, "Item | None"), (UserId, "int"), (None, "None"), (Any, "Any")],
)
def test_an_annotation_has_a_title(annotation: Any, text: str) -> None:
    assert title(annotation) == text


def test_what_is_something_else_altogether() -> None:
    assert str(unlike(5, Item)) == "expected Item, got int 5"


def refuse(error: Exception) -> Any:
    def read(value: Any, annotation: Any) -> Any:
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Misfit(".x", "expected int"), "at ['a b'].x expected int"),
        (ValueError("no\nway"), "at ['a b'] was refused by Item: no\\nway"),
        (KeyError("secret"), "at ['a b'] was refused by Item with KeyError"),
    ],
)
def test_what_is_wrong_inside(error: Exception, text: str) -> None:
    with pytest.raises(Misfit) as caught:
        inside("a b", 5, refuse(error), Item)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"items": {"a": [{"name": "x"}, {}]}}, "at .items['a'][1] lacks the field 'name' of Item"),
        (
            {"items": {"a": [{"name": "x", "price": "y"}]}},
            "at .items['a'][0].price was refused by int: invalid literal",
        ),
        ({"items": {"a": [{"name": "", "price": 1}]}}, "at .items['a'][0] was refused by Item: it has no name"),
        ({"items": {"a": ["x"]}}, "at .items['a'][0]"),
        ({}, "lacks the field 'items' of Cart"),
    ],
)
def test_the_problems_that_cattrs_finds_are_followed(value: Any, text: str) -> None:
    with pytest.raises(cattrs.ClassValidationError) as caught:
        cattrs.Converter().structure(value, Cart)
    assert str(misfit(caught.value, value, Cart)).startswith(text)
