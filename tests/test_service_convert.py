from __future__ import annotations

from typing import Any

import pytest

from rpc.service.convert import Misfit, brief, cut, show
from rpc.wire.shapes import is_list, is_map


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (5, "int 5"),
        (True, "bool True"),
        ("x", "str 'x'"),
        ("a\nb\x1b[0m\u202e", r"str 'a\nb\x1b[0m\u202e'"),
        (b"\x00", r"bytes b'\x00'"),
        ([1, [2, {"a": None}]], "list [1, [2, {'a': None}]]"),
        ({"k": 1}, "dict {'k': 1}"),
    ],
)
def test_a_value_is_shown_with_its_class_and_escaped(value: object, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    "value",
    ["x" * 1_000_000, b"\xff" * 1_000_000, ["x" * 1000] * 1000, {"k" * 1000: 1}, 7**200, [[[[[[[[[[1]]]]]]]]]],
     list(range(100_000))],
)  # fmt: skip
def test_a_large_value_is_cut(value: object) -> None:
    assert len(brief(value)) <= 64
    assert "..." in brief(value)


def test_text_is_cut_with_an_ellipsis() -> None:
    assert cut("abcdefgh", 8) == "abcdefgh"
    assert cut("abcdefghi", 8) == "abcde..."


def test_a_misfit_says_where_and_what() -> None:
    assert str(Misfit("", "expected int, got str 'x'")) == "expected int, got str 'x'"
    assert str(Misfit(".items[3]", "expected int, got str 'x'")) == "at .items[3] expected int, got str 'x'"


@pytest.mark.parametrize(("value", "of_list", "of_map"), [([], True, False), ({}, False, True), ((), False, False)])
def test_containers_are_told_apart(value: Any, of_list: bool, of_map: bool) -> None:
    assert is_list(value) is of_list
    assert is_map(value) is of_map
