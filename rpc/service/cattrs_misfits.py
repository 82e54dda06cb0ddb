"""What does not fit, as cattrs finds it: the first problem, its place, and what was expected there."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, NewType, TypeAlias

import cattrs

from rpc.service.convert import Misfit, brief, cut, show
from rpc.wire.shapes import is_map

__all__ = ["Hook", "base_of", "inside", "is_union", "misfit", "title", "unlike"]

Hook: TypeAlias = Callable[[Any, Any], Any]
"""Makes the value of an annotation, its second argument, of a decoded one."""

_MOST_TEXT = 256


def base_of(annotation: Any) -> Any:
    """The class, or special form, behind an annotation."""
    while True:
        if isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif typing.get_origin(annotation) is typing.Annotated:
            annotation = annotation.__origin__
        else:
            return typing.get_origin(annotation) or annotation


def is_union(annotation: Any) -> bool:
    """Whether it has members."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def title(annotation: Any) -> str:
    """An annotation for an error message."""
    if is_union(annotation):
        return " | ".join(map(title, typing.get_args(annotation)))
    if annotation is type(None):
        return "None"
    base = base_of(annotation)
    return str(getattr(base, "__name__", base))


def inside(key: Any, value: Any, read: Hook, annotation: Any) -> Any:
    """Read what is at an index or key of a container.

    Raises:
        Misfit: it does not fit.
    """
    try:
        return read(value, annotation)
    except Exception as error:
        found = misfit(error, value, annotation)
        raise Misfit(f"[{brief(key)}]{found.path}", found.text) from error


def unlike(value: Any, annotation: Any) -> Misfit:
    """What to raise for a value that is something else altogether."""
    return Misfit("", f"expected {title(annotation)}, got {show(value)}")


def misfit(error: Exception, value: Any, annotation: Any) -> Misfit:
    """What to tell of a failed conversion. Hooks, validators and constructors may raise anything."""
    if isinstance(error, Misfit):
        return error
    if not isinstance(error, (cattrs.ClassValidationError, cattrs.IterableValidationError)):
        return _refusal(error, annotation)
    noted, others = error.group_exceptions()
    if not noted:
        return misfit(others[0], value, error.cl)
    inner, note = noted[0]
    key: Any = getattr(note, "name", getattr(note, "index", None))
    if isinstance(inner, KeyError) and is_map(value) and key not in value:
        return Misfit("", f"lacks the field '{key}' of {title(error.cl)}")
    place = f".{key}" if hasattr(note, "name") else f"[{brief(key)}]"
    found = misfit(inner, _part(value, key), note.type)
    return Misfit(place + found.path, found.text)


def _part(value: Any, key: Any) -> Any:
    """What is at a key or index, as far as hooks of the application leave that to be known."""
    try:
        return value[key]
    except (LookupError, TypeError):
        return None


def _refusal(error: Exception, annotation: Any) -> Misfit:
    """What an application says of a value is passed on; what else it raises may not be meant for callers."""
    if isinstance(error, (ValueError, TypeError)):
        text = cut(repr(str(error))[1:-1], _MOST_TEXT)
        return Misfit("", f"was refused by {title(annotation)}: {text}")
    return Misfit("", f"was refused by {title(annotation)} with {type(error).__name__}")
