from __future__ import annotations

import math
import re
from typing import Any

import pytest

from rpc.service.service import Service
from rpc.service.table import Table


def make(name: str, *methods: str) -> Service:
    service = Service(name)
    for method in methods:
        service.method(name=method)(lambda: None)
    return service


def test_handlers_are_found_by_their_exact_names_only() -> None:
    calc, store = make("calc", "add"), make("store", "get", "put")
    table = Table([calc, store])
    assert table.services == (calc, store)
    assert table.find("calc.add") is calc.handles["calc.add"]
    assert table.find("store.put") is store.handles["store.put"]
    for name in ("add", "calc", "calc.add.__call__", "calc.Add", "calc.add ", "", "store.add", "calc.__init__"):
        assert table.find(name) is None


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two services are named 'calc'"):
        Table([make("calc"), make("store"), make("calc")])


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (make("calc", "add").handles["calc.add"], "calc.add> is no service: give the rpc.Service that it was"),
        (math, "the module math is no service: give the rpc.Service in it"),
        ("tcp://:9000", "'tcp://:9000' is no service: give an rpc.Service first, and the address behind it"),
        (make, "is no service: give an rpc.Service, or several in a list"),
    ],
)
def test_what_is_no_service_is_refused(wrong: Any, text: str) -> None:
    with pytest.raises(TypeError, match=re.escape(text)):
        Table([wrong])


def test_a_misspelt_name_finds_its_neighbours() -> None:
    assert Table([make("calc", "add", "negate")]).near("calc.ad") == ["calc.add"]


def test_a_table_shows_what_is_in_it() -> None:
    assert repr(Table([make("calc", "add", "negate")])) == "<Table: calc.add, calc.negate>"
    assert repr(Table([])) == "<Table: nothing>"
