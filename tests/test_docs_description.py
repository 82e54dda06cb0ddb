"""``docs/description.md`` says what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import rpc
from rpc.server.builtin import builtin
from rpc.service.description import MethodDescription
from tests.cli_tools import rpc_command, serving

PAGE = (Path(__file__).parent.parent / "docs" / "description.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def rows(heading: str) -> list[str]:
    """The first cells of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([\w.-]+)", section, re.MULTILINE)


def test_the_commands_print_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "shop"}
    exec(blocks("python")[0], names)
    [session] = blocks("console")
    with serving(names["shop"], ["unix:shop.sock"]):
        for command, expected in re.findall(r"^\$ rpc (.*)\n((?:[^$].*\n)*)", session, re.MULTILINE):
            result = rpc_command(*command.split())
            assert result.stdout + result.stderr == expected, command


async def test_the_methods_are_those() -> None:
    assert rows("The methods") == list(builtin.handles)


async def test_the_fields_are_those() -> None:
    told = rows("The description")
    fields = list(MethodDescription.__annotations__)
    assert told[: len(fields)] == fields
    assert told[len(fields) :] == ["x-python", "x-kind", "x-names", "propertyNames", "default"]


async def test_health_is_said_as_the_page_says_it() -> None:
    health = rpc.Health()
    lines = next(block for block in blocks("python") if block.startswith("health.set"))
    exec(lines, {"health": health})
    report = health.report(["shop"])
    assert report.status == "serving"
    assert report.services["shop"].message == "for lunch"
