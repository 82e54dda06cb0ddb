from __future__ import annotations

import dataclasses
import enum
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from rpc.errors import NotFound
from rpc.service.declared import check_declared, declared, pack, rebuild
from rpc.wire.payload import decode, encode


class Reason(enum.Enum):
    LIMIT = "limit"
    EMPTY = "empty"


class Simple(Exception):
    pass


class Picky(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"code {code + 0}")
        self.code = code


@attrs.define
class InsufficientFunds(Exception):
    needed: int
    at: datetime
    _reason: Reason = attrs.field(default=Reason.EMPTY, alias="reason")
    text: str = attrs.field(init=False, default="")


@dataclasses.dataclass
class Conflict(Exception):
    keys: tuple[str, ...]
    attempts: int = dataclasses.field(init=False, default=0)


@attrs.define
class Unfit(Exception):
    where: complex


@attrs.define
class Unknown(Exception):
    where: Nowhere  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]


def travel(exception: Exception) -> Any:
    cls = type(exception)
    return rebuild(cls, decode(encode(pack(exception, cls))))


@pytest.mark.parametrize("exception", [Simple(), Simple("text", 5, None), KeyError("k")])
def test_an_exception_travels_by_its_arguments(exception: Exception) -> None:
    assert pack(exception, type(exception)) == list(exception.args)
    rebuilt = travel(exception)
    assert type(rebuilt) is type(exception)
    assert rebuilt.args == exception.args


def test_an_attrs_exception_travels_by_its_fields() -> None:
    exception = InsufficientFunds(5, datetime(2026, 1, 2, tzinfo=UTC), reason=Reason.LIMIT)
    exception.text = "kept here"
    assert pack(exception, InsufficientFunds).keys() == {"needed", "at", "_reason"}  # type: ignore[union-attr]
    rebuilt = travel(exception)
    assert type(rebuilt) is InsufficientFunds
    assert rebuilt.args == (5, datetime(2026, 1, 2, tzinfo=UTC), Reason.LIMIT)
    assert (rebuilt.needed, rebuilt.text) == (5, "")


def test_a_dataclass_exception_travels_by_its_fields() -> None:
    exception = Conflict(("a", "b"))
    assert pack(exception, Conflict) == {"keys": ("a", "b")}
    assert travel(exception) == exception


def test_fields_of_a_newer_or_older_class_do_no_harm() -> None:
    newer = {"keys": ["a"], "attempts": 9, "owner": "ann"}
    assert rebuild(Conflict, newer) == Conflict(("a",))
    older = {"needed": 5, "at": datetime(2026, 1, 2, tzinfo=UTC)}
    rebuilt = rebuild(InsufficientFunds, older)
    assert rebuilt is not None
    assert rebuilt.args == (5, datetime(2026, 1, 2, tzinfo=UTC), Reason.EMPTY)


@pytest.mark.parametrize(
    ("cls", "details"),
    [
        (Simple, None),
        (Simple, {"args": ["x"]}),
        (Simple, "text"),
        (Picky, ["code five"]),
        (Picky, []),
        (Conflict, ["a"]),
        (Conflict, {"keys": "a"}),
        (Conflict, {}),
        (Conflict, {5: 5}),
        (InsufficientFunds, {"needed": True, "at": datetime(2026, 1, 2, tzinfo=UTC)}),
    ],
)
def test_details_that_do_not_fit_make_no_exception(cls: type[Exception], details: Any) -> None:
    assert rebuild(cls, details) is None


def test_what_can_be_declared() -> None:
    check_declared([Simple, Picky, InsufficientFunds, Conflict, KeyError, NotFound], "bank.withdraw")


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (int, "bank.withdraw: raises=<class 'int'> is no exception class"),
        (Simple("x"), "is no exception class"),
        (KeyboardInterrupt, "is no exception class"),
        (Exception, "raises=Exception would let everything travel"),
        (Unfit, "raises=Unfit: objects of class complex cannot travel"),
        (Unknown, "raises=Unknown: name 'Nowhere' is not defined"),
    ],
)
def test_what_cannot(cls: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        check_declared([Simple, cls], "bank.withdraw")


@pytest.mark.parametrize(("raises", "shown"), [(ValueError, "ValueError"), (None, "None"), ("KeyError", "'KeyError'")])
def test_what_is_no_list_of_classes(raises: Any, shown: str) -> None:
    with pytest.raises(TypeError) as caught:
        declared(raises, "bank.withdraw")
    text = f"bank.withdraw: raises= takes a list of exception classes, not {shown}: write raises=[...]"
    assert str(caught.value) == text


def test_two_classes_of_one_name_cannot_be_told_apart() -> None:
    other = type("Simple", (Exception,), {})
    with pytest.raises(ValueError, match="raises= has two classes named Simple"):
        check_declared([Simple, other], "bank.withdraw")
