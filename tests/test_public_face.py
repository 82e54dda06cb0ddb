from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import rpc
from rpc.version import AGENT, VERSION

SOURCE = ast.parse(Path(rpc.__file__).read_text())


def run(program: str) -> str:
    """What a program prints in an interpreter of its own."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def told_to_type_checkers() -> dict[str, str]:
    """The public names and their modules, as a type checker reads them."""
    [block] = [node for node in SOURCE.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)]
    return {
        alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


@pytest.mark.parametrize("name", rpc.__all__)
def test_each_name_is_there_and_comes_from_where_type_checkers_think(name: str) -> None:
    value = getattr(rpc, name)
    home = told_to_type_checkers()[name]
    if inspect.ismodule(value):
        assert value is importlib.import_module(f"{home}.{name}")
    else:
        assert value is getattr(importlib.import_module(home), name)
        assert name in importlib.import_module(home).__all__
    assert vars(rpc)[name] is value  # resolved once


def test_type_checkers_and_programs_see_the_same_names() -> None:
    assert sorted(told_to_type_checkers()) == rpc.__all__ == dir(rpc)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'rpc' has no attribute 'nothing'"):
        getattr(rpc, "nothing")  # noqa: B009 - type checkers need not know of it


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import rpc; print(sorted(set(sys.modules) - before - {'rpc'}))"
    imported = run(program)
    assert "rpc." not in imported
    for heavy in ("trio", "attr", "cbor2", "msgspec", "click", "socket", "asyncio"):
        assert f"'{heavy}'" not in imported


def test_what_needs_no_trio_imports_none() -> None:
    pure = [name for name, home in told_to_type_checkers().items() if not home.startswith(("rpc.client", "rpc.server"))]
    pure.remove("testing")
    assert {"Service", "Context", "Limits", "NotFound", "Address", "EncodeError"} <= set(pure)
    program = f"import sys, rpc\nfor name in {pure}: getattr(rpc, name)\nprint('trio' in sys.modules)"
    assert run(program) == "False"


def test_a_star_import_gives_the_public_names() -> None:
    program = "from rpc import *; print(Service('calc').name, NotFound('x').code.name, testing.client.__name__)"
    assert run(program) == "calc NOT_FOUND client"


def test_every_public_thing_says_what_it_is() -> None:
    undocumented = [name for name in rpc.__all__ if not (inspect.getdoc(getattr(rpc, name)) or "").strip()]
    assert undocumented == []


def test_the_version_is_that_of_the_project() -> None:
    project = (Path(rpc.__file__).parent.parent / "pyproject.toml").read_text()
    assert f'version = "{VERSION}"' in project
    assert f"triorpc/{VERSION}" == AGENT
