"""``docs/evolving.md``: its table has the rows that the tests show, and no others."""

import re
from pathlib import Path

from tests import test_evolving_arguments, test_evolving_fields, test_evolving_methods, test_evolving_values
from tests.evolving import ROWS, Row

PAGE = (Path(__file__).parent.parent / "docs" / "evolving.md").read_text()


def test_every_row_of_the_table_is_a_test() -> None:
    rows = re.findall(r"^\| (?!\*\*)(.+?) \| (.+?) \| (.+?) \| .+ \|$", PAGE, re.MULTILINE)
    assert {Row(*row) for row in rows[1:]} == set(ROWS)
    assert len(rows) == len(ROWS) + 1, "and the head of the table"


def test_the_page_names_the_tests() -> None:
    for module in (test_evolving_arguments, test_evolving_methods, test_evolving_fields, test_evolving_values):
        assert f"(../tests/{module.__name__.rpartition('.')[2]}.py)" in PAGE
