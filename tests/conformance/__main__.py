"""Play the suite by itself: ``python -m tests.conformance [--application COMMAND] [NUMBER ...]``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from tests.conformance.case import Case
from tests.conformance.cases import CASES
from tests.conformance.cbor import Unsendable
from tests.conformance.peer import DELIVERIES
from tests.conformance.player import play
from tests.conformance.under_test import OURS, UnderTest, started

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play cases, and print those that fail; gives how many did."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="docs/conformance.md says more.")
    parser.add_argument("--application", type=shlex.split, default=OURS, help="the program to test, with its arguments")
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="such as S001; all where none is named")
    options = parser.parse_args(arguments)
    unknown = set(options.numbers) - {case.number for case in CASES}
    if unknown:
        parser.error(f"there is no case {', '.join(sorted(unknown))}")
    cases = [case for case in CASES if not options.numbers or case.number in options.numbers]
    with started(options.application) as under_test:
        failures = [case for case in cases if not _passes(case, under_test)]
    print(f"{len(cases)} cases in {len(DELIVERIES)} deliveries, {len(failures)} failed")
    return len(failures)


def _passes(case: Case, under_test: UnderTest) -> bool:
    """Play a case in each delivery; what goes wrong first is printed."""
    for delivery in DELIVERIES:
        try:
            play(case, delivery, under_test)
        except (AssertionError, TimeoutError, Unsendable) as failure:
            print(f"{case.number} {delivery}: {failure}", *getattr(failure, "__notes__", ()), sep="\n", end="\n\n")
            return False
    return True


if __name__ == "__main__":
    sys.exit(min(main(), 1))
