"""The suite itself: its numbers, its page, its reader, and the program that plays it."""

from __future__ import annotations

import collections
import re
from pathlib import Path

import pytest

from tests.conformance.__main__ import main
from tests.conformance.application import HASTY, LIMITS, Application
from tests.conformance.case import Do
from tests.conformance.cases import ACCEPTOR, CASES, CONNECTOR
from tests.conformance.cbor import UNDEFINED, Unsendable, array, mapping, read, tag, text, uint, wide

PAGE = (Path(__file__).parent.parent.parent / "docs" / "conformance.md").read_text()


def test_every_case_has_a_number_and_says_what_it_asks() -> None:
    numbers = [case.number for case in CASES]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"S\d{3}", case.number) for case in ACCEPTOR)
    assert all(re.fullmatch(r"C\d{3}", case.number) for case in CONNECTOR)
    assert all(case.asks.endswith(".") and case.steps for case in CASES)
    assert len({case.asks for case in ACCEPTOR}) == len(ACCEPTOR)
    assert len({case.asks for case in CONNECTOR}) == len(CONNECTOR)


def test_the_page_has_the_counts() -> None:
    told = re.findall(r"^\| (\d)\. .* \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    counts = collections.Counter((case.section, case.is_of_acceptor) for case in CASES)
    sections = sorted({case.section for case in CASES})
    assert told == [(str(section), str(counts[section, True]), str(counts[section, False])) for section in sections]


def test_the_page_has_the_lines_of_an_application() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert told - {"do"} == {name.removeprefix("do_") for name in vars(Application) if name.startswith("do_")}
    used = {step.what["what"] for case in CASES for step in case.steps if isinstance(step, Do)}
    assert used | {"serve", "connect", "close", "settle"} == told - {"do"}


def test_the_page_has_the_limits() -> None:
    for name in ("max_frame", "max_message", "max_calls", "window"):
        assert re.search(rf"\b{name} {getattr(LIMITS, name)}\b", PAGE)
    for name in HASTY:
        assert f"`{name}`" in PAGE


def test_the_reader_reads_what_a_sender_writes() -> None:
    item = array(uint(5), text("a"), mapping((uint(2**64 - 1), b"\xf9\x3e\x00")), b"\x20")
    assert read(item) == [5, "a", {2**64 - 1: 1.5}, -1]
    assert read(b"\x83\x41\x00\xf5\xf6") == [b"\x00", True, None]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        array(uint(1), uint(2))[:-1],
        uint(1) + uint(2),
        wide(0, 5, 1),
        wide(3, 1, 2) + b"a",
        wide(4, 0, 8),
        tag(1, uint(0)),
        UNDEFINED,
        b"\x9f\xff",
        b"\x1c",
        b"\xf8\x15",
        b"\x62\xc3\x28",
        mapping((uint(1), uint(1)), (uint(1), uint(1))),
    ],
    ids=bytes.hex,
)
def test_the_reader_refuses_what_no_sender_may_write(octets: bytes) -> None:
    with pytest.raises(Unsendable):
        read(octets)


def test_some_cases_are_played_by_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["S002", "C100"]) == 0
    assert capsys.readouterr().out == "2 cases in 3 deliveries, 0 failed\n"


def test_a_case_that_there_is_not_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["S999"])
    assert "there is no case S999" in capsys.readouterr().err
