from __future__ import annotations

import pytest

from rpc.generation.names import class_name, is_name, unique


@pytest.mark.parametrize("name", ["a", "_a", "café", "match", "list"])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "1a", "a b", "a.b", "class", "None", "__a", "__init__", "cafe\u0301", "\uff49\uff4e\uff54", "a" * 256, "a\n"],
)
def test_what_is_none(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Item", "Item"),
        ("Box_int", "Box_int"),
        ("Größe", "Größe"),
        ("Box[int]", "Box_int"),
        ("a.b c", "a_b_c"),
        ("__all__", "all"),
        ("1", "Class1"),
        ("class", "Classclass"),
        ("", "Class"),
        ("\n'", "Class"),
        ("cafe\u0301", "cafe"),
    ],
)
def test_classes(text: str, name: str) -> None:
    assert class_name(text) == name
    assert is_name(name)


def test_what_is_taken_gets_an_underscore() -> None:
    assert unique("Item", {"Other"}) == "Item"
    assert unique("Item", {"Item", "Item_"}) == "Item__"
    assert unique("Warning", set()) == "Warning_"
