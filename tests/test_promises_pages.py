"""``docs/reliability.md`` and ``docs/security.md``: each promise names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("reliability", "security")}


def rows_of(page: str) -> list[str]:
    """The rows of what is promised, each with the names of its tests."""
    return [row for row in page.partition("## What is promised")[2].partition("\n## ")[0].splitlines() if "| `" in row]


ROWS = [row for page in PAGES.values() for row in rows_of(page)]


@pytest.mark.parametrize(("name", "least"), [("reliability", 11), ("security", 16)])
def test_there_are_promises(name: str, least: int) -> None:
    assert len(rows_of(PAGES[name])) >= least


@pytest.mark.parametrize("row", ROWS, ids=[row[2:40] for row in ROWS])
def test_each_promise_has_a_test(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
    assert named
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{test}"


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_its_links_lead_somewhere(page: str) -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in re.findall(r"^## (.*)", page, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) == anchors
    for path in re.findall(r"\]\(([\w/.]+)\)", page):
        assert (ROOT / "docs" / path).exists(), path
