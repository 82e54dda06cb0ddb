from __future__ import annotations

import re

import cbor2
import pytest

from tests.types_page import PAGE, diagnostic, main, written_anew


def test_the_tables_are_those_of_what_happens() -> None:
    text = PAGE.read_text()
    assert text == written_anew(text), "docs/types.md is stale: python -m tests.types_page"


def test_the_tables_are_written_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    stale = re.sub(r"\n### Containers\n.*?(?=\n### )", "", PAGE.read_text(), flags=re.DOTALL)
    assert "### Containers" not in stale
    page = PAGE.__class__(str(tmp_path)) / "types.md"
    page.write_text(stale)
    monkeypatch.setattr("tests.types_page.PAGE", page)
    main()
    assert page.read_text() == PAGE.read_text()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, -2, 300], "[1, -2, 300]"),
        ({"a": b"\x01", 5: None}, """{"a": h'01', 5: null}"""),
        ([True, False, 1.5, 10**10], "[true, false, 1.5, 10000000000]"),
        (cbor2.CBORTag(4, [-2, 150]), "4([-2, 150])"),
        ("ö" * 30, f'"{"ö" * 30}"'),
    ],
)
def test_an_item_is_written_as_people_read_it(value: object, text: str) -> None:
    assert diagnostic(cbor2.dumps(value)) == text
