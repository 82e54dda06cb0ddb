"""Each case of the suite in each delivery, against a server and a client of this package in another process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance import frames
from tests.conformance.case import LEAVES, Case, case, ended, may_be_told
from tests.conformance.cases import CASES
from tests.conformance.cbor import uint
from tests.conformance.frames import HELLO
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


EITHER = may_be_told("client", "connected"), may_be_told("client", "refused")


def cut_short(role: str, octets: bytes) -> Iterator[Case]:
    """The same bytes, ended by the peer behind each of them: an end, and no error."""
    for end in range(len(octets)):
        yield case(f"{role}{end}", 1, f"The stream may end behind byte {end}.", octets[:end], LEAVES, ended(), *EITHER)


CUT = [
    *cut_short("S", HELLO + frames.call(1, "echo", frames.args(uint(5)))),
    *cut_short("C", HELLO + frames.call(2, "echo", frames.args(uint(5)))),
]


def test_the_stream_may_end_behind_any_byte(under_test: UnderTest) -> None:
    for cut in CUT:
        play(cut, "whole", under_test)
