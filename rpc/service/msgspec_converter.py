"""Conversion by msgspec: strict, fast, and running nothing of what it converts to but its validators.

Two things are mended here. Text stands for other values only as `rpc.service.forms` has it. Fields of classes that
are ``init=False`` cannot be set from the wire.
"""

from __future__ import annotations

from typing import Any, get_origin

import attrs
import msgspec
from msgspec import inspect

from rpc.service.arrays import fit_array, is_array_class
from rpc.service.convert import Misfit, Reader
from rpc.service.explain import explain
from rpc.service.forms import AS_THEY_COME, AS_THEY_COME_NODES, FROM_TEXT, LOOSE_NODES, loosened
from rpc.service.registry import registration
from rpc.service.schema import Node, alternatives, nodes, parts, title, unset_fields
from rpc.wire.shapes import is_list, is_map

__all__ = ["MsgspecConverter"]

_WAY_OUT = (
    "use an attrs class, a dataclass or plain containers, or register it with rpc.register_type, "
    "or annotate it with Any and convert it in the handler"
)
_WAY_OUT_OF_UNIONS = (
    "use one class with optional fields, msgspec Structs with tags, a service with converter=rpc.CattrsConverter(), "
    "or annotate it with Any"
)

_HASHED = (
    inspect.AnyType,
    inspect.BytesType,
    inspect.EnumType,
    inspect.IntType,
    inspect.LiteralType,
    inspect.StrType,
)
"""What can be a key of a map or a member of a set on the wire (protocol section 8)."""


class MsgspecConverter:
    """The `Converter` that is always there."""

    def reader(self, annotation: Any) -> Reader:
        """Compile the reader of one annotation, see `Converter.reader`."""
        root = _tree(annotation)
        for node in nodes(root):
            _check(node)
        return _Reader(
            root,
            _conversion(annotation, root),
            guarded=any(unset_fields(node) for node in nodes(root)),
            loose=any(type(node) in LOOSE_NODES for node in nodes(root)),
        )

    def writer(self, annotation: Any) -> None:
        """None: each class travels in one way, whatever the annotation is."""


@attrs.frozen
class _Reader:
    root: Node
    convert: Reader
    guarded: bool
    loose: bool

    def __call__(self, value: Any) -> Any:
        if self.guarded:
            _refuse_unset(self.root, value)
        try:
            return self.convert(value)
        except Exception as error:
            if not (self.loose and isinstance(error, msgspec.ValidationError)):
                raise self.misfit(error, value) from None
        value = loosened(self.root, value)
        try:
            return self.convert(value)
        except Exception as error:
            raise self.misfit(error, value) from None

    def misfit(self, error: Exception, value: Any) -> Misfit:
        """What to tell of a failed conversion; a validator is the application's, and may raise anything."""
        if isinstance(error, msgspec.ValidationError):
            return explain(error, value, self.root, self.convert)
        return Misfit("", f"was refused by {title(self.root)} with {type(error).__name__}")


def _tree(annotation: Any) -> Node:
    try:
        return inspect.type_info(annotation)
    except NameError as error:
        raise TypeError(f"{error}, in an annotation of a class: define it at the top of the module") from error
    except KeyError as error:
        raise TypeError(f"the field {error} of a class has no annotation: give it one") from error
    except NotImplementedError as error:
        raise TypeError("a default that takes_self cannot be made here; use rpc.CattrsConverter()") from error
    except TypeError as error:
        way_out = _WAY_OUT_OF_UNIONS if "union" in str(error) else _WAY_OUT
        raise TypeError(f"{str(error).rstrip('.')}; {way_out}") from error


def _check(node: Node) -> None:
    """Refuse what cannot travel, or would always fail."""
    if isinstance(node, inspect.CustomType) and not _is_known(node.cls):
        raise TypeError(f"objects of class {title(node)} cannot travel; {_WAY_OUT}")
    if isinstance(node, inspect.DataclassType):
        for field in node.fields:
            if field.required and field.name in unset_fields(node):
                raise TypeError(f"{title(node)}.{field.name} is init=False, so it needs a default")
    hashed = node.key_type if isinstance(node, inspect.DictType) else None
    if isinstance(node, (inspect.SetType, inspect.FrozenSetType)):
        hashed = node.item_type
    if hashed is not None and not all(isinstance(member, _HASHED) for member in alternatives(hashed)):
        raise TypeError(f"{title(hashed)} cannot be a key of a map or a member of a set; use text, or a list")


def _conversion(annotation: Any, root: Node) -> Reader:
    """Convert by msgspec, with its options only where they are needed: they cost half a microsecond."""
    convert = msgspec.convert
    kinds = {type(node) for node in nodes(root)}
    if kinds.isdisjoint(AS_THEY_COME_NODES) and inspect.CustomType not in kinds:
        return lambda value: convert(value, annotation)
    return lambda value: convert(value, annotation, builtin_types=AS_THEY_COME, dec_hook=_custom)


def _is_known(cls: Any) -> bool:
    return cls is object or cls in FROM_TEXT or is_array_class(cls) or registration(cls) is not None


def _custom(annotation: Any, value: Any) -> Any:
    """Make a value of a class that msgspec does not know."""
    cls: Any = get_origin(annotation) or annotation
    if cls is object:
        return value
    registered = registration(cls)
    if registered is not None:
        return registered.make(value)
    if is_array_class(cls):
        return fit_array(annotation, value)
    if not isinstance(value, str):
        raise ValueError("not text")
    return cls(value)


def _refuse_unset(node: Node, value: Any) -> None:
    if is_map(value):
        for member in alternatives(node):
            for name in unset_fields(member).intersection(value):
                raise Misfit("", f"sets the field '{name}', which is init=False")
    for part in parts(node, value):
        if is_map(part.value) or is_list(part.value):
            try:
                _refuse_unset(part.node, part.value)
            except Misfit as misfit:
                raise Misfit(f"{part.place}{misfit.path}", misfit.text) from None
