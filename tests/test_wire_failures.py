from __future__ import annotations

import math
from typing import Any

import cbor2
import pytest

from rpc.errors import ERROR_CLASSES, Code, Error, NotFound, Processed, ProtocolError, RemoteError, Unavailable
from rpc.limits import MAX_ERROR, MAX_ID
from rpc.wire import failures, frames
from rpc.wire.failures import CAUSES, CODE, DETAILS, MESSAGE, PROCESSED, RETRY_AFTER, TRACEBACK, TYPE

GOOD: dict[Any, Any] = {CODE: 5, MESSAGE: "no such key"}


def encoded(error: Error) -> dict[int, Any]:
    """The map that travels; the frame around it is never larger than an ERROR may be."""
    failure = failures.encode(error)
    assert len(frames.error(MAX_ID, failure)) <= 4 + MAX_ERROR
    fields: dict[int, Any] = cbor2.loads(failure)
    return fields


def travelled(error: Error) -> Error:
    return failures.decode(encoded(error))


def same(left: Error, right: Error) -> bool:
    """Whether two errors are of one class and tell the same; an error has no equality of its own."""
    mine, other = vars(left), vars(right)
    return (
        type(left) is type(right)
        and mine | {"causes": ()} == other | {"causes": ()}
        and len(left.causes) == len(right.causes)
        and all(map(same, left.causes, right.causes))
    )


# --- There and back ------------------------------------------------------------------------------------------------


def test_the_keys_have_the_numbers_of_the_protocol() -> None:
    keys = (CODE, MESSAGE, PROCESSED, RETRY_AFTER, TYPE, DETAILS, TRACEBACK, CAUSES)
    assert keys == tuple(range(8))


def test_an_error_that_says_little_is_small() -> None:
    assert encoded(NotFound("no such key")) == GOOD
    assert encoded(RemoteError()) == {CODE: 2, MESSAGE: ""}


def test_short_errors_that_differ_in_one_thing_are_told_apart() -> None:
    for message in ("a", "b", "a" * 200, "a" * 201):
        for processed in Processed:
            for kind in (NotFound, Unavailable):
                error = kind(message, processed=processed)
                for _ in range(2):
                    assert same(travelled(error), error)
    assert same(travelled(NotFound("a", details=0)), NotFound("a", details=0))
    assert same(travelled(NotFound("a", retry_after=0.0)), NotFound("a", retry_after=0.0))
    assert same(travelled(NotFound("a")), NotFound("a"))


def test_all_that_an_error_says_has_its_key() -> None:
    error = RemoteError(
        "boom",
        processed=2,
        retry_after=0.25,
        type="KeyError",
        details={"key": 1},
        remote_traceback="Traceback ...",
        causes=[NotFound("no such key")],
    )
    assert encoded(error) == {
        CODE: 2,
        MESSAGE: "boom",
        PROCESSED: 2,
        RETRY_AFTER: 250,
        TYPE: "KeyError",
        DETAILS: b"\xa1\x63key\x01",
        TRACEBACK: "Traceback ...",
        CAUSES: [GOOD],
    }


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("processed", Processed)
def test_an_error_arrives_as_it_was(code: Code, processed: Processed) -> None:
    error = ERROR_CLASSES[code](
        "boom",
        processed=processed,
        retry_after=1.5,
        type="service.Name",
        details=[1, "two", b"three", None],
        remote_traceback="Traceback ...",
        causes=[Unavailable("disk", causes=[NotFound("file", processed=1)]), RemoteError()],
    )
    assert same(travelled(error), error)
    assert same(travelled(ERROR_CLASSES[code]("boom")), ERROR_CLASSES[code]("boom"))


def test_a_broken_protocol_is_internal() -> None:
    assert encoded(ProtocolError("a frame of 0 bytes")) == {CODE: 13, MESSAGE: "a frame of 0 bytes"}


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [
        (0, 0),
        (0.0004, 0),
        (0.0016, 2),
        (1.5, 1500),
        (-1, 0),
        (-math.inf, 0),
        (math.nan, 0),
        (math.inf, 10**18),
        (1e300, 10**18),
    ],
)
def test_retry_after_travels_in_whole_milliseconds(seconds: float, milliseconds: int) -> None:
    assert encoded(Unavailable("busy", retry_after=seconds))[RETRY_AFTER] == milliseconds
    assert travelled(Unavailable("busy", retry_after=seconds)).retry_after == milliseconds / 1000


# --- Making it fit -------------------------------------------------------------------------------------------------

SOME, MUCH = 5_000, 9_000


@pytest.mark.parametrize(
    ("details", "traceback", "cause", "left"),
    [
        (SOME, SOME, SOME, {DETAILS, TRACEBACK, CAUSES}),
        (MUCH, MUCH, 0, {DETAILS, CAUSES}),
        (SOME, SOME, MUCH, {DETAILS, CAUSES}),
        (MUCH, SOME, MUCH, {DETAILS}),
        (MUCH, MUCH, MUCH, {DETAILS}),
        (20_000, SOME, SOME, set[int]()),
    ],
)
def test_a_large_error_loses_its_traceback_first_then_causes_then_details(
    details: int, traceback: int, cause: int, left: set[int]
) -> None:
    error = Unavailable(
        "disk", details=bytes(details), remote_traceback="x" * traceback, causes=[NotFound("x" * cause)], type="a.B"
    )
    fields = encoded(error)
    assert {CODE, MESSAGE, TYPE} | left == set(fields)


@pytest.mark.parametrize("letter", ["x", "é", "€", "\N{SNAKE}"])
@pytest.mark.parametrize("name", [None, "service.Name", "n" * 20_000, "é" * 20_000])
def test_at_last_the_message_is_cut_at_a_character(letter: str, name: str | None) -> None:
    error = travelled(RemoteError(letter * 20_000, type=name, details=bytes(20_000)))
    assert set(error.message) == {letter}
    assert len(error.message.encode()) > MAX_ERROR - 300
    assert error.details is None
    if name is None:
        assert error.type is None
    else:
        assert error.type is not None
        assert name.startswith(error.type)
        assert error.type == name or 254 <= len(error.type.encode()) <= 255


def test_a_long_type_alone_is_cut_too() -> None:
    error = travelled(RemoteError("boom", type="n" * 20_000))
    assert (error.message, error.type) == ("boom", "n" * 255)


def test_the_largest_that_fits_is_whole() -> None:
    room = MAX_ERROR - 16 - (len(failures.encode(NotFound("x" * 16_000))) - 16_000)
    assert encoded(NotFound("x" * room))[MESSAGE] == "x" * room
    assert len(encoded(NotFound("x" * (room + 1)))[MESSAGE]) <= room


def test_details_that_cannot_travel_are_left_out() -> None:
    assert encoded(NotFound("no such key", details=object())) == GOOD


def test_text_that_utf_8_cannot_hold_does_not_lose_the_error() -> None:
    error = travelled(RemoteError("file \udcff", type="\ud800", remote_traceback="in \udcff"))
    assert (error.message, error.type, error.remote_traceback) == ("file ?", "?", "in ?")


def test_eight_levels_of_causes_are_told() -> None:
    error = NotFound("cause 20")
    for level in reversed(range(20)):
        error = NotFound(f"cause {level}", causes=[error])
    told = travelled(error)
    messages: list[str] = []
    while told.causes:
        (told,) = told.causes
        messages.append(told.message)
    assert messages == [f"cause {level}" for level in range(1, 9)]


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = NotFound("again")
    error.causes = (error,)
    assert len(failures.encode(error)) < 200


# --- What arrives --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 17, 99, 2**64 - 1])
def test_an_unknown_code_is_read_as_unknown(code: int) -> None:
    error = failures.decode({CODE: code, MESSAGE: "boom"})
    assert type(error) is RemoteError
    assert error.message == "boom"


@pytest.mark.parametrize("processed", [3, 2**64 - 1])
def test_an_unknown_promise_promises_nothing(processed: int) -> None:
    assert failures.decode(GOOD | {PROCESSED: processed}).processed is Processed.UNKNOWN


def test_unknown_keys_are_ignored() -> None:
    assert same(failures.decode(GOOD | {8: "new", 2**64 - 1: []}), NotFound("no such key"))


@pytest.mark.parametrize("details", [b"", b"\x82\x01", b"\x01\x01", b"\xff", b"\xc6\x01"], ids=bytes.hex)
def test_details_that_break_the_profile_are_dropped(details: bytes) -> None:
    assert same(failures.decode(GOOD | {DETAILS: details}), NotFound("no such key"))


def test_causes_below_the_eighth_level_are_not_looked_at() -> None:
    fields: dict[int, Any] = {MESSAGE: "no code"}
    for _ in range(9):
        fields = GOOD | {CAUSES: [fields]}
    error = failures.decode(fields)
    for _ in range(8):
        (error,) = error.causes
    assert error.causes == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({CODE: None}, "a code and a message"),
        ({CODE: -1}, "a code and a message"),
        ({CODE: True}, "a code and a message"),
        ({CODE: 5.0}, "a code and a message"),
        ({CODE: "5"}, "a code and a message"),
        ({MESSAGE: None}, "a code and a message"),
        ({MESSAGE: b"bytes"}, "a code and a message"),
        ({MESSAGE: 1}, "a code and a message"),
        ({"0": 1}, "the keys of an error are unsigned integers"),
        ({-1: 1}, "the keys of an error are unsigned integers"),
        ({b"0": 1}, "the keys of an error are unsigned integers"),
        ({PROCESSED: -1}, "of the wrong type"),
        ({PROCESSED: True}, "of the wrong type"),
        ({PROCESSED: None}, "of the wrong type"),
        ({RETRY_AFTER: -1}, "of the wrong type"),
        ({RETRY_AFTER: 1.5}, "of the wrong type"),
        ({RETRY_AFTER: None}, "of the wrong type"),
        ({TYPE: b"bytes"}, "of the wrong type"),
        ({TYPE: None}, "of the wrong type"),
        ({DETAILS: "text"}, "of the wrong type"),
        ({DETAILS: None}, "of the wrong type"),
        ({DETAILS: {}}, "of the wrong type"),
        ({TRACEBACK: b"bytes"}, "of the wrong type"),
        ({TRACEBACK: None}, "of the wrong type"),
        ({CAUSES: {}}, "of the wrong type"),
        ({CAUSES: None}, "of the wrong type"),
        ({CAUSES: [None]}, "the causes of an error are errors"),
        ({CAUSES: [GOOD, "text"]}, "the causes of an error are errors"),
        ({CAUSES: [{MESSAGE: "no code"}]}, "a code and a message"),
        ({CAUSES: [GOOD | {CAUSES: [GOOD | {TYPE: 1}]}]}, "of the wrong type"),
    ],
    ids=str,
)
def test_what_is_no_error_is_refused(change: dict[Any, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        failures.decode(GOOD | change)


@pytest.mark.parametrize("fields", [{}, {CODE: 5}, {MESSAGE: "no code"}], ids=str)
def test_an_error_has_a_code_and_a_message(fields: dict[int, Any]) -> None:
    with pytest.raises(ValueError, match="a code and a message"):
        failures.decode(fields)
