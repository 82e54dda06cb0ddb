from __future__ import annotations

import pickle

import pytest

from rpc import errors
from rpc.errors import ERROR_CLASSES, Code, Error, Processed, ProtocolError, Reason

GRPC = {
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}


def test_the_codes_are_those_of_grpc() -> None:
    assert {code.value: code.name for code in Code} == GRPC


@pytest.mark.parametrize("code", Code)
def test_each_status_has_one_class_named_after_it(code: Code) -> None:
    error_class = ERROR_CLASSES[code]
    assert error_class.code is code
    camel_case = "".join(word.capitalize() for word in code.name.split("_"))
    assert error_class.__name__ == ("RemoteError" if code is Code.UNKNOWN else camel_case)
    assert issubclass(error_class, Error)
    assert getattr(errors, error_class.__name__) is error_class
    assert error_class.__doc__


def test_the_words_beside_the_codes_have_the_numbers_of_the_protocol() -> None:
    assert [(word.name, word.value) for word in Processed] == [
        ("UNKNOWN", 0),
        ("NOT_PROCESSED", 1),
        ("DO_NOT_RETRY", 2),
    ]
    assert [reason.name for reason in sorted(Reason)] == [
        "NONE",
        "PROTOCOL",
        "INTERNAL",
        "CREDIT",
        "SIZE",
        "VERSION",
        "CREDENTIAL",
        "TOO_MANY",
        "TOO_SLOW",
    ]
    assert sorted(Reason) == list(range(9))


def test_a_reason_that_is_not_known_is_none() -> None:
    assert [Reason.of(number) for number in (0, 7, 9, 2**40)] == [
        Reason.NONE,
        Reason.TOO_MANY,
        Reason.NONE,
        Reason.NONE,
    ]


def test_an_error_begins_with_nothing_but_its_message() -> None:
    error = errors.NotFound("no such key")
    assert error.message == str(error) == "no such key"
    assert error.args == ("no such key",)
    assert error.processed is Processed.UNKNOWN
    assert (error.retry_after, error.details, error.type, error.remote_traceback) == (None, None, None, None)
    assert error.causes == ()
    assert str(errors.Aborted()) == ""


def test_an_error_holds_what_it_was_given() -> None:
    cause = errors.Unavailable("disk")
    error = errors.RemoteError(
        "boom",
        processed=1,
        retry_after=0.5,
        details={"key": 1},
        type="KeyError",
        remote_traceback="Traceback ...",
        causes=[cause],
    )
    assert error.processed is Processed.NOT_PROCESSED
    assert error.retry_after == 0.5
    assert error.details == {"key": 1}
    assert error.remote_traceback == "Traceback ..."
    assert error.causes == (cause,)


def test_the_class_of_what_was_raised_shows_in_the_text() -> None:
    assert str(errors.RemoteError("boom", type="KeyError")) == "KeyError: boom"


def test_processed_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="3 is not a valid Processed"):
        errors.Unavailable("gone", processed=3)


def test_a_protocol_error_tells_the_reason_of_its_goaway() -> None:
    error = ProtocolError("a frame of 0 bytes", reason=Reason.SIZE)
    assert error.reason is Reason.SIZE
    assert error.code is Code.INTERNAL
    assert str(error) == "a frame of 0 bytes"
    assert ProtocolError().reason is Reason.PROTOCOL
    assert ERROR_CLASSES[Code.INTERNAL] is errors.Internal


def test_all_names_are_there() -> None:
    classes = {
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert classes | {"ERROR_CLASSES"} == set(errors.__all__)


def test_an_error_survives_pickling_as_it_would_between_worker_processes() -> None:
    error = pickle.loads(pickle.dumps(errors.NotFound("no such key", processed=2, details=[1])))
    assert type(error) is errors.NotFound
    assert (error.message, error.processed, error.details) == ("no such key", Processed.DO_NOT_RETRY, [1])
