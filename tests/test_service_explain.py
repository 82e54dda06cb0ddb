from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypedDict

import attrs
import msgspec
import pytest
from msgspec import inspect

from rpc.service.convert import Misfit
from rpc.service.explain import explain


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


def check_tags(_item: object, _attribute: object, value: dict[str, Any]) -> None:
    if "bad" in value:
        raise ValueError("no\nbad tags, please - at `$.nowhere`")
    if "worse" in value:
        raise KeyError("worse")


@attrs.define
class Item:
    name: str
    tags: dict[str, list[int]] = attrs.field(factory=dict, validator=check_tags)
    color: Color = Color.RED
    inner: dict[str, Item] = attrs.field(factory=dict)


class Row(NamedTuple):
    a: int
    b: int


Odd = TypedDict("Odd", {"a.b": int, "a": int, "x[0]": int, "with `ticks`": int})


class Circle(msgspec.Struct, tag=True):
    radius: float


class Strict(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    side: float


def to_path(cls: type, value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("not text")
    return cls(value)


def converter(annotation: Any) -> Callable[[Any], Any]:
    return lambda value: msgspec.convert(value, annotation, dec_hook=to_path)


def misfit(annotation: Any, value: Any) -> str:
    convert = converter(annotation)
    with pytest.raises(msgspec.ValidationError) as caught:
        convert(value)
    return str(explain(caught.value, value, inspect.type_info(annotation), convert))


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "x", "expected int, got str 'x'"),
        (int | None, "x", "expected int | None, got str 'x'"),
        (Item, [1], "expected Item, got list [1]"),
        (Color, "blue", "expected one of 'red', 'green', got str 'blue'"),
        (Path, 5, "expected Path, got int 5"),
        (list[int], [1, "x"], "at [1] expected int, got str 'x'"),
        (set[int], {"x"}, "at [0] expected int, got str 'x'"),
        (tuple[int, str], [1], "expected list of length 2, got 1"),
        (tuple[int, str], [1, 2], "at [1] expected str, got int 2"),
        (Row, [1, "x"], "at [1] expected int, got str 'x'"),
        (dict[str, int], {"a": 1, "b c": "x", "d": "y"}, "at ['b c'] expected int, got str 'x'"),
        (dict[int, int], {1: 1, "x": 1}, "has a key that does not fit: expected int, got str 'x'"),
        (dict[str, dict[int, int]], {"a": {}, "b": {"x": 1}}, "at ['b'] has a key that does not fit: expected int"),
        (dict[str, dict[str, int]], {"a": {"b": 1}, "c": {"d": 1, "e": "x"}, "f": {"g": "y"}}, "at ['c']['e'] expec"),
        (Item, {"name": 5}, "at .name expected str, got int 5"),
        (Item, {"color": "red"}, "lacks the field 'name' of Item"),
        (Item, {"name": "a", "color": 5}, "at .color expected one of 'red', 'green', got int 5"),
        (list[Item | None], [None, {}], "at [1] lacks the field 'name' of Item | None"),
        (Item, {"name": "a", "tags": {"k": [1], "l": [2, None]}}, "at .tags['l'][1] expected int, got None"),
        (Item, {"name": "a", "inner": {"b": {"name": "c", "inner": {"d": {}}}}}, "at .inner['b'].inner['d'] lacks"),
        (Odd, {"a": 1, "a.b": "x", "x[0]": 1, "with `ticks`": 1}, "at .a.b expected int, got str 'x'"),
        (Odd, {"a": 1, "a.b": 1, "x[0]": "x", "with `ticks`": 1}, "at .x[0] expected int, got str 'x'"),
        (Annotated[int, msgspec.Meta(ge=4)], 3, "expected int >= 4, got int 3"),
        (Annotated[list[int], msgspec.Meta(max_length=1)], [1, 2], "expected list of length <= 1, got list [1, 2]"),
        (Circle | Strict, {"type": "Oval"}, "at .type expected one of 'Circle', 'Strict', got str 'Oval'"),
        (Circle | Strict, {"type": "Strict", "side": 1.0, "z\n": 1}, r"object contains unknown field z\n, got dict {"),
    ],
)  # fmt: skip
def test_the_place_what_was_expected_and_what_came(annotation: Any, value: Any, message: str) -> None:
    told = misfit(annotation, value)
    assert told.startswith(message)
    assert told.isprintable()


def test_a_validator_has_its_say_escaped() -> None:
    value = [{"name": "a"}, {"name": "b", "tags": {"bad": []}}]
    told = misfit(list[Item], value)
    assert told == r"at [1] was refused by Item: no\nbad tags, please - at $.nowhere"


def test_the_search_for_a_key_stands_a_validator_that_raises() -> None:
    value: list[Any] = [{"a": {"name": "a"}, "b": {"name": 5}}, {"c": {"name": "c", "tags": {"worse": []}}}]
    assert misfit(list[dict[str, Item]], value) == "at [0]['b'].name expected str, got int 5"


def deep(levels: int) -> dict[str, Any]:
    return {"name": "a", "inner": {"x": deep(levels - 1)}} if levels else {"name": 5}


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (dict[str, int], {**dict.fromkeys(map(str, range(1100)), 1), "z": "x"}, "at [...] expected int, got str"),
        (dict[int, int], dict.fromkeys([*range(1100), "z"], 1), "has a key that does not fit: expected int, got str"),
        (list[int], [*range(1100), "x"], "at [1100] expected int, got str 'x'"),
        (Item, deep(8), "at " + ".inner['x']" * 8 + ".name expected str, got"),
        (Item, deep(9), "at " + ".inner['x']" * 8 + ".inner[...].name expected str, got int"),
    ],
)  # fmt: skip
def test_the_search_for_keys_is_bounded(annotation: Any, value: Any, message: str) -> None:
    assert misfit(annotation, value).startswith(message)


def test_a_bad_value_is_refused_at_the_cost_of_few_conversions() -> None:
    value: dict[str, Any] = {**{str(number): 1 for number in range(1000)}, "z": "x"}
    conversions: list[int] = []

    def convert(value: Any) -> Any:
        conversions.append(len(value))
        return msgspec.convert(value, dict[str, int])

    with pytest.raises(msgspec.ValidationError) as caught:
        convert(value)
    explain(caught.value, value, inspect.type_info(dict[str, int]), convert)
    assert len(conversions) <= 11


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (dict[str, int], {"k" * 10_000: "x"}),
        (int, "x" * 10_000),
        (Color, "x" * 10_000),
        (Circle | Strict, {"type": "x" * 10_000}),
        (Item, deep(60)),
    ],
)
def test_a_message_is_cut(annotation: Any, value: Any) -> None:
    assert len(misfit(annotation, value)) < 500


def test_what_a_misfit_tells_of_itself_is_kept_with_its_place() -> None:
    def refuse(cls: type, value: Any) -> Any:
        raise Misfit(".inside", "is not what it should be")

    def convert(value: Any) -> Any:
        return msgspec.convert(value, dict[str, list[Path]], dec_hook=refuse)

    value = {"a": [], "b": ["x"]}
    with pytest.raises(msgspec.ValidationError) as caught:
        convert(value)
    misfit = explain(caught.value, value, inspect.type_info(dict[str, list[Path]]), convert)
    assert (misfit.path, misfit.text) == ("['b'][0].inside", "is not what it should be")
