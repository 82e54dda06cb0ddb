"""The parameters of a handler: those on the wire, and those that it is given."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import attrs

from rpc.service.annotations import plain_class, reader, writer
from rpc.service.convert import Converter, Reader, Writer

__all__ = ["Given", "Items", "Parameter"]

_Kind = inspect.Parameter
_POSITIONAL = (_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)


@attrs.frozen(kw_only=True, eq=False)
class Parameter:
    """One parameter that is on the wire.

    Attributes:
        name: as the function has it.
        kind: as `inspect` has it.
        index: its place among the parameters that take an argument by position; None if it takes none.
        annotation: resolved; `Any` where there is none. Of ``*args`` and ``**kwargs``: of each of them.
        default: `inspect.Parameter.empty` where there is none.
        read: converts one argument.
        write: lowers one, at the caller; None where each travels as it is.
        plain: the class of which an argument fits as it is, None where each must be converted.
    """

    name: str
    kind: Any
    index: int | None
    annotation: Any
    default: Any
    read: Reader
    write: Writer | None
    plain: type | None

    @classmethod
    def of(cls, raw: inspect.Parameter, index: int, annotation: Any, where: str, converter: Converter) -> Parameter:
        """Read a parameter before which so many are on the wire.

        Raises:
            TypeError: its arguments cannot travel.
        """
        return cls(
            name=raw.name,
            kind=raw.kind,
            index=index if raw.kind in _POSITIONAL else None,
            annotation=annotation,
            default=raw.default,
            read=reader(annotation, where, converter),
            write=writer(annotation, converter),
            plain=plain_class(annotation, converter),
        )

    @property
    def by_name(self) -> bool:
        """Whether an argument may name this parameter."""
        return self.kind in (_Kind.POSITIONAL_OR_KEYWORD, _Kind.KEYWORD_ONLY)

    @property
    def required(self) -> bool:
        """Whether a call without an argument for this parameter is refused."""
        return self.default is _Kind.empty and (self.index is not None or self.by_name)


@attrs.frozen(kw_only=True, eq=False)
class Items:
    """The items of a stream, as their receiver reads them.

    Attributes:
        annotation: what each of them is; `Any` where that is not said.
        what: how messages name one, with ``{}`` for its index.
        read: converts one item.
        write: lowers one, at its sender; None where each travels as it is.
        plain: the class of which an item fits as it is, None where each must be converted.
    """

    annotation: Any
    what: str
    read: Reader
    write: Writer | None
    plain: type | None

    @classmethod
    def of(cls, annotation: Any, where: str, what: str, converter: Converter) -> Items:
        """Compile the reader of items.

        Raises:
            TypeError: they cannot travel.
        """
        return cls(
            annotation=annotation,
            what=what,
            read=reader(annotation, where, converter),
            write=writer(annotation, converter),
            plain=plain_class(annotation, converter),
        )


@attrs.frozen(kw_only=True)
class Given:
    """A parameter that is not on the wire: it receives the context of the call, or the caller's stream.

    Attributes:
        name: as the function has it.
        index: how many parameters on the wire that take an argument by position stand before it; None where it takes
            no argument by position itself.
        place: its place among all the parameters that take an argument by position.
        by_name: whether an argument may name it.
        items: the items of the stream; None where it receives the context.
    """

    name: str
    index: int | None
    place: int
    by_name: bool
    items: Items | None

    @classmethod
    def of(cls, raw: inspect.Parameter, index: int, before: Sequence[Given], items: Items | None, name: str) -> Given:
        """Read a parameter before which so many are on the wire, and these are not.

        Raises:
            TypeError: it is not one that can be given anything; the message says what to change.
        """
        word = "context" if items is None else "stream"
        for other in before:
            if (other.items is None) == (items is None):
                raise TypeError(f"{name}: parameters '{other.name}' and '{raw.name}' both ask for the {word}")
        if raw.kind in (_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD) or (raw.kind is _Kind.POSITIONAL_ONLY and index > 0):
            raise TypeError(f"{name}: parameter '{raw.name}' asks for the {word}: make it the first one")
        if items is not None and raw.default is not _Kind.empty:
            raise TypeError(
                f"{name}: parameter '{raw.name}' asks for the stream: drop its default, there always is one"
            )
        return cls(
            name=raw.name,
            index=index if raw.kind in _POSITIONAL else None,
            place=index + len(before),
            by_name=raw.kind is not _Kind.POSITIONAL_ONLY,
            items=items,
        )
