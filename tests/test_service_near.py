from __future__ import annotations

import pytest

from rpc.service.near import near

NAMES = ["calc.add", "calc.subtract", "calc.countdown", "store.get", "store.put", "store.get_all", "ping"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("calc.ad", ["calc.add"]),
        ("calc.Add", ["calc.add"]),
        ("clac.add", ["calc.add"]),
        ("calc.substract", ["calc.subtract"]),
        ("calc.count_down", ["calc.countdown"]),
        ("store.gte", ["store.get"]),
        ("store.getall", ["store.get_all", "store.get"]),
        ("png", ["ping"]),
        ("calc.multiply", []),
        ("nothing.like.it", []),
        ("", []),
        (".", []),
        ("x" * 10_000, []),
    ],
)
def test_a_misspelt_name_finds_its_neighbours(name: str, found: list[str]) -> None:
    assert near(name, NAMES) == found


def test_at_most_three_are_given_the_nearest_first() -> None:
    names = [f"calc.step_{number}" for number in (111, 112, 113, 114, 1)]
    assert near("calc.step_112", names) == ["calc.step_112", "calc.step_111", "calc.step_113"]
