from __future__ import annotations

from typing import Any, Generic, TypeVar

import pytest

from rpc.service.convert import Misfit
from rpc.service.registry import Registration, enter, registration

T = TypeVar("T")


class Seal(Generic[T]):
    pass


def read(value: Any) -> Any:
    if value is None:
        raise Misfit(".inside", "expected something")
    return value


def make(value: Any) -> Seal[Any]:
    if isinstance(value, Exception):
        raise value
    return Seal()


SEAL = Registration(cls=Seal, wire=Any, read=read, from_=make)


def test_a_class_is_found_and_so_are_its_aliases() -> None:
    assert registration(Seal) is None
    enter(SEAL)
    assert registration(Seal) is registration(Seal[int]) is SEAL
    assert registration(list[int]) is None
    with pytest.raises(ValueError, match="Seal is registered already"):
        enter(SEAL)


def test_a_value_is_made() -> None:
    assert isinstance(SEAL.make(5), Seal)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "at .inside expected something"),
        (ValueError("too\nold"), "was refused by Seal: too\\nold"),
        (TypeError("x" * 1000), "was refused by Seal: " + "x" * 253 + "..."),
        (KeyError("secret"), "was refused by Seal with KeyError"),
    ],
)
def test_what_is_refused(value: Any, text: str) -> None:
    with pytest.raises(Misfit) as caught:
        SEAL.make(value)
    assert str(caught.value) == text
