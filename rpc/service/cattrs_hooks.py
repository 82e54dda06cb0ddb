"""Hooks for cattrs that take what travels, and nothing that only looks like it.

Whatever is no container and has no fields is read by msgspec here too, so the same fits.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
    Set,
)
from functools import lru_cache
from pathlib import Path
from typing import Any

import cattrs
from cattrs.cols import is_namedtuple
from cattrs.fns import identity

from rpc.service.cattrs_fields import row_hook, row_writer, typeddict_hook, typeddict_writer
from rpc.service.cattrs_misfits import Hook, base_of, inside, is_union, misfit, title, unlike
from rpc.service.cattrs_unions import has_fields, union_hook, union_writer
from rpc.service.convert import Misfit, Reader, Writer, cut
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.wire.shapes import is_list, is_map
from rpc.wire.unfit import EncodeError, describe, way_out

__all__ = ["reader", "strict_hooks", "writer"]

_MOST_PATH = 200
_MOST_TEXT = 256

_ITEMS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    Sequence: list,
    MutableSequence: list,
    Collection: list,
    Iterable: list,
    tuple: tuple,
    set: set,
    MutableSet: set,
    frozenset: frozenset,
    Set: frozenset,
}
"""What is made of the items that are read."""

_MAPS = (dict, Mapping, MutableMapping)

_TAKEN = (str, bytes, int, float, Path)
"""Classes for which cattrs has hooks that come before all others."""


def strict_hooks() -> cattrs.Converter:
    """A `cattrs.Converter` that reads and writes values as the wire has them."""
    hooks = cattrs.Converter()
    for cls in _TAKEN:
        hooks.register_structure_hook(cls, lambda value, annotation: _leaf(annotation)(value))
    hooks.register_structure_hook_factory(_is_leaf, _leaf_hook)
    hooks.register_structure_hook_factory(_is_class, _class_hook)
    hooks.register_structure_hook_factory(is_namedtuple, row_hook)
    hooks.register_structure_hook_factory(typing.is_typeddict, typeddict_hook)
    hooks.register_structure_hook_factory(lambda annotation: _kind(annotation) in _ITEMS, _items_hook)
    hooks.register_structure_hook_factory(lambda annotation: _kind(annotation) in _MAPS, _map_hook)
    hooks.register_structure_hook_factory(is_union, union_hook)
    hooks.register_unstructure_hook_factory(_is_leaf, _leaf_writer)
    hooks.register_unstructure_hook_factory(is_namedtuple, row_writer)
    hooks.register_unstructure_hook_factory(typing.is_typeddict, typeddict_writer)
    hooks.register_unstructure_hook_factory(is_union, union_writer)
    return hooks


def reader(hooks: cattrs.Converter, annotation: Any) -> Reader:
    """Compile the reader of one annotation, see `Converter.reader`."""
    hook: Hook = _found(hooks.get_structure_hook, annotation)

    def read(value: Any) -> Any:
        try:
            return hook(value, annotation)
        except Exception as error:
            found = misfit(error, value, annotation)
            raise Misfit(cut(found.path, _MOST_PATH), found.text) from error

    return read


def writer(hooks: cattrs.Converter, annotation: Any) -> Writer | None:
    """Compile the writer of one annotation, see `Converter.writer`."""
    hook: Writer = _found(hooks.get_unstructure_hook, annotation)
    if hook is identity:
        return None

    def write(value: Any) -> Any:
        try:
            return hook(value)
        except EncodeError:
            raise
        except Exception as error:
            what = describe(value)
            cause = way_out(value) if inspect.isawaitable(value) else f"{type(error).__name__}: {error}"
            reason = f"{what} cannot be sent as {title(annotation)}: {cause}"
            raise EncodeError(cut(reason, _MOST_TEXT)) from error

    return write


def _found(find: Any, annotation: Any) -> Any:
    try:
        return find(annotation)
    except TypeError:
        raise
    except Exception as error:  # generating code for a class of the application may raise anything
        raise TypeError(f"{str(error).rstrip('.')}; register a hook, or annotate it with Any") from error


def _kind(annotation: Any) -> Any:
    return typing.get_origin(annotation) or annotation


def _is_class(annotation: Any) -> bool:
    """Whether cattrs makes it of a map, by a function that it writes for each class."""
    return _kind(annotation) is base_of(annotation) and has_fields(annotation)


def _is_leaf(annotation: Any) -> bool:
    """Whether it is for msgspec: Structs too, and classes that are registered."""
    base = base_of(annotation)
    if base is typing.Literal or base is type(None):
        return True
    if not isinstance(base, type) or base in _ITEMS or base in _MAPS:
        return False
    return not (has_fields(base) or typing.is_typeddict(base) or is_namedtuple(base))


@lru_cache(maxsize=1024)
def _leaf(annotation: Any) -> Reader:
    return MsgspecConverter().reader(annotation)


def _leaf_hook(annotation: Any) -> Hook:
    read = _leaf(annotation)
    return lambda value, _: read(value)


def _leaf_writer(_: Any) -> Any:
    return identity


def _class_hook(annotation: Any, hooks: cattrs.Converter) -> Hook:
    structure: Hook = hooks.gen_structure_attrs_fromdict(annotation)

    def hook(value: Any, _: Any) -> Any:
        if not is_map(value):
            raise unlike(value, annotation)
        return structure(value, annotation)

    return hook


def _items_hook(annotation: Any, hooks: cattrs.Converter) -> Hook:
    kind = _kind(annotation)
    arguments = typing.get_args(annotation)
    if kind is tuple and annotation is not tuple and arguments[-1:] != (...,):
        return _tuple_hook(annotation, hooks)
    argument: Any = arguments[0] if arguments else Any
    read: Hook = hooks.get_structure_hook(argument)
    make = _ITEMS[kind]

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, (list, set)):
            raise unlike(value, annotation)
        items = typing.cast("Collection[Any]", value)
        return make([inside(index, item, read, argument) for index, item in enumerate(items)])

    return hook


def _tuple_hook(annotation: Any, hooks: cattrs.Converter) -> Hook:
    inner = [(hooks.get_structure_hook(argument), argument) for argument in typing.get_args(annotation)]

    def hook(value: Any, _: Any) -> Any:
        if not is_list(value):
            raise unlike(value, annotation)
        if len(value) != len(inner):
            raise Misfit("", f"expected tuple of {len(inner)} items, got {len(value)}")
        return tuple(inside(index, item, *inner[index]) for index, item in enumerate(value))

    return hook


def _map_hook(annotation: Any, hooks: cattrs.Converter) -> Hook:
    key_type, item_type = typing.get_args(annotation) or (Any, Any)
    read_key: Hook = hooks.get_structure_hook(key_type)
    read_item: Hook = hooks.get_structure_hook(item_type)

    def hook(value: Any, _: Any) -> Any:
        if not is_map(value):
            raise unlike(value, annotation)
        return {_key(key, read_key, key_type): inside(key, item, read_item, item_type) for key, item in value.items()}

    return hook


def _key(key: Any, read: Hook, annotation: Any) -> Any:
    try:
        return read(key, annotation)
    except Exception as error:
        raise Misfit("", f"has a key that does not fit: {misfit(error, key, annotation).text}") from error
