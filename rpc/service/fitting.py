"""Whether the function of an implementation fits the one that its contract declares, and what differs."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from rpc.service.annotations import streamed
from rpc.service.spelling import spell_annotation as spell

__all__ = ["differing_parameters", "fits"]

_Kind = inspect.Parameter
_POSITIONAL = (_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)
_TAKEN_BY = {
    _Kind.POSITIONAL_ONLY: _POSITIONAL,
    _Kind.POSITIONAL_OR_KEYWORD: (_Kind.POSITIONAL_OR_KEYWORD,),
    _Kind.KEYWORD_ONLY: (_Kind.KEYWORD_ONLY, _Kind.POSITIONAL_OR_KEYWORD),
    _Kind.VAR_POSITIONAL: (_Kind.VAR_POSITIONAL,),
    _Kind.VAR_KEYWORD: (_Kind.VAR_KEYWORD,),
}
"""For each kind of parameter of a contract, those that take all that it takes."""

_NUMBERS: tuple[Any, ...] = (int, float, complex)
"""Each of them will do where a later one is asked for, as type checkers have it."""


def differing_parameters(declared: Sequence[_Kind], own: Sequence[_Kind], hints: Mapping[str, Any]) -> Iterator[str]:
    """What of an implementation's parameters does not fit those that a contract declares; nothing where all do.

    Args:
        declared: the contract's, with resolved annotations.
        own: the implementation's, without those that a call does not bring.
        hints: the implementation's annotations by their names.
    """
    by_name = {parameter.name: parameter for parameter in own}
    places = _names(own)
    used: list[str] = []
    for index, wanted in enumerate(declared):
        found = by_name.get(wanted.name)
        if wanted.kind is _Kind.POSITIONAL_ONLY:
            found = by_name[places[index]] if index < len(places) else None
        if found is None:
            yield f"parameter '{wanted.name}' is missing"
            continue
        used.append(found.name)
        yield from _differing(wanted, found, hints.get(found.name, Any))
    count = len(_names(declared))
    if set(used[:count]) <= set(places) and len(used) == len(declared) and used[:count] != places[:count]:
        yield f"its parameters come in another order: {', '.join(places)}, not {', '.join(_names(declared))}"
    for parameter in own:
        is_needed = parameter.default is _Kind.empty and parameter.kind not in (_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD)
        if is_needed and parameter.name not in used:
            yield f"parameter '{parameter.name}' is not in the contract: give it a default, or drop it"


def _names(parameters: Sequence[_Kind]) -> list[str]:
    return [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]


def _differing(wanted: _Kind, found: _Kind, hint: Any) -> Iterator[str]:
    what = f"parameter '{found.name}'"
    if found.kind not in _TAKEN_BY[wanted.kind]:
        yield f"{what} is {found.kind.description}, not {wanted.kind.description}"
    if wanted.default is not _Kind.empty and found.default is _Kind.empty:
        yield f"{what} has no default, the contract has {_shown(wanted.default)}"
    elif wanted.default not in (_Kind.empty, ...) and not _is_same(wanted.default, found.default):
        yield f"{what} is {found.default!r} by default, not {wanted.default!r}"
    stream, own_stream = streamed(wanted.annotation, what), streamed(hint, what)
    if (stream is None) != (own_stream is None) and hint is not Any:
        yield f"{what} is annotated {spell(hint)}, not {spell(wanted.annotation)}"
    elif stream is not None and hint is not Any:
        if not fits(stream, own_stream):
            yield f"{what} takes items of {spell(own_stream)}, not of {spell(stream)}"
    elif not fits(wanted.annotation, hint):
        yield f"{what} is annotated {spell(hint)}, not {spell(wanted.annotation)}"


def _shown(default: Any) -> str:
    return "one" if default is ... else repr(default)


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


def fits(given: Any, asked: Any) -> bool:
    """Whether what one annotation gives will do where the other one is asked for, as far as can be told of both."""
    given, asked = _bare(given), _bare(asked)
    if given == asked or Any in (given, asked) or asked is object:
        return True
    if isinstance(given, TypeVar) or isinstance(asked, TypeVar):
        return True  # who knows
    if _is_union(given):
        return all(fits(member, asked) for member in typing.get_args(given))
    if _is_union(asked):
        return any(fits(given, member) for member in typing.get_args(asked))
    if given in _NUMBERS and asked in _NUMBERS:
        return _NUMBERS.index(given) < _NUMBERS.index(asked)
    origin, asked_origin = typing.get_origin(given), typing.get_origin(asked)
    if origin is None and asked_origin is None:
        return isinstance(given, type) and isinstance(asked, type) and issubclass(given, asked)
    inner, asked_inner = typing.get_args(given), typing.get_args(asked)
    if (origin or given) is not (asked_origin or asked):
        return False
    return not inner or not asked_inner or (len(inner) == len(asked_inner) and all(map(fits, inner, asked_inner)))


def _bare(annotation: Any) -> Any:
    if typing.get_origin(annotation) is Annotated:
        return typing.get_args(annotation)[0]
    return type(None) if annotation is None else annotation


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)
