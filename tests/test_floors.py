"""The house stands on floors, and nobody climbs: each module imports only from its own floor or from beneath.

The table below is the law that ``docs/architecture.md`` describes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import attrs
import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "rpc"

FLOORS = {
    "rpc.errors": 0,
    "rpc.limits": 0,
    "rpc.address": 0,
    "rpc.peer": 0,
    "rpc.text": 0,
    "rpc.version": 0,
    "rpc.wire": 1,
    "rpc.session": 2,
    "rpc.service": 3,
    "rpc.generation": 3,
    "rpc.net": 4,
    "rpc.server": 5,
    "rpc.client": 5,
    "rpc.blocking": 5,
    "rpc": 6,  # the public face: it resolves names of every floor, lazily, and the tools stand on it
    "rpc.testing": 7,
    "rpc.cli": 7,
    "rpc.__main__": 7,
}

PURE_FLOORS = {0, 1, 2, 3}
IMPURE = {"trio", "socket", "ssl", "time", "selectors", "select"}
"""What floors without input, output and clock have no use for."""


@attrs.frozen
class Import:
    """One imported module as the source names it; `lazy` where it stands inside a function."""

    module: str
    line: int
    lazy: bool = False


def imports_of(source: str, module: str, modules: Iterable[str]) -> Iterator[Import]:
    """Every import in a module's source, wherever it stands: a block for type checkers is no way around the floors.

    `from rpc.wire import frames` is an import of `rpc.wire.frames` if `modules` has that one, else of `rpc.wire`.
    """
    known = set(modules)
    package = module if _is_package(module, known) else module.rpartition(".")[0]

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, lazy)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if inner in known else base, node.lineno, lazy)
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return visit(ast.parse(source), lazy=False)


def _is_package(module: str, known: set[str]) -> bool:
    return any(other.startswith(f"{module}.") for other in known)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def floor_of(module: str) -> int:
    """The floor of a module of ours: that of its longest prefix in the table, where the face stands for itself only."""
    name = module
    while name not in FLOORS:
        name = name.rpartition(".")[0]
    if name == "rpc" and module != "rpc":
        raise LookupError(f"{module} is on no floor: add it to the table")
    return FLOORS[name]


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "rpc"


def violations(sources: Mapping[str, str]) -> list[str]:
    """What breaks the law in the sources of some modules, by module name; the face is above it."""
    found = []
    for module, source in sources.items():
        if module == "rpc":
            continue
        floor = floor_of(module)
        for imported in imports_of(source, module, sources):
            place = f"{module}:{imported.line} imports {imported.module}"
            if not _is_ours(imported.module):
                if floor in PURE_FLOORS and imported.module.partition(".")[0] in IMPURE:
                    found.append(f"{place}, and floor {floor} is pure")
            elif floor_of(imported.module) > floor:
                found.append(f"{place}, from floor {floor} up to {floor_of(imported.module)}")
            elif imported.lazy:
                found.append(f"{place} inside a function")
    return found


def cycle(sources: Mapping[str, str]) -> list[str]:
    """The modules of one import cycle, or an empty list."""
    graph = {
        module: {imported.module for imported in imports_of(source, module, sources)} - {module}
        for module, source in sources.items()
        if module != "rpc"
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def house() -> dict[str, str]:
    """The source of every module under ``rpc/``, by its dotted name."""
    sources = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def test_the_house_keeps_its_floors() -> None:
    assert violations(house()) == []


def test_the_house_has_no_import_cycle() -> None:
    assert cycle(house()) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        (
            "rpc.wire.frames",
            "from rpc.session import core",
            ["rpc.wire.frames:1 imports rpc.session, from floor 1 up to 2"],
        ),
        ("rpc.wire.frames", "from ..session.core import Session", ["from floor 1 up to 2"]),
        ("rpc.limits", "import rpc", ["rpc.limits:1 imports rpc, from floor 0 up to 6"]),
        ("rpc.service.table", "import trio.lowlevel", ["imports trio.lowlevel, and floor 3 is pure"]),
        ("rpc.session.core", "if TYPE_CHECKING:\n    from time import monotonic", ["rpc.session.core:2 imports time"]),
        ("rpc.net.link", "def link():\n    from rpc.limits import Limits", ["imports rpc.limits inside a function"]),
        ("rpc.net.link", "import socket, trio\nfrom rpc.limits import Limits\nfrom . import dial", []),
        ("rpc.wire.frames", "import struct\nfrom rpc.errors import Error\nfrom .profile import decode", []),
        ("rpc.cli.demo", "import rpc\ndef run():\n    import json", []),
        ("rpc", "def __getattr__(name):\n    import rpc.client", []),
    ],
)
def test_a_breach_is_found(module: str, source: str, found: list[str]) -> None:
    told = violations({module: source})
    assert len(told) == len(found)
    assert all(part in line for part, line in zip(found, told, strict=True))


def test_a_module_without_a_floor_is_refused() -> None:
    with pytest.raises(LookupError, match=r"rpc\.helpers is on no floor"):
        violations({"rpc.helpers": ""})


def test_a_cycle_is_found() -> None:
    sources = {
        "rpc.wire.frames": "from rpc.wire import profile",
        "rpc.wire.profile": "from .payload import encode",
        "rpc.wire.payload": "from rpc.wire.frames import Call",
    }
    assert set(cycle(sources)) == set(sources)
    sources["rpc.wire.payload"] = "import struct"
    assert cycle(sources) == []
