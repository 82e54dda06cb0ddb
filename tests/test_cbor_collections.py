"""Public collections of CBOR: what the profile takes of each, and by which rule it refuses the rest."""

from __future__ import annotations

import gc
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from rpc.wire import payload
from rpc.wire.profile import ProfileError, decode_envelope
from tests.cbor_vectors import APPENDIX_A, REFUSED_OF_APPENDIX_A
from tests.vector_files import octets

CBOR = Path(__file__).parent / "vectors" / "cbor"
PROTOCOL = Path(__file__).parent.parent / "docs" / "protocol.md"

SECONDS = 0.05
"""Of the processor, for any refusal."""

RULES = {
    "shape": "byte \\d+: (the data ends too early|bytes follow)",
    "lengths": "byte \\d+: an indefinite length",
    "depth": "byte \\d+: more than 64 levels",
    "heads": "byte \\d+: a reserved head",
    "text": "text that is not UTF-8",
    "simple values": "byte \\d+: simple value \\d+",
    "map keys": "byte \\d+: a map key",
    "tags": "byte \\d+: tag \\d+ is not allowed here",
    "tag 0": "tag 0 holds no",
    "tag 1": "tag 1 holds no",
}
"""What the error says, by the rule that was broken."""


def content(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CBOR / file).read_text())
    return found


def collection(name: str) -> list[dict[str, Any]]:
    """The vectors of a collection of the CBOR working group; some of them are 500 levels deep."""
    tests: list[dict[str, Any]] = cbor2.loads((CBOR / f"{name}.cbor").read_bytes(), max_depth=2000)["tests"]
    return tests


def refused(name: str) -> dict[bytes, str]:
    """The rule that each vector breaks, by its bytes."""
    return {octets(text): rule for rule, texts in content("refused.json")[name].items() for text in texts}


@pytest.fixture(autouse=True)
def no_garbage() -> Iterator[None]:
    """What is timed is a refusal, and not the garbage of the tests before."""
    gc.disable()
    yield
    gc.enable()


def refusal(decode: Callable[[bytes], object], encoded: bytes) -> ProfileError | None:
    """Why an item is refused; None where it is taken."""
    began = time.process_time()
    try:
        decode(encoded)
    except ProfileError as error:
        assert time.process_time() - began < SECONDS
        return error
    return None


def judged(vectors: list[bytes]) -> dict[bytes, str]:
    """The rule that is broken, of each item that is refused as a payload; no envelope takes that either."""
    errors = {encoded: error for encoded in vectors if (error := refusal(payload.decode, encoded)) is not None}
    assert all(refusal(decode_envelope, encoded) for encoded in errors)
    return {encoded: rule_of(error) for encoded, error in errors.items()}


def rule_of(error: ProfileError) -> str:
    [rule] = [rule for rule, text in RULES.items() if re.match(text, str(error))]
    return rule


# --- The collections of the working group ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count", "taken"), [("good", 88, 83), ("bad", 47, 0), ("spike", 1165, 1155)])
def test_what_is_refused_breaks_a_rule(name: str, count: int, taken: int) -> None:
    vectors = [vector["encoded"] for vector in collection(name)]
    rules = judged(vectors)
    assert rules == refused(name)
    assert (len(vectors), len(vectors) - len(rules)) == (count, taken)


@pytest.mark.parametrize("name", ["good", "spike"])
def test_what_is_taken_is_what_it_should_be(name: str) -> None:
    refusals = refused(name)
    for vector in collection(name):
        if vector["encoded"] not in refusals:
            assert repr(payload.decode(vector["encoded"])) == repr(vector["decoded"]), vector["description"]


# --- The RFC's own -----------------------------------------------------------------------------------------------

NOT_A_NUMBER = ("f97e00", "fa7fc00000", "fb7ff8000000000000")


def test_appendix_a() -> None:
    """Its 82 vectors, of which the first edition had f818, that the second calls malformed; values stand elsewhere."""
    texts = [*(text for text, _ in APPENDIX_A), *REFUSED_OF_APPENDIX_A, "f818", *NOT_A_NUMBER]
    rules = judged([bytes.fromhex(text) for text in texts])
    assert rules == refused("appendix A")
    assert (len(texts), len(texts) - len(rules)) == (82, 64)
    assert all(math.isnan(payload.decode(bytes.fromhex(text))) for text in NOT_A_NUMBER)


def test_whatever_is_cut_off_of_appendix_a_is_refused() -> None:
    whole = [bytes.fromhex(text) for text, _ in APPENDIX_A]
    whole += [octets(text) for texts in content("refused.json")["appendix A"].values() for text in texts]
    whole += [bytes.fromhex(text) for text in NOT_A_NUMBER]
    cut = [encoded[:end] for encoded in whole for end in range(1, len(encoded))]
    assert len(cut) == 427
    assert judged(cut).keys() == set(cut)


def test_appendix_f() -> None:
    groups = content("not_well_formed.json")["groups"]
    expected = {octets(text): group["rule"] for group in groups for text in group["hex"]}
    assert judged(list(expected)) == expected
    assert len(expected) == 94


# --- The rules ---------------------------------------------------------------------------------------------------


def test_every_rule_is_one_of_the_protocol() -> None:
    profile = PROTOCOL.read_text().partition("\n## 8. CBOR profile\n")[2].partition("\n## ")[0]
    rules = set(re.findall(r"^\| ([a-z ]+) \|", profile, re.MULTILINE))
    tags = {f"tag {tag}" for row in re.findall(r"^\| (\d[\d, ]*) \|", profile, re.MULTILINE) for tag in row.split(", ")}
    assert RULES.keys() - {"tags"} <= rules | tags
    assert "What is not listed as allowed is refused." in profile
    named = {rule for name in ("good", "bad", "spike", "appendix A") for rule in refused(name).values()}
    assert named == RULES.keys()
