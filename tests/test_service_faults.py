from __future__ import annotations

from typing import Any, ClassVar

import attrs
import pytest

from rpc.errors import (
    ERROR_CLASSES,
    Code,
    Error,
    Internal,
    NotFound,
    OutOfRange,
    Processed,
    ProtocolError,
    RemoteError,
    Unavailable,
)
from rpc.service.faults import from_error, to_error
from rpc.service.handle import Method

SECRET = "password=hunter2"


@attrs.define
class InsufficientFunds(Exception):
    code: ClassVar[Code] = Code.FAILED_PRECONDITION
    needed: int


class Overdrawn(InsufficientFunds):
    pass


class NoSuchAccount(NotFound):
    pass


class Other(Exception):
    code = 404


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Nothing(Exception):
    args: Any = property(lambda self: 1 / 0)


def nothing() -> None: ...


HANDLE = Method(
    nothing, name="org.bank.withdraw", raises=[InsufficientFunds, NoSuchAccount, Other, OutOfRange, LookupError]
)


def told(exception: BaseException, *, debug: bool = False) -> Error:
    return to_error(exception, handle=HANDLE, debug=debug)


@pytest.mark.parametrize("cls", ERROR_CLASSES.values())
def test_a_status_travels_as_it_is(cls: type[Error]) -> None:
    error = told(cls("not today", retry_after=1.5, details={"a": 1}, processed=Processed.DO_NOT_RETRY))
    assert type(error) is cls
    assert (error.message, error.retry_after, error.details) == ("not today", 1.5, {"a": 1})
    assert error.processed is Processed.DO_NOT_RETRY
    assert error.type is None
    assert error.remote_traceback is None


@pytest.mark.parametrize("promised", [Processed.UNKNOWN, Processed.NOT_PROCESSED])
def test_a_handler_cannot_promise_that_it_did_not_run(promised: Processed) -> None:
    assert told(Unavailable("later", processed=promised)).processed is Processed.UNKNOWN


def test_a_status_without_a_class_of_its_own() -> None:
    assert type(told(ProtocolError("broken"))) is Internal
    assert type(told(Error("hm"))) is RemoteError

    class Odd(Error):
        code = 99  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    assert type(told(Odd("hm"))) is RemoteError


def test_a_class_of_the_handlers_own_is_its_status_to_the_caller() -> None:
    error = to_error(NoSuchAccount("ann"), handle=None, debug=False)
    assert type(error) is NotFound
    assert (error.message, error.type) == ("ann", None)


def test_an_error_that_was_received_makes_no_promise() -> None:
    received = NotFound(SECRET, processed=Processed.DO_NOT_RETRY, details=SECRET)
    received.was_received = True
    error = told(received)
    assert type(error) is RemoteError
    assert (error.type, error.processed, error.details) == ("NotFound", Processed.UNKNOWN, None)
    assert SECRET not in error.message


@pytest.mark.parametrize("exception", [KeyError(SECRET), RuntimeError(SECRET), SystemExit(SECRET), Nothing(SECRET)])
def test_an_undeclared_exception_tells_its_class_only(exception: BaseException) -> None:
    error = to_error(exception, handle=None, debug=False)
    name = type(exception).__name__
    assert type(error) is RemoteError
    assert error.message == f"the handler raised {name}; its message stays on the server"
    assert (error.type, error.details, error.remote_traceback) == (name, None, None)
    assert error.processed is Processed.UNKNOWN


def test_debug_tells_the_message_and_the_traceback() -> None:
    try:
        raise RuntimeError("x" * 5000)
    except RuntimeError as exception:
        error = told(exception, debug=True)
    assert error.type == "RuntimeError"
    assert len(error.message) == 1024
    assert error.remote_traceback is not None
    assert error.remote_traceback.endswith("x" * 100 + "\n")
    assert len(error.remote_traceback) <= 8192
    short = told(KeyError("k"), debug=True)
    assert short.message == "'k'"
    assert short.remote_traceback == "KeyError: 'k'\n"
    assert told(NotFound("k"), debug=True).remote_traceback == "rpc.errors.NotFound: k\n"


def test_a_class_name_of_an_undeclared_exception_has_no_dot() -> None:
    cls = type("org.bank.InsufficientFunds", (Exception,), {})
    assert told(cls()).type == "org_bank_InsufficientFunds"


def test_a_declared_exception_travels_as_itself() -> None:
    error = told(InsufficientFunds(5))
    assert error.code is Code.FAILED_PRECONDITION
    assert (error.type, error.details) == ("org.bank.InsufficientFunds", {"needed": 5})
    assert error.processed is Processed.UNKNOWN
    assert told(Other(1, "x")).code is Code.UNKNOWN
    assert told(Other(1, "x")).details == [1, "x"]


def test_the_nearest_declared_class_is_told() -> None:
    error = told(Overdrawn(5))
    assert (error.type, error.details) == ("org.bank.InsufficientFunds", {"needed": 5})
    assert told(KeyError("k")).type == "org.bank.LookupError"


def test_a_declared_status_of_its_own() -> None:
    error = told(NoSuchAccount("ann", processed=Processed.DO_NOT_RETRY))
    assert type(error) is NotFound
    assert (error.type, error.details, error.message) == ("org.bank.NoSuchAccount", ["ann"], "ann")
    assert error.processed is Processed.DO_NOT_RETRY


def test_declaring_a_status_changes_nothing() -> None:
    error = told(OutOfRange("end", details=[1]))
    assert (error.code, error.type, error.details) == (Code.OUT_OF_RANGE, None, [1])
    assert from_error(error, HANDLE.raises, "org.bank") is error


def test_details_that_cannot_travel_are_left_out() -> None:
    assert told(NotFound("k", details=object())).details is None
    assert told(Other(object())).details is None
    handle = Method(nothing, name="bank.pay", raises=[Nothing])
    assert to_error(Nothing(), handle=handle, debug=False).details is None


def test_an_exception_that_cannot_be_printed_still_travels() -> None:
    handle = Method(nothing, name="bank.pay", raises=[Unprintable])
    error = to_error(Unprintable(), handle=handle, debug=True)
    assert (error.type, error.message) == ("bank.Unprintable", "")


def test_a_group_of_one_is_that_one() -> None:
    group = BaseExceptionGroup("", [ExceptionGroup("", [InsufficientFunds(5)])])
    assert told(group).type == "org.bank.InsufficientFunds"
    several = ExceptionGroup(SECRET, [InsufficientFunds(5), KeyError("k")])
    assert told(several).type == "ExceptionGroup"
    assert SECRET not in told(several).message


def test_a_declared_exception_comes_back() -> None:
    error = told(InsufficientFunds(5))
    exception = from_error(error, HANDLE.raises, "org.bank")
    assert isinstance(exception, InsufficientFunds)
    assert (exception.needed, exception.args) == (5, (5,))
    assert exception.__cause__ is error


def test_a_status_that_comes_back_is_one_that_was_received() -> None:
    exception = from_error(told(NoSuchAccount("ann")), HANDLE.raises, "org.bank")
    assert type(exception) is NoSuchAccount
    assert exception.message == "ann"
    assert to_error(exception, handle=None, debug=False).type == "NoSuchAccount"
    declared_again = told(NoSuchAccount("ann", processed=Processed.DO_NOT_RETRY))
    received = from_error(declared_again, HANDLE.raises, "org.bank")
    assert told(received).processed is Processed.UNKNOWN


@pytest.mark.parametrize(
    ("type_", "details", "service"),
    [
        (None, {"needed": 5}, "org.bank"),
        ("InsufficientFunds", {"needed": 5}, "org.bank"),
        ("bank.InsufficientFunds", {"needed": 5}, "org.bank"),
        ("org.bank.InsufficientFunds", {"needed": 5}, "bank"),
        ("org.bank.InsufficientFunds", {"needed": "5"}, "org.bank"),
        ("org.bank.InsufficientFunds", None, "org.bank"),
        ("org.bank.KeyError", ["k"], "org.bank"),
        ("org.bank.OutOfRange", ["k"], "org.bank"),
    ],
)
def test_any_other_error_is_raised_as_it_is(type_: str | None, details: Any, service: str) -> None:
    error = RemoteError("message", type=type_, details=details)
    assert from_error(error, HANDLE.raises, service) is error
