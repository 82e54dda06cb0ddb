from __future__ import annotations

import importlib

import pytest

from rpc.generation.imports import RESERVED, Imports


def test_names_and_modules() -> None:
    imports = Imports([])
    assert imports.use("datetime", "datetime") == "datetime"
    assert imports.use("datetime", "date") == "date"
    assert imports.use("datetime", "UTC") == "UTC"
    assert imports.use("rpc", "Stream") == "rpc.Stream"
    assert imports.use("builtins", "int") == "int"
    assert imports.use("attrs", "define") == "attrs.define"
    assert imports.lines() == [
        "from __future__ import annotations",
        "",
        "from datetime import UTC, date, datetime",
        "",
        "import attrs",
        "import rpc",
        "",
    ]


def test_nothing_is_imported_that_is_not_used() -> None:
    assert Imports([]).lines() == ["from __future__ import annotations", ""]


def test_what_is_hidden_comes_from_its_module() -> None:
    imports = Imports([])
    hidden = {"date", "list", "rpc", "attrs", "attrs_"}
    assert imports.use("datetime", "date", hidden) == "dt.date"
    assert imports.use("datetime", "time", hidden) == "time"
    assert imports.use("builtins", "list", hidden) == "builtins.list"
    assert imports.use("collections.abc", "AsyncIterable", {"AsyncIterable"}) == "abc.AsyncIterable"
    assert imports.use("rpc", "method", hidden) == "rpc_.method"
    assert imports.use("attrs", "field", hidden) == "attrs__.field"
    assert imports.use("attrs", "field") == "attrs.field"
    assert imports.lines() == [
        "from __future__ import annotations",
        "",
        "import builtins",
        "import collections.abc as abc",
        "import datetime as dt",
        "from datetime import time",
        "",
        "import attrs",
        "import attrs as attrs__",
        "import rpc as rpc_",
        "",
    ]


def test_no_alias_is_a_name_of_the_module() -> None:
    assert Imports(["rpc_"]).use("rpc", "method", {"rpc"}) == "rpc__.method"


def test_many_names_take_several_lines() -> None:
    imports = Imports([])
    for name in ("IPv4Address", "IPv4Interface", "IPv4Network", "IPv6Address", "IPv6Interface", "IPv6Network"):
        imports.use("ipaddress", name)
    assert imports.lines()[2:5] == ["from ipaddress import (", "    IPv4Address,", "    IPv4Interface,"]
    assert ")" in imports.lines()


def test_arrays_need_a_name_of_their_own() -> None:
    imports = Imports([])
    assert [imports.has_arrays, imports.array(), imports.has_arrays] == [False, "Array", True]
    assert imports.lines()[2:4] == ["from array import array", "from typing import TYPE_CHECKING, Any, TypeAlias"]


@pytest.mark.parametrize("module", ["attrs", "builtins", "datetime", "enum", "ipaddress", "pathlib", "typing", "uuid"])
def test_reserved_are_the_modules_and_their_names(module: str) -> None:
    assert module in RESERVED
    assert importlib.import_module(module).__name__ == module
    assert {"int", "Exception", "Any", "Path", "dt", "Array", "field"} <= RESERVED
