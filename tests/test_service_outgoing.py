from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

import pytest

import rpc
from rpc.service.convert import Reader, Writer
from rpc.service.outgoing import pack_call, pack_notification, placed
from rpc.wire.frames import NAMED, SENDS
from rpc.wire.payload import EncodeError, Payload, decode


class Shouting:
    """A converter that lowers text, and refuses what is empty."""

    def reader(self, annotation: Any) -> Reader:
        return lambda value: value

    def writer(self, annotation: Any) -> Writer | None:
        return _shout if annotation is str else None


def _shout(value: str) -> str:
    if not value:
        raise EncodeError("it is empty", ".inside")
    return value.upper()


loud = rpc.Service("loud", converter=Shouting())
calm = rpc.Service("calm")


@loud.method
def say(times: int, text: str, *more: str, sign: str = "", **others: str) -> None: ...


@calm.method
def tell(times: int, text: Any, *more: Any) -> None: ...


@calm.method
async def total(numbers: AsyncIterable[int], start: int = 0) -> int:
    return start


@loud.notification
def hear(text: str) -> None: ...


def packed(payload: Payload) -> Any:
    return decode(payload if isinstance(payload, bytes) else b"".join(payload))


@pytest.mark.parametrize(
    ("target", "args", "kwargs", "sent", "flags"),
    [
        ("calc.add", (1, 2), {}, [1, 2], 0),
        ("calc.add", (1,), {"b": 2}, [[1], {"b": 2}], NAMED),
        (tell, (1, "a"), {}, [1, "a"], 0),
        (say, (1, "a", "b"), {}, [1, "A", "B"], 0),
        (say, (1, "a"), {"sign": "b", "other": "c"}, [[1, "A"], {"sign": "B", "other": "C"}], NAMED),
    ],
)
def test_the_arguments_of_a_call(target: Any, args: Any, kwargs: Any, sent: Any, flags: int) -> None:
    payload, own_flags, items = pack_call(target, args, kwargs)
    assert (packed(payload), own_flags, items) == (sent, flags, None)


@pytest.mark.parametrize("target", [total, "calm.total"])
async def test_a_stream_is_left_out(target: Any) -> None:
    numbers = rpc.each([1])
    payload, flags, items = pack_call(target, (numbers,), {"start": 5})
    assert (packed(payload), flags) == ([[], {"start": 5}], NAMED | SENDS)
    assert items is numbers
    await numbers.aclose()


@pytest.mark.parametrize(("target", "sent"), [(hear, [["A"], {}]), ("loud.hear", [["a"], {}])])
def test_the_arguments_of_a_notification(target: Any, sent: Any) -> None:
    assert packed(pack_notification(target, ("a",), {})) == sent


@pytest.mark.parametrize(
    ("target", "args", "kwargs", "path"),
    [
        (say, (1, ""), {}, "text.inside"),
        (say, (1, "a", "b", ""), {}, "more[1].inside"),
        (say, (1, "a"), {"sign": ""}, "sign.inside"),
        (say, (1, "a"), {"other": ""}, "other.inside"),
        (say, ([object()], "a"), {}, "times[0]"),
        (tell, (1, {"a": object()}), {}, "text.a"),
        (tell, (1, 2, 3, object()), {}, "more[1]"),
        ("calm.tell", (1, [object()]), {}, "args[1][0]"),
        ("calm.tell", (1,), {"text": {1: object()}}, "text[1]"),
    ],
)
def test_an_argument_that_cannot_travel_is_named(target: Any, args: Any, kwargs: Any, path: str) -> None:
    name = target if isinstance(target, str) else target.name
    for pack in (pack_call, pack_notification):
        with pytest.raises(EncodeError) as caught:
            pack(target, args, kwargs)
        assert (caught.value.method, caught.value.path) == (name, path)
        assert str(caught.value).startswith(f"{name}: {path}: ")


def test_an_argument_that_no_parameter_takes_is_named_by_its_position() -> None:
    with pytest.raises(EncodeError) as caught:
        pack_notification(total, (1, 2, object()), {})
    assert caught.value.path == "args[2]"


def test_arguments_that_are_too_deep_only_together_are_not_named() -> None:
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    with pytest.raises(EncodeError) as caught:
        pack_call(tell, (1, deep), {})
    assert caught.value.path.startswith("[1][0]")
    assert caught.value.method == "calm.tell"


def test_a_path_begins_where_it_is_placed() -> None:
    error = placed(EncodeError("no", ".items[3]"), "result")
    assert (error.path, str(error)) == ("result.items[3]", "result.items[3]: no")
