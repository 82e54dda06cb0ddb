"""Unions for cattrs: a member with fields travels with the name of its class, and any is found by what fits."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs
import cattrs

from rpc.service.cattrs_misfits import Hook, base_of, misfit, title, unlike
from rpc.service.convert import Misfit, show
from rpc.wire.shapes import is_map
from rpc.wire.unfit import EncodeError, describe

__all__ = ["TAG", "has_fields", "union_hook", "union_writer"]

TAG = "_type"
"""The key beside the fields of a member of a union: the name of its class."""

_Members: TypeAlias = Sequence[tuple[Any, Hook]]


def has_fields(annotation: Any) -> bool:
    """Whether it is an attrs class or a dataclass, generic or not."""
    cls = base_of(annotation)
    return isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls))


def union_hook(annotation: Any, hooks: cattrs.Converter) -> Hook:
    """The hook that reads one member or another."""
    members: _Members = [(member, hooks.get_structure_hook(member)) for member in typing.get_args(annotation)]
    tagged = {title(member): (member, read) for member, read in members if title(member) in _tags(annotation)}

    def hook(value: Any, _: Any) -> Any:
        if tagged and is_map(value) and TAG in value:
            name = value[TAG]
            if not isinstance(name, str) or name not in tagged:
                raise Misfit(f".{TAG}", f"expected one of {', '.join(map(repr, tagged))}, got {show(name)}")
            member, read = tagged[name]
            return read({key: item for key, item in value.items() if key != TAG}, member)
        return _only_fit(value, annotation, members)

    return hook


def _only_fit(value: Any, annotation: Any, members: _Members) -> Any:
    """The value as the one member that it fits; those of its very class go first."""
    alike = [pair for pair in members if type(value) is base_of(pair[0])]
    fits: list[tuple[Any, Any]] = []
    problems: list[Misfit] = []
    for member, read in [*alike, *(pair for pair in members if pair not in alike)]:
        try:
            fits.append((member, read(value, member)))
        except Exception as error:
            problems.append(misfit(error, value, member))
        if fits and not has_fields(member):
            break
    if not fits:
        deepest = max(problems, key=lambda problem: len(problem.path))
        raise deepest if deepest.path else unlike(value, annotation)
    if len(fits) > 1:
        raise Misfit("", f"fits {' and '.join(title(member) for member, _ in fits)}: say which with '{TAG}'")
    return fits[0][1]


def union_writer(annotation: Any, hooks: cattrs.Converter) -> Callable[[Any], Any]:
    """The hook that writes one member or another."""
    tags = _tags(annotation)
    members = [(base_of(member), member) for member in typing.get_args(annotation)]

    def hook(value: Any) -> Any:
        exact = [pair for pair in members if type(value) is pair[0]]
        fitting = exact or [pair for pair in members if not isinstance(pair[0], type) or isinstance(value, pair[0])]
        problem: Exception | None = None
        for _, member in fitting:
            try:
                # Asked for only now: a class may hold itself by way of a union, and cattrs would not go round.
                lowered = hooks.get_unstructure_hook(member)(value)
            except Exception as error:
                problem = error
            else:
                return {TAG: title(member), **lowered} if title(member) in tags else lowered
        if problem is not None and len(fitting) == 1:
            raise problem
        raise EncodeError(f"{describe(value)} is no {title(annotation)}") from problem

    return hook


def _tags(annotation: Any) -> set[str]:
    """The names of the members with fields, where there are several.

    Raises:
        TypeError: two have the same name.
    """
    names = [title(member) for member in typing.get_args(annotation) if has_fields(member)]
    if len(set(names)) < len(names):
        raise TypeError(f"a union has two classes of one name, by which they are told apart: {title(annotation)}")
    return set(names) if len(names) > 1 else set()
