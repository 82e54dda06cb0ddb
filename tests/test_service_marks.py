from __future__ import annotations

from typing import Any

import pytest

import rpc
from rpc.service.marks import Marks, marks_of


def test_a_mark_leaves_the_function_as_it_is() -> None:
    def add(a: int) -> int:
        return a

    assert rpc.method(add) is add
    assert rpc.method(idempotent=True)(add) is add
    assert rpc.notification(add) is add
    assert rpc.notification(concurrent=True)(add) is add
    assert add(2) == 2


def test_what_a_mark_says() -> None:
    @rpc.method(raises=[LookupError], idempotent=True, thread=True, allow=bool, name="other")
    def method() -> None: ...

    @rpc.notification(thread=True, concurrent=True, allow=bool, name="another")
    def notification() -> None: ...

    @rpc.method
    def plain() -> None: ...

    @rpc.notification
    def plain_notification() -> None: ...

    assert marks_of(method) == Marks(raises=(LookupError,), idempotent=True, thread=True, allow=bool, name="other")
    assert marks_of(notification) == Marks(
        kind="notification", thread=True, concurrent=True, allow=bool, name="another"
    )
    assert marks_of(plain) == Marks()
    assert marks_of(plain_notification) == Marks(kind="notification")
    assert marks_of(test_what_a_mark_says) == Marks()


@pytest.mark.parametrize("mark", [rpc.method, rpc.method(thread=True), rpc.notification])
def test_what_cannot_be_marked(mark: Any) -> None:
    with pytest.raises(TypeError, match=r"^3 is no function that can be marked: let the mark stand on a def$"):
        mark(3)
