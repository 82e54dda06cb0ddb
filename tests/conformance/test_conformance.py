"""Each case of the suite in each delivery, against a server and a client of this package in another process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.case import Case
from tests.conformance.cases import CASES
from tests.conformance.peer import DELIVERIES
from tests.conformance.player import play
from tests.conformance.under_test import UnderTest, started


@pytest.fixture(scope="module")
def under_test() -> Iterator[UnderTest]:
    with started() as program:
        yield program
        assert "a failure inside" not in program.log()


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.number) for case in CASES])
def test_case(case: Case, delivery: str, under_test: UnderTest) -> None:
    play(case, delivery, under_test)
