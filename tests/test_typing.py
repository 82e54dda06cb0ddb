"""Type checkers of three makes agree on the files in ``tests/typing``: what they infer, and what they refuse.

They come with the group ``check``: ``make check`` runs this, ``make test`` does without it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.typing.handlers import calc

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "typing"
HANDLERS, RIGHT, WRONG = FOLDER / "handlers.py", FOLDER / "right.py", FOLDER / "wrong.py"
FILES = [str(file) for file in (HANDLERS, RIGHT, WRONG)]

Place = tuple[Path, int]
"""A file, and a line from 1."""


def run(command: str, *args: str) -> str:
    program = Path(sys.executable).with_name(command)
    assert program.exists(), f"{command} is not installed: install the dependency group 'check'"
    return subprocess.run([program, *args], cwd=ROOT, capture_output=True, text=True).stdout


def mypy() -> Iterator[Place]:
    for line in run("mypy", "--strict", "--output=json", *FILES).splitlines():
        error = json.loads(line)
        if error["severity"] == "error":
            yield ROOT / error["file"], error["line"]


def pyright() -> Iterator[Place]:
    output = run("pyright", "--outputjson", f"--pythonpath={sys.executable}", f"--project={FOLDER}")
    for error in json.loads(output)["generalDiagnostics"]:
        yield Path(error["file"]), error["range"]["start"]["line"] + 1


def pyrefly() -> Iterator[Place]:
    interpreter = f"--python-interpreter-path={sys.executable}"
    output = run("pyrefly", "check", "--preset=strict", "--output-format=json", interpreter, *FILES)
    for error in json.loads(output)["errors"]:
        yield ROOT / error["path"], error["line"]


@pytest.fixture(scope="module", params=[mypy, pyright, pyrefly], ids=lambda checker: checker.__name__)
def errors(request: pytest.FixtureRequest) -> set[Place]:
    return set(request.param())


def marked(file: Path) -> list[int]:
    return [number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith("# wrong")]


def test_right_uses_are_inferred_exactly(errors: set[Place]) -> None:
    assert sorted(place for place in errors if place[0] != WRONG) == []


def test_wrong_uses_are_refused_and_nothing_else_is(errors: set[Place]) -> None:
    assert sorted(line for file, line in errors if file == WRONG) == marked(WRONG)


def test_there_are_uses_enough() -> None:
    assert RIGHT.read_text().count("assert_type(") > 110
    assert len(marked(WRONG)) > 130


def test_the_handlers_are_what_a_server_takes() -> None:
    kinds = {type(handle).__name__ for handle in calc.handles.values()}
    assert kinds == {"SyncMethod", "AsyncMethod", "Streaming", "Entering", "Notification"}
