from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar

import pytest

from rpc.service.fitting import differing_parameters, fits

T = TypeVar("T")


class Shape:
    pass


class Circle(Shape):
    pass


class Held(Generic[T]):
    one: T
    many: list[T]


HINTS = typing.get_type_hints(Held)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (int, int),
        (None, type(None)),
        (Any, int),
        (int, Any),
        (int, object),
        (list[int], object),
        (int, float),
        (int, complex),
        (bool, int),
        (Circle, Shape),
        (int, int | None),
        (int | None, Optional[int]),  # noqa: UP045
        (int | str, str | int),
        (None, int | None),
        (Circle | None, Shape | None),
        (list[int], list[int]),
        (list[int], list[Any]),
        (list, list[int]),
        (list[int], list),
        (typing.List[int], list[int]),  # noqa: UP006
        (list[Circle], list[Shape]),
        (dict[str, list[int]], dict[str, list[int]]),
        (Annotated[int, "unit"], int),
        (int, Annotated[int, "unit"]),
        (Literal["a", "b"], Literal["b", "a"]),
        (HINTS["one"], int),
        (list[int], HINTS["many"]),
    ],
)
def test_what_fits(given: Any, asked: Any) -> None:
    assert fits(given, asked)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (int, str),
        (float, int),
        (object, int),
        (Shape, Circle),
        (int | None, int),
        (int | str, int | None),
        (list[int], list[str]),
        (list[int], set[int]),
        (list[int], Sequence[int]),
        (list[int], int),
        (int, list[int]),
        (list, set[int]),
        (tuple[int, int], tuple[int]),
        (Literal["a"], Literal["b"]),
        (Literal["a"], str),
    ],
)
def test_what_does_not_fit(given: Any, asked: Any) -> None:
    assert not fits(given, asked)


def differences(declared: Callable[..., Any], own: Callable[..., Any]) -> list[str]:
    def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
        return list(inspect.signature(function, eval_str=True).parameters.values())

    return list(differing_parameters(parameters(declared), parameters(own), typing.get_type_hints(own)))


def declared(a: int, b: str = "", *, c: float = 0.0) -> None: ...
def unannotated(a, b="", *, c=0.0): ...  # type: ignore[no-untyped-def]
def wider(a: float, b: str | None = "", c: object = 0.0) -> None: ...
def longer(a: int, b: str = "", more: int = 1, *args: int, c: float = 0.0, d: int = 0, **kwargs: int) -> None: ...
def shorter(a: int) -> None: ...
def renamed(x: int, b: str = "", *, c: float = 0.0) -> None: ...
def swapped(b: str = "", a: int = 0, *, c: float = 0.0) -> None: ...
def between(a: int, more: int = 0, b: str = "", *, c: float = 0.0) -> None: ...
def demanding(a: int, b: str, more: int, *, c: float) -> None: ...
def other_default(a: int, b: str = "x", *, c: float = 0) -> None: ...
def named(*, a: int, b: str = "", c: float = 0.0) -> None: ...
def positional(a: int, b: str = "", /, *, c: float = 0.0) -> None: ...
def mistyped(a: str, b: str = "", *, c: int = 0) -> None: ...
def streaming(a: AsyncIterable[int], b: str = "", *, c: float = 0.0) -> None: ...


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (declared, []),
        (unannotated, []),
        (wider, []),
        (longer, []),
        (shorter, ["parameter 'b' is missing", "parameter 'c' is missing"]),
        (
            renamed,
            ["parameter 'a' is missing", "parameter 'x' is not in the contract: give it a default, or drop it"],
        ),
        (swapped, ["its parameters come in another order: b, a, not a, b"]),
        (between, ["its parameters come in another order: a, more, b, not a, b"]),
        (
            demanding,
            [
                "parameter 'b' has no default, the contract has ''",
                "parameter 'c' has no default, the contract has 0.0",
                "parameter 'more' is not in the contract: give it a default, or drop it",
            ],
        ),
        (other_default, ["parameter 'b' is 'x' by default, not ''", "parameter 'c' is 0 by default, not 0.0"]),
        (
            named,
            [
                "parameter 'a' is keyword-only, not positional or keyword",
                "parameter 'b' is keyword-only, not positional or keyword",
            ],
        ),
        (
            positional,
            [
                "parameter 'a' is positional-only, not positional or keyword",
                "parameter 'b' is positional-only, not positional or keyword",
            ],
        ),
        (
            mistyped,
            [
                "parameter 'a' is annotated str, not int",
                "parameter 'c' is 0 by default, not 0.0",
                "parameter 'c' is annotated int, not float",
            ],
        ),
        (streaming, ["parameter 'a' is annotated AsyncIterable[int], not int"]),
    ],
)
def test_parameters(own: Callable[..., Any], told: list[str]) -> None:
    assert differences(declared, own) == told


def by_position(a: int, b: str, /) -> None: ...
def some_default(a: int = ...) -> None: ...  # pyright: ignore
def rest(*values: int, **named: str) -> None: ...
def numbers(numbers: AsyncIterable[int]) -> None: ...


def test_names_by_position_are_nobody_s_business() -> None:
    def one(x: int, y: str) -> None: ...
    def short(x: int) -> None: ...
    def mistyped(x: int, y: int) -> None: ...

    assert differences(by_position, one) == []
    assert differences(by_position, short) == ["parameter 'b' is missing"]
    assert differences(by_position, mistyped) == ["parameter 'y' is annotated int, not str"]


def test_three_dots_are_any_default() -> None:
    def one(a: int = 3) -> None: ...
    def none(a: int) -> None: ...

    assert differences(some_default, one) == []
    assert differences(some_default, none) == ["parameter 'a' has no default, the contract has one"]


def test_parameters_that_take_any_number() -> None:
    def other(*values: int, **named: int) -> None: ...
    def less(*values: int) -> None: ...

    assert differences(rest, rest) == []
    assert differences(rest, other) == ["parameter 'named' is annotated int, not str"]
    assert differences(rest, less) == ["parameter 'named' is missing"]


def test_streams() -> None:
    def iterated(numbers: AsyncIterator[int]) -> None: ...
    def unknown(numbers) -> None: ...  # type: ignore[no-untyped-def]
    def texts(numbers: AsyncIterable[str]) -> None: ...
    def value(numbers: int) -> None: ...

    assert differences(numbers, iterated) == []
    assert differences(numbers, unknown) == []
    assert differences(numbers, texts) == ["parameter 'numbers' takes items of str, not of int"]
    assert differences(numbers, value) == ["parameter 'numbers' is annotated int, not AsyncIterable[int]"]
