from __future__ import annotations

from typing import Any

import pytest

import rpc
from rpc.client.stub import Stub


class Caller:
    """What a stub calls through, and what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def call(self, target: str, /, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(("call", target, args, kwargs))
        return "the result"

    def stream(self, target: str, /, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(("stream", target, args, kwargs))
        return "a block"

    def enter(self, target: str, /, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(("enter", target, args, kwargs))
        return "another block"

    async def notify(self, target: str, /, *args: Any, **kwargs: Any) -> None:
        self.asked.append(("notify", target, args, kwargs))


async def test_an_attribute_is_a_method() -> None:
    caller = Caller()
    stub = Stub(caller, "calc")
    assert await stub.add(2, b=3) == "the result"
    assert await stub.call(self=1, target="x") == "the result"
    assert caller.asked == [("call", "calc.add", (2,), {"b": 3}), ("call", "calc.call", (), {"self": 1, "target": "x"})]


async def test_a_notification_is_sent_by_its_method() -> None:
    caller = Caller()
    await Stub(caller, "log.files").rotate.notify("a", keep=3)
    assert caller.asked == [("notify", "log.files.rotate", ("a",), {"keep": 3})]


def test_streams_and_contexts_are_opened_by_their_method() -> None:
    caller = Caller()
    stub: Any = Stub(caller, "calc")
    assert stub.count.stream(3, step=2) == "a block"
    assert stub.lease.enter("x") == "another block"
    assert caller.asked == [("stream", "calc.count", (3,), {"step": 2}), ("enter", "calc.lease", ("x",), {})]


@pytest.mark.parametrize("name", ["_private", "__len__", "__wrapped__", "_caller_"])
def test_what_begins_with_an_underscore_is_no_method(name: str) -> None:
    stub = Stub(Caller(), "calc")
    with pytest.raises(AttributeError, match="is no method of 'calc'"):
        getattr(stub, name)
    assert not hasattr(stub, name)


def test_what_a_stub_says_of_itself() -> None:
    stub: Any = Stub(Caller(), "calc")
    assert repr(stub) == "<stub of calc>"
    assert repr(stub.add) == "<stub of calc.add>"
    with pytest.raises(AttributeError):
        stub.name = "other"


async def test_a_stub_of_a_service() -> None:
    calc = rpc.Service("calc")
    noted = []

    @calc.method
    def add(a: int, b: int) -> int:
        return a + b

    @calc.notification
    def note(text: str) -> None:
        noted.append(text)

    async with rpc.testing.client(calc) as client:
        stub = client.stub("calc")
        assert isinstance(stub, rpc.Stub)
        assert await stub.add(2, b=3) == 5
        await stub.note.notify("well done")
        with pytest.raises(rpc.Unimplemented, match=r"there is no method calc\.subtract"):
            await stub.subtract(5, 3)
    assert noted == ["well done"]
