from __future__ import annotations

from typing import Any, NamedTuple, NotRequired, Required, TypedDict

import pytest

from rpc.service.cattrs_fields import row_hook, row_writer, typeddict_hook, typeddict_writer
from rpc.service.cattrs_hooks import strict_hooks
from rpc.service.convert import Misfit

HOOKS = strict_hooks()


class Row(NamedTuple):
    name: str
    sizes: tuple[int, ...] = ()


class Options(TypedDict):
    verbose: bool
    row: NotRequired[Row]


class Loose(TypedDict, total=False):
    depth: Required[int]
    width: int


def test_a_named_tuple_comes_and_goes() -> None:
    read = row_hook(Row, HOOKS)
    assert read(["a", [1, 2]], Row) == Row("a", (1, 2))
    assert read(["a"], Row) == Row("a")
    assert row_writer(Row, HOOKS)(Row("a", (1, 2))) == ["a", [1, 2]]


def test_a_typed_dictionary_comes_and_goes() -> None:
    read = typeddict_hook(Options, HOOKS)
    assert read({"verbose": True, "row": ["a"], "unknown": 1}, Options) == {"verbose": True, "row": Row("a")}
    assert read({"verbose": True}, Options) == {"verbose": True}
    assert typeddict_writer(Options, HOOKS)({"verbose": True, "row": Row("a"), "x": 1}) == {
        "verbose": True,
        "row": ["a", []],
        "x": 1,
    }


def test_keys_that_are_required_by_themselves() -> None:
    assert typeddict_hook(Loose, HOOKS)({"depth": 1}, Loose) == {"depth": 1}


@pytest.mark.parametrize(
    ("make", "annotation", "value", "message"),
    [
        (row_hook, Row, {"name": "a"}, "expected Row, got dict {'name': 'a'}"),
        (row_hook, Row, [], "expected Row of 2 items, got 0"),
        (row_hook, Row, ["a", [], 1], "expected Row of 2 items, got 3"),
        (row_hook, Row, ["a", [1, "x"]], "at [1][1] expected int, got str 'x'"),
        (typeddict_hook, Options, [], "expected Options, got list []"),
        (typeddict_hook, Options, {}, "lacks the field 'verbose' of Options"),
        (typeddict_hook, Options, {"verbose": True, "row": [5]}, "at .row[0] expected str, got int 5"),
        (typeddict_hook, Loose, {"width": 1}, "lacks the field 'depth' of Loose"),
    ],
)
def test_what_does_not_fit(make: Any, annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        make(annotation, HOOKS)(value, annotation)
    assert str(caught.value) == message
