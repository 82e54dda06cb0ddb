from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from rpc.wire.unfit import EncodeError, describe, is_narrow, way_out


@pytest.mark.parametrize(
    ("path", "method", "text"),
    [
        ("", "", "the value: no"),
        (".a[0]", "", "a[0]: no"),
        ("order.items[3]", "shop.pay", "shop.pay: order.items[3]: no"),
        ("", "shop.pay", "shop.pay: the value: no"),
    ],
)
def test_an_error_says_where(path: str, method: str, text: str) -> None:
    error = EncodeError("no", path, method)
    assert (error.reason, error.path, error.method, str(error)) == ("no", path, method, text)
    assert isinstance(error, TypeError)


@pytest.mark.parametrize(
    ("value", "answer"), [(0, True), (2**64 - 1, True), (2**64, False), (-(2**64), True), (-(2**64) - 1, False)]
)
def test_integers_without_a_tag(value: int, answer: bool) -> None:
    assert is_narrow(value) is answer


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (5, "5"),
        (2**64, "object of class int"),
        ("ö\n", "'\\xf6\\n'"),
        (b"\x00", "b'\\x00'"),
        (1.5, "1.5"),
        ("x" * 100, "'" + "x" * 60 + "..."),
        (1j, "object of class complex"),
        ([1], "object of class list"),
    ],
)
def test_a_value_is_described(value: Any, text: str) -> None:
    assert describe(value) == text


class Future:
    def __await__(self) -> Generator[None]:
        yield


class Array:
    def tolist(self) -> list[int]:
        return []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Array(), "send value.tolist()"),
        (iter([1]), "send list(value)"),
        (Future(), "is an await missing?"),
        (object(), "use rpc.register_type"),
    ],
)
def test_there_is_a_way_out(value: Any, text: str) -> None:
    assert text in way_out(value)
