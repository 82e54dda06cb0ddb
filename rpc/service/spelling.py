"""Annotations, defaults and signatures, as a person would write them: the same text in every process."""

from __future__ import annotations

import types
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from inspect import Parameter as Raw
from pathlib import Path, PurePath
from typing import Any, Literal, TypeAlias
from uuid import UUID

import attrs

from rpc.service.function import Kind
from rpc.service.handle import Handle
from rpc.service.parameters import Given, Parameter
from rpc.service.signature import Signature
from rpc.wire.shapes import is_list, is_map

__all__ = ["ArgumentKind", "Taken", "spell_annotation", "spell_default", "spell_signature", "taken"]

ArgumentKind: TypeAlias = Literal["positional", "either", "named", "rest", "extra"]
"""How an argument may be given, see `rpc.service.description.ParameterDescription`."""

_KINDS: dict[Any, ArgumentKind] = {
    Raw.POSITIONAL_ONLY: "positional",
    Raw.POSITIONAL_OR_KEYWORD: "either",
    Raw.KEYWORD_ONLY: "named",
    Raw.VAR_POSITIONAL: "rest",
    Raw.VAR_KEYWORD: "extra",
}
_STARS = {"rest": "*", "extra": "**"}

_MOST = 60
"""Characters of a default that are worth reading in a signature."""

_LITERAL = (type(None), bool, int, float, str, bytes, Decimal, UUID, datetime, date, time, timedelta)
"""Classes whose values say themselves what they are; the repr of others may hold an address, or its order may vary."""


def spell_annotation(annotation: Any) -> str:
    """An annotation as it would be written with its names imported: ``list[Account] | None``."""
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return spell_annotation(arguments[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(spell_default, arguments))}]"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(spell_annotation, arguments))
    if is_list(annotation):  # the parameters of a Callable
        return f"[{', '.join(map(spell_annotation, annotation))}]"
    if origin is not None and _name(origin) == "ndarray" and len(arguments) == 2:
        elements = typing.get_args(arguments[1]) or (Any,)
        return f"NDArray[{spell_annotation(elements[0])}]"
    if origin is not None and arguments:
        return f"{_name(origin)}[{', '.join(map(spell_annotation, arguments))}]"
    return _name(annotation)


def _name(annotation: Any) -> str:
    name = getattr(annotation, "__name__", None) or getattr(annotation, "_name", None)
    return name if isinstance(name, str) else str(annotation).rpartition(".")[2]


def spell_default(value: Any) -> str:
    """A default as it would be written; ``...`` for one that is long, or that cannot be."""
    text = _spell(value)
    return "..." if text is None or len(text) > _MOST else text


def _spell(value: Any) -> str | None:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, PurePath):
        return f"{'Path' if isinstance(value, Path) else 'PurePath'}({str(value)!r})"
    if type(value) in _LITERAL:
        return repr(value)
    if type(value) in (list, tuple):
        items = [_spell(item) for item in value]
        if None in items:
            return None
        inner = ", ".join(map(str, items))
        return f"[{inner}]" if type(value) is list else f"({inner}{',' * (len(items) == 1)})"
    if is_map(value):
        pairs = [(_spell(key), _spell(item)) for key, item in value.items()]
        return None if any(None in pair for pair in pairs) else f"{{{', '.join(f'{k}: {v}' for k, v in pairs)}}}"
    return None


@attrs.frozen(kw_only=True)
class Taken:
    """One parameter as a caller sees it.

    Attributes:
        name: as the function has it.
        kind: how an argument for it may be given.
        annotation: of one argument; of one item of a stream.
        required: whether a call without it is refused.
        default: `inspect.Parameter.empty` where there is none.
        stream: whether it takes the caller's stream.
    """

    name: str
    kind: ArgumentKind
    annotation: Any
    required: bool
    default: Any
    stream: bool

    def spell(self) -> str:
        """As it stands in a signature."""
        annotation = spell_annotation(self.annotation)
        text = (
            f"{_STARS.get(self.kind, '')}{self.name}: {f'AsyncIterable[{annotation}]' if self.stream else annotation}"
        )
        return text if self.default is Raw.empty else f"{text} = {spell_default(self.default)}"


def taken(signature: Signature) -> list[Taken]:
    """The parameters that a caller gives arguments for, in the order of the function: the stream, but no context."""
    found = [_of_parameter(parameter) for parameter in signature.parameters]
    stream = signature.stream
    if stream is not None:
        has_extra = bool(found) and found[-1].kind == "extra"
        found.insert(len(found) - has_extra if stream.index is None else stream.index, _of_stream(stream))
    return found


def _of_parameter(parameter: Parameter) -> Taken:
    return Taken(
        name=parameter.name,
        kind=_KINDS[parameter.kind],
        annotation=parameter.annotation,
        required=parameter.required,
        default=parameter.default,
        stream=False,
    )


def _of_stream(stream: Given) -> Taken:
    kind: ArgumentKind = "either" if stream.by_name else "positional"
    return Taken(
        name=stream.name,
        kind="named" if stream.index is None else kind,
        annotation=Any if stream.items is None else stream.items.annotation,
        required=True,
        default=Raw.empty,
        stream=True,
    )


def spell_signature(handle: Handle) -> str:
    """What a caller sees of a handler: ``(a: int, b: int = 0) -> int``."""
    words: list[str] = []
    before: ArgumentKind | None = None
    for parameter in taken(handle.signature):
        if before == "positional" and parameter.kind != "positional":
            words.append("/")
        if parameter.kind == "named" and before not in ("named", "rest"):
            words.append("*")
        words.append(parameter.spell())
        before = parameter.kind
    if before == "positional":
        words.append("/")
    return f"({', '.join(words)}) -> {_spell_result(handle)}"


def _spell_result(handle: Handle) -> str:
    signature = handle.signature
    if signature.yields is None:
        return spell_annotation(signature.returns)
    item = spell_annotation(signature.yields.annotation)
    return f"AbstractAsyncContextManager[{item}]" if handle.kind is Kind.CONTEXT else f"AsyncIterator[{item}]"
