from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import attrs
import pytest

from rpc.errors import Internal, InvalidArgument, Processed
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.convert import Misfit, Reader, Writer
from rpc.service.items import each
from rpc.service.signature import Signature
from rpc.wire.payload import encode
from tests.calculator import NOBODY

CONTEXT: Context[None] = Context(
    peer=Peer(address="memory:", transport="memory"), metadata={}, deadline=math.inf, state=None, client=NOBODY
)


@attrs.frozen
class Point:
    x: int
    y: int = 0


ITEMS = each([1, 2])


def add(a: int, b: int = 0) -> int:
    return a + b


def of(function: Callable[..., Any]) -> Signature:
    return Signature.of(function, name="calc.f")


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function with what a caller sends."""
    payload = encode([args, kwargs] if kwargs else args)
    bound_args, bound_kwargs = of(function).bind_payload(payload, bool(kwargs), CONTEXT, items=ITEMS)
    return function(*bound_args, **bound_kwargs)


def refusal(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InvalidArgument) as caught:
        call(function, *args, **kwargs)
    assert caught.value.processed is Processed.NOT_PROCESSED
    return caught.value.message


def every_kind(a: int, /, b: str, c: Point = Point(0), *rest: int, d: float, e: Any = None, **extra: bytes) -> Any:
    return a, b, c, rest, d, e, extra


def test_arguments_of_every_kind_are_bound_and_converted() -> None:
    assert call(every_kind, 1, "x", d=2) == (1, "x", Point(0), (), 2.0, None, {})
    assert call(every_kind, 1, b="x", d=2.0, e=[1]) == (1, "x", Point(0), (), 2.0, [1], {})
    assert call(every_kind, 1, "x", {"x": 5}, 7, 8, d=0, f=b"f", a=b"a") == (
        *(1, "x", Point(5), (7, 8), 0.0, None),
        {"f": b"f", "a": b"a"},
    )


def test_what_a_signature_tells() -> None:
    signature = of(every_kind)
    assert signature.name == "calc.f"
    assert [parameter.name for parameter in signature.parameters] == ["a", "b", "c", "rest", "d", "e", "extra"]
    assert [parameter.index for parameter in signature.parameters] == [0, 1, 2, None, None, None, None]
    assert [parameter.name for parameter in signature.parameters if parameter.required] == ["a", "b", "d"]
    assert [parameter.name for parameter in signature.parameters if parameter.by_name] == ["b", "c", "d", "e"]
    assert signature.parameters[2].default == Point(0)
    assert signature.parameters[2].annotation is Point
    assert signature.parameters[5].annotation is Any
    assert signature.returns is Any
    assert not signature.takes_context
    assert repr(signature) == "<Signature calc.f(a, b, c, rest, d, e, extra)>"


def test_unannotated_parameters_take_anything() -> None:
    def anything(a, b=None, *rest):  # type: ignore[no-untyped-def]
        return a, b, rest

    assert call(anything, {"k": [1]}, None, b"x") == ({"k": [1]}, None, (b"x",))


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (["x"], {}, "calc.f: argument 'a' expected int, got str 'x'"),
        ([1, True], {}, "calc.f: argument 'b' expected int, got bool True"),
        ([1], {"b": "x" * 1000}, f"calc.f: argument 'b' expected int, got str '{'x' * 29}...{'x' * 30}'"),
        ([], {}, "calc.f: argument 'a' is missing"),
        ([], {"b": 1}, "calc.f: argument 'a' is missing"),
        ([1, 2, 3], {}, "calc.f takes 2 arguments by position, got 3"),
        ([1, 2], {"a": 1}, "calc.f: argument 'a' came by position and by name"),
        ([1], {"c": 1}, "calc.f has no argument 'c'"),
        ([1], {"bb": 1}, "calc.f has no argument 'bb'; did you mean 'b'?"),
        ([1], {"c\n" + "x" * 999: 1}, "calc.f has no argument " + r"'c\n" + "x" * 26 + "..." + "x" * 30 + "'"),
    ],
)
def test_arguments_that_do_not_fit_are_named(args: list[Any], kwargs: dict[str, Any], message: str) -> None:
    assert refusal(add, *args, **kwargs) == message


def test_the_place_inside_an_argument_is_named() -> None:
    def total(points: list[Point], *, scale: dict[str, Point] | None = None) -> int:
        return 0

    assert refusal(total, [{"x": 1}, {"y": 1}]) == "calc.f: argument 'points' at [1] lacks the field 'x' of Point"
    assert refusal(total, [], scale={"a": {"x": None}}) == (
        "calc.f: argument 'scale' at ['a'].x expected int, got None"
    )


def test_arguments_of_rest_and_extra_are_named() -> None:
    assert refusal(every_kind, 1, "x", {"x": 1}, 2, "y", d=1) == "calc.f: argument 'rest' expected int, got str 'y'"
    assert refusal(every_kind, 1, "x", d=1, f=2) == "calc.f: argument 'extra' expected bytes, got int 2"
    assert refusal(every_kind, 1, "x") == "calc.f: argument 'd' is missing"
    assert refusal(every_kind, b="x", d=1, a=b"a") == "calc.f: argument 'a' is missing"


def one(a: int) -> int:
    return a


@pytest.mark.parametrize(
    ("payload", "named", "message"),
    [
        (encode(5), False, "calc.f: the arguments are not an array"),
        (encode({}), False, "calc.f: the arguments are not an array"),
        (encode(None), False, "calc.f: the arguments are not an array"),
        (encode([1, {}]), False, "calc.f takes 1 argument by position, got 2"),
        (encode([1]), True, "calc.f: the arguments are not an array of an array and of a map from names"),
        (encode([[1], {}, 3]), True, "calc.f: the arguments are not an array of an array and of a map from names"),
        (encode([[1], [2]]), True, "calc.f: the arguments are not an array of an array and of a map from names"),
        (encode([{}, {}]), True, "calc.f: the arguments are not an array of an array and of a map from names"),
        (encode([[1], {5: 2}]), True, "calc.f: the arguments are not an array of an array and of a map from names"),
        (b"", False, "calc.f: the arguments cannot be decoded: "),
        (b"\x81", False, "calc.f: the arguments cannot be decoded: "),
        (encode([1]) + b"\x00", False, "calc.f: the arguments cannot be decoded: "),
    ],
)
def test_a_payload_of_another_shape_is_refused(payload: bytes, named: bool, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        of(one).bind_payload(payload, named, None)
    assert caught.value.message.startswith(message)
    assert caught.value.processed is Processed.NOT_PROCESSED


def test_payloads_are_bound_as_they_come() -> None:
    signature = of(add)
    assert signature.bind_payload(encode([1, 2]), False, None) == ([1, 2], {})
    assert signature.bind_payload(memoryview(encode([1])), False, None) == ([1], {})
    assert signature.bind_payload(encode([[], {"b": 1, "a": 2}]), True, None) == ([], {"b": 1, "a": 2})
    assert signature.bind_payload(encode([[1, 2], {}]), True, None) == ([1, 2], {})


def test_the_number_of_items_is_bounded() -> None:
    def total(values: list[int]) -> int:
        return sum(values)

    payload = encode([[0] * 70_000])
    with pytest.raises(InvalidArgument, match="cannot be decoded"):
        of(total).bind_payload(payload, False, None)
    (values,), _ = of(total).bind_payload(payload, False, None, 100_000)
    assert len(values) == 70_000


def first(context: Context[None], a: int, b: int = 0) -> Any:
    return context, a, b


def middle(a: int, context: Context[None], b: int = 0) -> Any:
    return context, a, b


def last(a: int, b: int = 0, *, context: Context[None]) -> Any:
    return context, a, b


def optional(a: int, b: int = 0, context: Context[Any] | None = None, *rest: int) -> Any:
    return context, a, b


def only_first(context: Context, /, a: int, b: int = 0) -> Any:
    return context, a, b


@pytest.mark.parametrize("function", [first, middle, last, optional, only_first])
def test_the_context_is_given_and_is_not_on_the_wire(function: Callable[..., Any]) -> None:
    assert of(function).takes_context
    assert [parameter.name for parameter in of(function).parameters][:2] == ["a", "b"]
    assert call(function, 1, 2) == (CONTEXT, 1, 2)
    assert call(function, 1) == (CONTEXT, 1, 0)
    assert call(function, 1, b=2) == (CONTEXT, 1, 2)
    assert call(function, b=2, a=1) == (CONTEXT, 1, 2)
    assert refusal(function, 1, context=5) == "calc.f has no argument 'context'"


def test_the_context_cannot_be_named_among_extra_arguments() -> None:
    def loose(context: Context[None], **extra: Any) -> Any:
        return context, extra

    assert call(loose, a=1) == (CONTEXT, {"a": 1})
    assert refusal(loose, context=1) == "calc.f has no argument 'context'"


def stream_first(items: AsyncIterable[int], a: int, b: int = 0) -> Any:
    return items, a, b


def stream_in_the_middle(a: int, items: AsyncIterator[Point], b: int = 0) -> Any:
    return items, a, b


def stream_last(a: int, b: int = 0, *, items: AsyncIterable[Any]) -> Any:
    return items, a, b


def stream_by_position(items: AsyncIterable[int], /, a: int, b: int = 0) -> Any:
    return items, a, b


def stream_before_more(a: int, items: AsyncIterable[int], b: int = 0, *rest: int, **extra: int) -> Any:
    return items, a, b


def stream_and_context(items: AsyncIterable[int], context: Context[None], a: int, b: int = 0) -> Any:
    assert context is CONTEXT
    return items, a, b


def context_and_stream(context: Context[None], /, a: int, items: AsyncIterable[int], b: int = 0) -> Any:
    assert context is CONTEXT
    return items, a, b


STREAMING = [
    stream_first,
    stream_in_the_middle,
    stream_last,
    stream_by_position,
    stream_before_more,
    stream_and_context,
    context_and_stream,
]


@pytest.mark.parametrize("function", STREAMING)
def test_the_stream_is_given_and_is_not_on_the_wire(function: Callable[..., Any]) -> None:
    signature = of(function)
    assert signature.takes_items
    assert signature.stream is not None
    assert signature.stream.name == "items"
    assert [parameter.name for parameter in signature.parameters][:2] == ["a", "b"]
    assert call(function, 1, 2) == (ITEMS, 1, 2)
    assert call(function, 1) == (ITEMS, 1, 0)
    assert call(function, 1, b=2) == (ITEMS, 1, 2)
    assert call(function, b=2, a=1) == (ITEMS, 1, 2)
    assert refusal(function, 1, items=5) == "calc.f has no argument 'items'"
    assert refusal(function, "x") == "calc.f: argument 'a' expected int, got str 'x'"


def test_the_items_of_a_stream_are_told() -> None:
    signature = of(stream_in_the_middle)
    (middle,) = signature.given
    assert signature.stream is middle
    assert middle.items is not None
    assert (middle.items.annotation, middle.index, middle.place) == (Point, 1, 1)
    context, stream = of(context_and_stream).given
    assert context.items is None
    assert (stream.index, stream.place) == (1, 2)
    assert (of(add).stream, of(add).takes_items, of(add).given, of(add).yields) == (None, False, (), None)


def test_items_in_are_converted() -> None:
    signature = of(stream_in_the_middle)
    assert signature.convert_item_in({"x": 1}, 0) == Point(1)
    with pytest.raises(InvalidArgument) as caught:
        signature.convert_item_in({"x": "1"}, 17)
    assert caught.value.message == "calc.f: item 17 of argument 'items' at .x expected int, got str '1'"
    assert caught.value.processed is Processed.UNKNOWN

    plain = of(stream_first)
    assert plain.convert_item_in(5, 0) == 5
    with pytest.raises(InvalidArgument, match="item 3 of argument 'items' expected int, got bool True"):
        plain.convert_item_in(True, 3)


@pytest.mark.parametrize("value", [None, 5, {"x": []}, b"x"])
def test_items_of_anything_are_left_as_they_are(value: Any) -> None:
    assert of(stream_last).convert_item_in(value, 0) is value
    assert of(unannotated_items).convert_item_out(value, 0) is value


async def countdown(start: int) -> AsyncIterator[int]:
    yield start


def points(start: int) -> Iterator[Point]:
    yield Point(start)


async def unannotated_items(start):  # type: ignore[no-untyped-def]
    yield start


@contextlib.asynccontextmanager
async def lease(name: str) -> AsyncGenerator[Point, None]:
    yield Point(1)


@pytest.mark.parametrize(
    ("function", "items"), [(countdown, int), (points, Point), (unannotated_items, Any), (lease, Point)]
)
def test_what_a_generator_yields(function: Callable[..., Any], items: Any) -> None:
    signature = of(function)
    assert signature.yields is not None
    assert signature.yields.annotation is items
    assert signature.returns is type(None)
    assert signature.convert_result(None) is None


def test_items_out_are_converted() -> None:
    assert of(countdown).convert_item_out(5, 0) == 5
    assert of(points).convert_item_out({"x": 1}, 0) == Point(1)
    for function, message in ((points, "calc.f: item 17 at .x expected"), (lease, "calc.f: the value at .x expected")):
        with pytest.raises(Internal) as caught:
            of(function).convert_item_out({"x": "1"}, 17)
        assert caught.value.message == f"{message} int, got str '1'"
        assert caught.value.processed is Processed.DO_NOT_RETRY
    with pytest.raises(Internal, match="item 0 expected int, got None"):
        of(countdown).convert_item_out(None, 0)


def twice(context: Context[None], again: Context[None]) -> None: ...
def after(a: int, context: Context[None], /) -> None: ...
def many(*contexts: Context[None]) -> None: ...
def broken(a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore


def stream(a: int) -> AsyncGenerator[int, None]:
    raise NotImplementedError


def awaitable(a: Awaitable[int]) -> None: ...
def two_streams(a: AsyncIterable[int], b: AsyncIterator[int]) -> None: ...
def late_stream(a: int, items: AsyncIterable[int], /) -> None: ...
def default_stream(items: AsyncIterable[int] = ITEMS) -> None: ...
def many_streams(**items: AsyncIterable[int]) -> None: ...
def perhaps_a_stream(items: AsyncIterable[int] | None) -> None: ...
def unfit_items(items: AsyncIterable[complex]) -> None: ...


async def unfit_yield() -> AsyncIterator[complex]:
    yield 1j


async def wrongly_annotated() -> Iterator[int]:  # type: ignore[misc]
    yield 1  # pyright: ignore


def unfit(a: int, b: list[complex]) -> None: ...
def unfit_result(a: int) -> bytes | str: ...  # type: ignore[empty-body]  # pyright: ignore


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (twice, "calc.f: parameters 'context' and 'again' both ask for the context"),
        (after, "calc.f: parameter 'context' asks for the context: make it the first one"),
        (many, "calc.f: parameter 'contexts' asks for the context: make it the first one"),
        (broken, "calc.f: its signature cannot be read: name 'Missing' is not defined; define, or import, what"),
        (stream, "calc.f: the result is a stream: write an async def with yield in it"),
        (two_streams, "calc.f: parameters 'a' and 'b' both ask for the stream"),
        (late_stream, "calc.f: parameter 'items' asks for the stream: make it the first one"),
        (default_stream, "calc.f: parameter 'items' asks for the stream: drop its default, there always is one"),
        (many_streams, "calc.f: parameter 'items' asks for the stream: make it the first one"),
        (perhaps_a_stream, "calc.f: parameter 'items' is a stream: annotate it with AsyncIterable[...], and with"),
        (unfit_items, "calc.f: parameter 'items': objects of class complex cannot travel"),
        (unfit_yield, "calc.f: the result: objects of class complex cannot travel"),
        (wrongly_annotated, "calc.f: the result is an async generator: annotate it with AsyncIterator[...]"),
        (awaitable, "calc.f: parameter 'a' is to be awaited: make the handler an async def, annotated with what it"),
        (unfit, "calc.f: parameter 'b': objects of class complex cannot travel; use an attrs class"),
        (unfit_result, "calc.f: the result: Type unions may not contain"),
        (type, "calc.f: its signature cannot be read"),
    ],
)
def test_what_cannot_be_served_is_refused_beforehand(function: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        of(function)
    assert str(caught.value).startswith(message)


def test_a_result_is_fitted_to_the_return_annotation() -> None:
    def nearest(a: int) -> Point | None: ...

    signature = of(nearest)
    assert signature.convert_result({"x": 1, "y": 2}) == Point(1, 2)
    assert signature.convert_result(None) is None
    with pytest.raises(Internal) as caught:
        signature.convert_result({"x": "1"})
    assert caught.value.message == "calc.f: the result at .x expected int, got str '1'"
    assert caught.value.processed is Processed.DO_NOT_RETRY
    assert of(add).convert_result(5) == 5
    with pytest.raises(Internal, match="the result expected int, got None"):
        of(add).convert_result(None)


def test_a_stream_by_name_is_bound_by_name() -> None:
    signature = of(stream_in_the_middle)
    assert signature.bind([], {"a": 1}, None, ITEMS) == ([], {"a": 1, "items": ITEMS})
    assert signature.bind([1], None, None, ITEMS) == ([1, ITEMS], {})
    assert signature.bind_payload(encode([1, 2]), False, None, items=ITEMS) == ([1, ITEMS, 2], {})
    assert signature.bind_payload(encode([[1], {"b": 2}]), True, None, items=ITEMS) == ([1, ITEMS], {"b": 2})


class Doubling:
    """A converter of another kind."""

    def reader(self, annotation: Any) -> Reader:
        def read(value: Any) -> Any:
            if value == "odd":
                raise Misfit("", "is odd") from ValueError("the reason")
            return [annotation, value]

        return read

    def writer(self, annotation: Any) -> Writer | None:
        return None if annotation is int else lambda value: [annotation, value]


def test_another_converter_may_be_used() -> None:
    def loose(a: Point, b: int) -> Any: ...

    signature = Signature.of(loose, name="calc.f", converter=Doubling())
    assert signature.bind([1, 2], None, None) == ([[Point, 1], [int, 2]], {})
    with pytest.raises(InvalidArgument, match="argument 'a' is odd") as caught:
        signature.bind(["odd", 2], {}, None)
    assert isinstance(caught.value.__cause__, ValueError)
