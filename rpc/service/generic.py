"""Type variables of classes, and what stands in their places."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

__all__ = ["Bindings", "bindings", "substituted"]

Bindings: TypeAlias = dict[Any, dict[Any, Any]]
"""For classes: their type variables, and what stands in their places."""


def bindings(annotation: Any) -> Bindings:
    """What stands for the type variables of a class, or of an alias as ``Store[int]``, and of all its bases."""
    found: Bindings = {}

    def visit(annotation: Any, outer: Mapping[Any, Any]) -> None:
        cls: Any = typing.get_origin(annotation) or annotation
        if cls in (Generic, Protocol):
            return
        arguments = [substituted(argument, outer) for argument in typing.get_args(annotation)]
        own = dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))
        found.setdefault(cls, own)
        for base in _bases(cls):
            visit(base, own)

    visit(annotation, {})
    return found


def _bases(cls: Any) -> tuple[Any, ...]:
    """The bases of a class as its source has them, with what is bound by each."""
    bases: tuple[Any, ...] = cls.__dict__.get("__orig_bases__", cls.__bases__)
    return bases


def substituted(annotation: Any, bound: Mapping[Any, Any]) -> Any:
    """An annotation without type variables: what is not bound is what it may be at most."""
    if isinstance(annotation, TypeVar):
        return bound[annotation] if annotation in bound else _most(annotation)
    if typing.get_origin(annotation) is None or not annotation.__parameters__:
        return annotation
    return annotation[tuple(substituted(variable, bound) for variable in annotation.__parameters__)]


def _most(variable: TypeVar) -> Any:
    if variable.__constraints__:
        return typing.Union[variable.__constraints__]  # noqa: UP007 - the members are known at run time only
    return Any if variable.__bound__ is None else variable.__bound__
