"""Named tuples and typed dictionaries for cattrs, whose annotations may be text."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, NotRequired, Required

import cattrs

from rpc.service.cattrs_misfits import Hook, inside, misfit, title, unlike
from rpc.service.convert import Misfit
from rpc.wire.shapes import is_list, is_map

__all__ = ["row_hook", "row_writer", "typeddict_hook", "typeddict_writer"]


def row_hook(annotation: Any, hooks: cattrs.Converter) -> Hook:
    """The hook that reads a named tuple; fields with defaults may be left out at its end."""
    fields: list[tuple[Hook, Any]] = [(hooks.get_structure_hook(hint), hint) for hint in _hints(annotation).values()]
    least = len(fields) - len(annotation._field_defaults)

    def hook(value: Any, _: Any) -> Any:
        if not is_list(value):
            raise unlike(value, annotation)
        if not least <= len(value) <= len(fields):
            raise Misfit("", f"expected {title(annotation)} of {len(fields)} items, got {len(value)}")
        return annotation(*(inside(index, item, *fields[index]) for index, item in enumerate(value)))

    return hook


def row_writer(annotation: Any, hooks: cattrs.Converter) -> Callable[[Any], Any]:
    """The hook that writes a named tuple."""
    writers: list[Callable[[Any], Any]] = [hooks.get_unstructure_hook(hint) for hint in _hints(annotation).values()]
    return lambda value: [write(item) for write, item in zip(writers, value, strict=True)]


def typeddict_hook(annotation: Any, hooks: cattrs.Converter) -> Hook:
    """The hook that reads a typed dictionary; keys that it does not know are left out."""
    fields = {name: (hint, hooks.get_structure_hook(hint)) for name, hint in _hints(annotation).items()}
    required = _required(annotation)

    def hook(value: Any, _: Any) -> Any:
        if not is_map(value):
            raise unlike(value, annotation)
        for name in required:
            if name not in value:
                raise Misfit("", f"lacks the field '{name}' of {title(annotation)}")
        return {name: _field(name, value[name], read, hint) for name, (hint, read) in fields.items() if name in value}

    return hook


def typeddict_writer(annotation: Any, hooks: cattrs.Converter) -> Callable[[Any], Any]:
    """The hook that writes a typed dictionary, and what else is in it."""
    writers: dict[str, Callable[[Any], Any]] = {
        name: hooks.get_unstructure_hook(hint) for name, hint in _hints(annotation).items()
    }
    return lambda value: {name: writers.get(name, _as_it_is)(item) for name, item in value.items()}


def _field(name: str, value: Any, read: Hook, annotation: Any) -> Any:
    try:
        return read(value, annotation)
    except Exception as error:
        found = misfit(error, value, annotation)
        raise Misfit(f".{name}{found.path}", found.text) from error


def _hints(annotation: Any) -> dict[str, Any]:
    """The annotations of the fields, resolved, without what says whether they are required."""
    hints = typing.get_type_hints(annotation, include_extras=True)
    return {
        name: typing.get_args(hint)[0] if typing.get_origin(hint) in (Required, NotRequired) else hint
        for name, hint in hints.items()
    }


def _required(annotation: Any) -> list[str]:
    """The keys that must be there: by their own annotations, which Python does not look into where they are text."""
    names: list[str] = []
    for name, hint in typing.get_type_hints(annotation, include_extras=True).items():
        origin = typing.get_origin(hint)
        if origin is Required or (origin is not NotRequired and name in annotation.__required_keys__):
            names.append(name)
    return names


def _as_it_is(value: Any) -> Any:
    return value
