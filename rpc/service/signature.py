"""A handler's parameters as the schema of its calls: decoded arguments in, bound and converted arguments out."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from typing import Any, TypeAlias

import attrs

from rpc.errors import Internal, InvalidArgument, Processed
from rpc.limits import MAX_ITEMS
from rpc.service.context import Context
from rpc.service.convert import Converter, Misfit, Reader, brief, is_list, is_map
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.near import near
from rpc.wire.payload import Buffer, decode
from rpc.wire.profile import ProfileError

__all__ = ["Bound", "Parameter", "Signature"]

Bound: TypeAlias = tuple[list[Any], dict[str, Any]]
"""Arguments as a handler is called with them, by position and by name."""

_PLAIN = (bool, int, float, str, bytes, list, dict, set, type(None))
"""Annotations that a decoded value of exactly this class fits as it is."""

_STREAMS = (AsyncIterable, AsyncIterator, AsyncGenerator)
_AWAITABLES = (Awaitable, Coroutine)

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
        plain: the class of which an argument fits as it is, None where each must be converted.
    """

    name: str
    kind: Any
    index: int | None
    annotation: Any
    default: Any
    read: Reader
    plain: type | None

    @property
    def by_name(self) -> bool:
        """Whether an argument may name this parameter."""
        return self.kind in (_Kind.POSITIONAL_OR_KEYWORD, _Kind.KEYWORD_ONLY)

    @property
    def required(self) -> bool:
        """Whether a call without an argument for this parameter is refused."""
        return self.default is _Kind.empty and (self.index is not None or self.by_name)


@attrs.frozen(kw_only=True)
class _ContextParameter:
    name: str
    index: int | None
    """Its place among the positional parameters, None where it is keyword-only."""


class Signature:
    """What a handler takes and gives.

    Attributes:
        name: the handler's full wire name, for messages.
        parameters: those on the wire, in order; one that receives the `rpc.Context` is not among them.
        returns: the annotation of the result, `Any` where there is none.
        takes_context: whether a parameter receives the call's `rpc.Context`.
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[Parameter],
        returns: Any,
        read_result: Reader,
        context: _ContextParameter | None = None,
    ) -> None:
        self.name = name
        self.parameters = tuple(parameters)
        self.returns = returns
        self._read_result = read_result
        self._context = context
        self.takes_context = context is not None
        self._positional = [parameter for parameter in parameters if parameter.index is not None]
        self._named = {parameter.name: parameter for parameter in parameters if parameter.by_name}
        self._rest = next((parameter for parameter in parameters if parameter.kind is _Kind.VAR_POSITIONAL), None)
        self._extra = next((parameter for parameter in parameters if parameter.kind is _Kind.VAR_KEYWORD), None)
        self._required = [parameter for parameter in parameters if parameter.required]
        self._plain = self._plain_classes()

    def _plain_classes(self) -> list[list[type | None] | None]:
        """For each count of arguments by position: of which classes they fit as they are; None if they are too few."""
        least = len(self._required)
        if any(parameter.index is None for parameter in self._required):
            least = len(self._positional) + 1
        classes = [parameter.plain for parameter in self._positional]
        return [classes[:count] if count >= least else None for count in range(len(classes) + 1)]

    @classmethod
    def of(cls, function: Callable[..., Any], *, name: str, converter: Converter | None = None) -> Signature:
        """Read the signature of a function.

        Raises:
            TypeError: an annotation cannot be resolved, or values of it cannot travel; the message says which
                parameter of which function, and the way out.
        """
        converter = converter or MsgspecConverter()
        raw_parameters, hints = _inspected(function, name)
        parameters: list[Parameter] = []
        context: _ContextParameter | None = None
        for raw in raw_parameters:
            annotation = hints.get(raw.name, Any)
            if not _is_context(annotation):
                parameters.append(_parameter(raw, len(parameters), annotation, name, converter))
            elif context is None:
                context = _context_parameter(raw, len(parameters), name)
            else:
                raise TypeError(f"{name}: parameters '{context.name}' and '{raw.name}' both ask for the context")
        returns = hints.get("return", Any)
        read_result = _reader(returns, f"{name}: the result", converter)
        return cls(name, parameters, returns, read_result, context)

    def __repr__(self) -> str:
        return f"<Signature {self.name}({', '.join(parameter.name for parameter in self.parameters)})>"

    def bind_payload(
        self, payload: Buffer, named: bool, context: Context[Any] | None, max_items: int = MAX_ITEMS
    ) -> Bound:
        """Decode the payload of a call, check its shape, and bind it, see `bind`.

        Raises:
            InvalidArgument: (not processed) it cannot be decoded, or has another shape, or does not fit.
        """
        try:
            arguments = decode(payload, max_items=max_items)
        except ProfileError as error:
            raise self._refusal(f": the arguments cannot be decoded: {error}") from None
        if not named and is_list(arguments):
            return self.bind(arguments, None, context)
        if named and is_list(arguments) and len(arguments) == 2:
            args, kwargs = arguments
            if is_list(args) and is_map(kwargs) and all(type(key) is str for key in kwargs):
                return self.bind(args, kwargs, context)
        shape = "an array of an array and of a map from names" if named else "an array"
        raise self._refusal(f": the arguments are not {shape}")

    def bind(self, args: list[Any], kwargs: Mapping[str, Any] | None, context: Context[Any] | None) -> Bound:
        """Fit decoded arguments to the parameters. The list and what is in it are given away.

        Raises:
            InvalidArgument: (not processed) they do not fit; the message names the method, the argument, what was
                expected and what came.
        """
        count = len(args)
        classes = self._plain[count] if count < len(self._plain) else None
        if kwargs or classes is None:
            args, named = self._fit(args, kwargs or {})
        else:
            named = {}
            if list(map(type, args)) != classes:
                self._read_in_place(args, classes)
        if self._context is not None:
            index = self._context.index
            if index is not None and index <= len(args):
                args.insert(index, context)
            else:
                named[self._context.name] = context
        return args, named

    def _read_in_place(self, args: list[Any], classes: list[type | None]) -> None:
        """The usual call: arguments by position, as many as there may be."""
        for index, cls in enumerate(classes):
            if type(args[index]) is not cls:
                args[index] = self._read(self._positional[index], args[index])

    def _fit(self, args: list[Any], kwargs: Mapping[str, Any]) -> Bound:
        positional, count = self._positional, len(args)
        if count > len(positional) and self._rest is None:
            raise self._refusal(f" takes {_count(len(positional))} by position, got {count}")
        fitted = [self._read(parameter, value) for parameter, value in zip(positional, args, strict=False)]
        if self._rest is not None:
            fitted += [self._read(self._rest, value) for value in args[len(positional) :]]
        named = {name: self._read(self._parameter_named(name, count), value) for name, value in kwargs.items()}
        for parameter in self._required:
            by_position = parameter.index is not None and parameter.index < count
            if not by_position and not (parameter.by_name and parameter.name in named):
                raise self._refusal(f": argument '{parameter.name}' is missing")
        return fitted, named

    def _parameter_named(self, name: str, count: int) -> Parameter:
        """The parameter that takes an argument of this name, beside so many by position."""
        parameter = self._named.get(name, self._extra)
        if parameter is None or (self._context is not None and name == self._context.name):
            alike = near(name, self._named)
            hint = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
            raise self._refusal(f" has no argument {brief(name)}{hint}")
        if parameter.index is not None and parameter.index < count:
            raise self._refusal(f": argument '{name}' came by position and by name")
        return parameter

    def _read(self, parameter: Parameter, value: Any) -> Any:
        try:
            return parameter.read(value)
        except Misfit as misfit:
            raise self._refusal(f": argument '{parameter.name}' {misfit}") from misfit.__cause__

    def _refusal(self, text: str) -> InvalidArgument:
        return InvalidArgument(f"{self.name}{text}", processed=Processed.NOT_PROCESSED)

    def convert_result(self, value: Any) -> Any:
        """Fit a decoded result to the return annotation, at the caller's side. The value is given away.

        Raises:
            Internal: (do not retry) it does not fit.
        """
        try:
            return self._read_result(value)
        except Misfit as misfit:
            message = f"{self.name}: the result {misfit}"
            raise Internal(message, processed=Processed.DO_NOT_RETRY) from misfit.__cause__


def _inspected(function: Callable[..., Any], name: str) -> tuple[Iterable[inspect.Parameter], dict[str, Any]]:
    try:
        return inspect.signature(function).parameters.values(), typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # evaluating an annotation may raise anything
        raise TypeError(
            f"{name}: its signature cannot be read: {error}; define, or import, what annotations name at the top of "
            "the module, and not for type checkers only"
        ) from error


def _is_context(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(_is_context(member) for member in typing.get_args(annotation))
    return annotation is Context or origin is Context


def _context_parameter(raw: inspect.Parameter, index: int, name: str) -> _ContextParameter:
    if raw.kind in (_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD) or (raw.kind is _Kind.POSITIONAL_ONLY and index > 0):
        raise TypeError(f"{name}: parameter '{raw.name}' asks for the context: make it the first one")
    return _ContextParameter(name=raw.name, index=index if raw.kind in _POSITIONAL else None)


def _parameter(raw: inspect.Parameter, index: int, annotation: Any, name: str, converter: Converter) -> Parameter:
    return Parameter(
        name=raw.name,
        kind=raw.kind,
        index=index if raw.kind in _POSITIONAL else None,
        annotation=annotation,
        default=raw.default,
        read=_reader(annotation, f"{name}: parameter '{raw.name}'", converter),
        plain=annotation if annotation in _PLAIN else None,
    )


def _reader(annotation: Any, what: str, converter: Converter) -> Reader:
    if annotation is Any or annotation is object:
        return _as_it_is
    origin = typing.get_origin(annotation) or annotation
    if origin in _STREAMS:
        raise TypeError(f"{what} is a stream, and streams cannot be served yet: use a list")
    if origin in _AWAITABLES:
        raise TypeError(f"{what} is to be awaited: make the handler an async def, annotated with what it returns")
    try:
        read = converter.reader(annotation)
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from error
    if annotation not in _PLAIN:
        return read
    return lambda value: value if type(value) is annotation else read(value)


def _as_it_is(value: Any) -> Any:
    return value


def _count(arguments: int) -> str:
    return "1 argument" if arguments == 1 else f"{arguments} arguments"
