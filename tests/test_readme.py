"""The README tells the truth: its programs, sessions and fragments run, and print what stands there."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import shlex
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import rpc

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@attrs.frozen
class Block:
    """A fenced block: a file, whose first line names it, a fragment, what that prints, or a session in a shell."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        match = re.match(r"# (\w+\.py)\n", self.text)
        return match and match[1]


BLOCKS = [Block(*parts) for parts in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)]
FILES = {block.file: block.text for block in BLOCKS if block.file is not None}
TESTS = [name for name in FILES if name.startswith("test_")]
SESSIONS = [block.text for block in BLOCKS if block.language == "console"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A directory with the README's files, where their socket files are made too."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(moved(text, tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def moved(text: str, directory: Path) -> str:
    return text.replace("unix:/tmp/", f"unix:{directory}/")


def test_every_block_is_of_a_known_kind() -> None:
    assert {block.language for block in BLOCKS} == {"python", "text", "console"}
    assert list(FILES)[:2] == ["calc.py", "client.py"]
    assert TESTS
    assert SESSIONS


@pytest.mark.parametrize("session", SESSIONS)
async def test_sessions(session: str, desk: Path) -> None:
    """One shell runs all commands of a session, and says each of them first."""
    script = "trap 'kill $(jobs -p); wait' EXIT\n"
    for command in re.findall(r"^\$ (.*)$", session, re.MULTILINE):
        script += f"echo {shlex.quote(f'$ {command}')}\n{moved(command, desk)}\n"
    with trio.fail_after(30):
        shell = await trio.run_process(["bash", "-c", script], cwd=desk, capture_stdout=True)
    assert shell.stdout.decode() == session


@pytest.mark.parametrize("name", TESTS)
async def test_tests(name: str, desk: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-o", "trio_mode=true", "-p", "no:cacheprovider", name]
    with trio.fail_after(30):
        run = await trio.run_process(command, cwd=desk, capture_stdout=True, check=False)
    assert run.returncode == 0, run.stdout.decode()


async def test_fragments(
    desk: Path, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    """Fragments run one after the other, with all that the files define, and with a client of their services."""
    names: dict[str, Any] = {"rpc": rpc, "trio": trio}
    for name in FILES.keys() - TESTS:
        names.update(vars(importlib.import_module(name.removesuffix(".py"))))
    services = [value for value in names.values() if isinstance(value, rpc.Service)]
    async with rpc.testing.client(services, debug=False) as names["client"]:
        for block, following in zip(BLOCKS, [*BLOCKS[1:], None], strict=True):
            if block.language == "python" and block.file is None:
                await run(block.text, names)
                await trio.testing.wait_all_tasks_blocked()
                prints = following.text if following is not None and following.language == "text" else ""
                assert capsys.readouterr().out == prints


async def run(source: str, names: dict[str, Any]) -> None:
    """Run a fragment, in which `await` may stand outside of any function."""
    code = compile(source, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = eval(code, names)
    if inspect.iscoroutine(result):
        await result


def test_links_lead_somewhere() -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\((?!https?:)([^)]*)\)", README)]
    assert {"docs/protocol.md", "docs/architecture.md", "docs/performance.md"} <= set(targets)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_commands_are_targets_of_the_makefile() -> None:
    commands = re.findall(r"^    make (\w+)", README, re.MULTILINE)
    assert commands == ["demo", "test"]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(commands) <= set(targets)
