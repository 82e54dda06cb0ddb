"""``docs/architecture.md`` describes the house that stands here: its floors, rooms, states and tasks."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from rpc.session.states import CALLEE_STEPS, CALLER_STEPS, State, Step
from tests.test_floors import FLOORS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rpc"
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_floors_are_those_that_the_sources_keep() -> None:
    rows = re.findall(r"^\| (\d) \| (.*?) \|", PAGE, re.MULTILINE)
    told = {name: int(floor) for floor, what in rows for name in re.findall(r"`(rpc[.\w]*)`", what)}
    assert told == FLOORS


def test_every_module_has_its_room() -> None:
    [tree] = [block for block in blocks("text") if block.startswith("rpc/\n")]
    told, folder = set(), ""
    for indent, name in re.findall(r"^( +)([\w/.]+)", tree, re.MULTILINE):
        if name.endswith("/"):
            folder = name
            told.add(folder)
        else:
            told.add(name if len(indent) == 4 else folder + name)
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    inside = {path for path in found if not path.startswith("cli/") and not path.endswith("/__init__.py")}
    assert told == folders | inside


def test_the_diagrams_of_states_are_the_tables() -> None:
    caller, callee = (block for block in blocks("mermaid") if block.startswith("stateDiagram"))
    assert steps_of(caller) == {(state, step): to for state, row in CALLER_STEPS.items() for step, to in row.items()}
    assert steps_of(callee) == {(state, step): to for state, row in CALLEE_STEPS.items() for step, to in row.items()}


def steps_of(diagram: str) -> dict[tuple[State, Step], State]:
    arrows = re.findall(r"^ +(\w+) --> (\w+): (\w+)$", diagram, re.MULTILINE)
    return {(State[start], Step[step]): State[end] for start, end, step in arrows}


def tasks() -> list[str]:
    [block] = [block for block in blocks("text") if block.startswith("rpc.serve")]
    return re.findall(r"^ *(\S+)", block, re.MULTILINE)


def test_every_task_is_a_function_that_exists() -> None:
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert len(tasks()) > 15
    assert [name for name in tasks() if not re.search(rf"def {name.rpartition('.')[2]}\(", sources)] == []


def test_every_task_that_is_a_method_is_one_of_its_class() -> None:
    methods = {
        f"{cls.name}.{method.name}"
        for path in PACKAGE.rglob("*.py")
        for cls in ast.walk(ast.parse(path.read_text()))
        if isinstance(cls, ast.ClassDef)
        for method in cls.body
        if isinstance(method, ast.AsyncFunctionDef)
    }
    told = {name for name in tasks() if re.match(r"[A-Z]\w+\.", name)} - {"Client.stream"}  # which opens a nursery
    assert len(told) > 10
    assert told - methods == set()


def test_links_and_paths_lead_somewhere() -> None:
    links = [target.partition("#")[0] for target in re.findall(r"\]\((?!https?:)([^)]*)\)", PAGE)]
    assert [target for target in links if not (ROOT / "docs" / target).exists()] == []
    paths = re.findall(r"`((?:\w+/)*\w+\.py|(?:\w+/)+)`", PAGE)
    assert len(paths) > 20
    assert [path for path in paths if not (PACKAGE / path).exists() and not (ROOT / path).exists()] == []


def test_links_within_the_page_lead_to_a_heading() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", PAGE, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", PAGE)) <= anchors
