"""Arguments are bound as Python binds them, whatever a function's parameters are."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import InvalidArgument
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.items import each
from rpc.service.signature import Signature
from tests.calculator import NOBODY

CONTEXT: Context[None] = Context(
    peer=Peer(address="memory:", transport="memory"), metadata={}, deadline=math.inf, state=None, client=NOBODY
)
ITEMS = each([1, 2])


def of(function: Callable[..., Any]) -> Signature:
    return Signature.of(function, name="calc.f")


@st.composite
def functions(draw: st.DrawFn) -> Callable[..., Any]:
    """Functions of every shape, with integer parameters."""
    kinds = [
        (inspect.Parameter.POSITIONAL_ONLY, draw(st.integers(0, 2))),
        (inspect.Parameter.POSITIONAL_OR_KEYWORD, draw(st.integers(0, 2))),
        (inspect.Parameter.VAR_POSITIONAL, draw(st.integers(0, 1))),
        (inspect.Parameter.KEYWORD_ONLY, draw(st.integers(0, 2))),
        (inspect.Parameter.VAR_KEYWORD, draw(st.integers(0, 1))),
    ]
    names = iter("abcdefgh")
    parameters: list[inspect.Parameter] = []
    optional = False
    for kind, count in kinds:
        for _ in range(count):
            variadic = kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            keyword = kind is inspect.Parameter.KEYWORD_ONLY
            optional = draw(st.booleans()) or (optional and not keyword)
            default = 0 if optional and not variadic else inspect.Parameter.empty
            parameters.append(inspect.Parameter(next(names), kind, default=default, annotation=int))

    def function(*args: int, **kwargs: int) -> None: ...

    vars(function)["__signature__"] = inspect.Signature(parameters)
    function.__annotations__ = {parameter.name: int for parameter in parameters}
    return function


def called(signature: inspect.Signature, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What Python itself binds; `inspect.Signature.bind` is wrong about some positional-only parameters."""
    namespace: dict[str, Any] = {}
    exec(f"def function{signature}: return locals()", namespace)
    bound: dict[str, Any] = namespace["function"](*args, **kwargs)
    return bound


KWARGS = st.dictionaries(st.sampled_from("abcdefghi"), st.integers())


@given(functions(), st.lists(st.integers(), max_size=5), KWARGS)
def test_arguments_are_bound_just_where_python_binds_them(
    function: Callable[..., Any], args: list[int], kwargs: dict[str, int]
) -> None:
    try:
        called(inspect.signature(function), args, kwargs)
    except TypeError:
        with pytest.raises(InvalidArgument):
            of(function).bind(list(args), kwargs, None)
    else:
        assert of(function).bind(list(args), kwargs, None) == (args, kwargs)


GIVEN = {"context": Context[None], "items": AsyncIterable[int]}


@st.composite
def functions_that_are_given(draw: st.DrawFn) -> tuple[inspect.Signature, Callable[..., Any]]:
    """A signature, and a function that has it but for a context and a stream among its parameters."""
    signature = inspect.signature(draw(functions()))
    parameters = list(signature.parameters.values())
    for name in draw(st.permutations(list(GIVEN))):
        places: list[tuple[int, Any]] = [(0, inspect.Parameter.POSITIONAL_ONLY)]
        required = True
        for index, parameter in enumerate(parameters):
            required = required and parameter.default is parameter.empty
            if required and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                places += [(index, parameter.kind), (index + 1, parameter.kind)]
            if parameter.kind is parameter.KEYWORD_ONLY:
                places += [(index, parameter.kind), (index + 1, parameter.kind)]
        index, kind = draw(st.sampled_from(places))
        parameters.insert(index, inspect.Parameter(name, kind))

    async def function(*args: int, **kwargs: int) -> None: ...

    vars(function)["__signature__"] = inspect.Signature(parameters)
    function.__annotations__ = {parameter.name: GIVEN.get(parameter.name, int) for parameter in parameters}
    return signature, function


@given(functions_that_are_given(), st.lists(st.integers(), max_size=5), KWARGS)
def test_the_context_and_the_stream_are_given_wherever_they_stand(
    drawn: tuple[inspect.Signature, Callable[..., Any]], args: list[int], kwargs: dict[str, int]
) -> None:
    wire, function = drawn
    try:
        expected = called(wire, args, kwargs)
    except TypeError:
        with pytest.raises(InvalidArgument):
            of(function).bind(list(args), kwargs, CONTEXT, ITEMS)
    else:
        bound_args, bound_kwargs = of(function).bind(list(args), kwargs, CONTEXT, ITEMS)
        bound = called(inspect.signature(function), bound_args, bound_kwargs)
        assert bound == {**expected, "context": CONTEXT, "items": ITEMS}
