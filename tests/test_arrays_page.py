"""``docs/arrays.md``: its tables say what happens."""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rpc.wire.payload import EncodeError, encode

PAGE = (Path(__file__).parent.parent / "docs" / "arrays.md").read_text()


def rows(first: str) -> list[list[str]]:
    """The rows of the table whose first column has this title."""
    [table] = re.findall(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table.splitlines()]


@pytest.mark.parametrize(("name", "tag", "code"), rows("elements"))
def test_what_travels(name: str, tag: str, code: str) -> None:
    encoded = encode(np.zeros(1, name))
    assert encoded[:2] == bytes([0xD8, int(tag)])
    if code:
        assert encode(array(code, [0])) == encoded


UNFIT: list[Any] = [
    [np.zeros(1, bool)],
    [np.zeros(1, complex)],
    [np.zeros(1, np.longdouble)],
    [np.zeros(1, "M8[s]"), np.zeros(1, "m8[s]")],
    [np.array([{}]), np.array(["x"]), np.array([b"x"])],
    [np.zeros(1, "i4,f8")],
    [array("u", "x")],
    [np.zeros(())],
    [np.zeros((0, 2))],
    [np.ma.zeros(1)],
]


@pytest.mark.parametrize(
    ("way_out", "values"), [(row[1], values) for row, values in zip(rows("an array"), UNFIT, strict=True)]
)
def test_what_does_not(way_out: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(EncodeError) as caught:
            encode(value)
        for way in re.findall(r"\w+\.\w+(?:\(.*?\))?", way_out):
            assert way in caught.value.reason.replace("'", '"')
