"""Conversion by msgspec: strict, fast, and running nothing of what it converts to but its validators.

Three things are mended here. Text is no base64 for bytes. A datetime has a time zone, also where it came as text.
Fields of classes that are ``init=False`` cannot be set from the wire.
"""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
from collections.abc import Callable
from typing import Any

import attrs
import msgspec
from msgspec import inspect

from rpc.service.convert import Misfit, Reader, is_list, is_map
from rpc.service.explain import explain
from rpc.service.schema import Node, alternatives, nodes, parts, title, unset_fields

__all__ = ["MsgspecConverter"]

_FROM_TEXT: dict[type, Callable[[str], Any]] = {
    cls: cls
    for cls in (
        pathlib.Path,
        pathlib.PurePath,
        pathlib.PosixPath,
        pathlib.PurePosixPath,
        ipaddress.IPv4Address,
        ipaddress.IPv6Address,
        ipaddress.IPv4Network,
        ipaddress.IPv6Network,
        ipaddress.IPv4Interface,
        ipaddress.IPv6Interface,
    )
}
"""Classes that travel as text and that msgspec does not know."""

_AS_THEY_COME = (bytes, bytearray, memoryview, datetime.datetime)
"""What msgspec must not make from text: it would read base64, and let a datetime pass without a time zone."""
_MADE_FROM_TEXT = (inspect.BytesType, inspect.ByteArrayType, inspect.MemoryViewType, inspect.DateTimeType)

_WAY_OUT = "use an attrs class, a dataclass or plain containers, or annotate it with Any and convert it in the handler"


class MsgspecConverter:
    """The `Converter` that is always there."""

    def reader(self, annotation: Any) -> Reader:
        """Compile the reader of one annotation, see `Converter.reader`."""
        root = _checked_tree(annotation)
        return _Reader(
            root,
            _conversion(annotation, root),
            guarded=any(unset_fields(node) for node in nodes(root)),
            timed=any(isinstance(node, inspect.DateTimeType) for node in nodes(root)),
        )


@attrs.frozen
class _Reader:
    root: Node
    convert: Reader
    guarded: bool
    timed: bool

    def __call__(self, value: Any) -> Any:
        if self.guarded:
            _refuse_unset(self.root, value)
        try:
            return self.convert(value)
        except Exception as error:
            if not (self.timed and isinstance(error, msgspec.ValidationError)):
                raise self.misfit(error, value) from None
        value = _times_from_text(self.root, value)
        try:
            return self.convert(value)
        except Exception as error:
            raise self.misfit(error, value) from None

    def misfit(self, error: Exception, value: Any) -> Misfit:
        """What to tell of a failed conversion; a validator is the application's, and may raise anything."""
        if isinstance(error, msgspec.ValidationError):
            return explain(error, value, self.root, self.convert)
        return Misfit("", f"was refused by {title(self.root)} with {type(error).__name__}")


def _checked_tree(annotation: Any) -> Node:
    """The tree of an annotation, every node of which can travel."""
    try:
        root = inspect.type_info(annotation)
    except NameError as error:
        raise TypeError(f"{error}; its annotations must name what is at the top of its module") from error
    except TypeError as error:
        raise TypeError(f"{str(error).rstrip('.')}; {_WAY_OUT}") from error
    for node in nodes(root):
        if isinstance(node, inspect.CustomType) and node.cls not in _FROM_TEXT and node.cls is not object:
            raise TypeError(f"objects of class {title(node)} cannot travel; {_WAY_OUT}")
        if isinstance(node, inspect.DataclassType):
            for field in node.fields:
                if field.required and field.name in unset_fields(node):
                    raise TypeError(f"{title(node)}.{field.name} is init=False, so it needs a default")
    return root


def _conversion(annotation: Any, root: Node) -> Reader:
    """Convert by msgspec, with its options only where they are needed: they cost half a microsecond."""
    convert = msgspec.convert
    kinds = {type(node) for node in nodes(root)}
    if not kinds.intersection((*_MADE_FROM_TEXT, inspect.CustomType)):
        return lambda value: convert(value, annotation)
    return lambda value: convert(value, annotation, builtin_types=_AS_THEY_COME, dec_hook=_from_text)


def _from_text(cls: type, value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("not text")
    return _FROM_TEXT[cls](value)


def _refuse_unset(node: Node, value: Any, path: str = "") -> None:
    for part in parts(node, value):
        _refuse_unset(part.node, part.value, f"{path}{part.place}")
    if is_map(value):
        for member in alternatives(node):
            for name in unset_fields(member).intersection(value):
                raise Misfit(path, f"sets the field '{name}', which is init=False")


def _times_from_text(node: Node, value: Any) -> Any:
    """The value with text for datetimes read, where it has a time zone; containers are changed in place."""
    if isinstance(value, str) and _takes_datetime(node):
        return _time_from_text(value)
    if is_map(value) or is_list(value):
        for part in list(parts(node, value)):
            value[part.key] = _times_from_text(part.node, part.value)
    return value


def _takes_datetime(node: Node) -> bool:
    return any(isinstance(member, inspect.DateTimeType) for member in alternatives(node))


def _time_from_text(text: str) -> Any:
    try:
        moment = msgspec.convert(text, datetime.datetime)
    except msgspec.ValidationError:
        return text
    return text if moment.tzinfo is None else moment
