"""A handler's parameters as the schema of its calls: decoded arguments in, bound and converted arguments out."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from rpc.errors import Internal, InvalidArgument, Processed
from rpc.limits import MAX_ITEMS
from rpc.service.context import Context
from rpc.service.convert import Converter, Misfit, MsgspecConverter, Reader, show
from rpc.wire.payload import decode
from rpc.wire.profile import ProfileError

__all__ = ["Parameter", "Signature"]

_PLAIN = (int, str, bool, float, bytes, list, dict, type(None))
"""Annotations that a decoded value of exactly this class fits as it is."""

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@attrs.frozen
class Parameter:
    """One parameter that is on the wire."""

    name: str
    kind: Any
    annotation: Any
    required: bool
    read: Reader
    plain: type | None


def _anything(value: Any) -> Any:
    return value


@attrs.frozen(kw_only=True, eq=False)
class Signature:
    """What a handler takes and gives.

    Attributes:
        name: the handler's full wire name, for messages.
        parameters: those on the wire, in order; `rpc.Context` is not among them.
        returns: the annotation of the result, `Any` where there is none.
        takes_context: whether a parameter receives the call's `rpc.Context`.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: Any
    context: tuple[int | None, str] | None
    _read_result: Reader
    _positional: tuple[Parameter, ...] = attrs.field(init=False)
    _named: Mapping[str, Parameter] = attrs.field(init=False)
    _rest: Parameter | None = attrs.field(init=False)
    _extra: Parameter | None = attrs.field(init=False)
    _exact: tuple[list[type] | None, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        def of(*kinds: Any) -> tuple[Parameter, ...]:
            return tuple(parameter for parameter in self.parameters if parameter.kind in kinds)

        setter = object.__setattr__
        setter(self, "_positional", of(*_POSITIONAL))
        setter(self, "_named", {parameter.name: parameter for parameter in of(*_NAMED)})
        setter(self, "_rest", next(iter(of(inspect.Parameter.VAR_POSITIONAL)), None))
        setter(self, "_extra", next(iter(of(inspect.Parameter.VAR_KEYWORD)), None))
        setter(self, "_exact", tuple(self._exact_types(count) for count in range(len(self._positional) + 1)))

    def _exact_types(self, count: int) -> list[type] | None:
        given = self._positional[:count]
        if any(parameter.required for parameter in self.parameters if parameter not in given):
            return None
        types = [parameter.plain for parameter in given if parameter.plain is not None]
        return types if len(types) == count else None

    @classmethod
    def of(cls, function: Callable[..., Any], *, name: str, converter: Converter | None = None) -> Signature:
        """Read the signature of a function.

        Raises:
            TypeError: an annotation cannot be resolved, or no value of it can travel.
        """
        converter = converter or MsgspecConverter()
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except Exception as error:
            raise TypeError(f"{name}: its annotations cannot be resolved: {error}") from error
        parameters: list[Parameter] = []
        context: tuple[int | None, str] | None = None
        position = 0
        for raw in inspect.signature(function).parameters.values():
            annotation = hints.get(raw.name, Any)
            if _is_context(annotation):
                if context is not None:
                    raise TypeError(f"{name}: '{context[1]}' and '{raw.name}' both ask for the context")
                context = (position if raw.kind in _POSITIONAL else None, raw.name)
                continue
            position += raw.kind in _POSITIONAL
            parameters.append(_parameter(raw, annotation, name, converter))
        returns = hints.get("return", Any)
        return cls(
            name=name,
            parameters=tuple(parameters),
            returns=returns,
            context=context,
            read_result=_reader(returns, f"{name}: the result", converter),
        )

    @property
    def takes_context(self) -> bool:
        """Whether a parameter receives the call's `rpc.Context`."""
        return self.context is not None

    def bind_payload(
        self, payload: bytes, named: bool, context: Context[Any] | None, max_items: int = MAX_ITEMS
    ) -> tuple[list[Any], dict[str, Any]]:
        """Decode the payload of a call and bind it, see `bind`."""
        try:
            arguments = decode(payload, max_items=max_items)
        except ProfileError as error:
            raise self._refusal(f": the arguments cannot be decoded: {error}") from None
        if not named:
            if type(arguments) is not list:
                raise self._refusal(": the arguments are no array")
            return self.bind(arguments, None, context)
        if type(arguments) is not list or len(arguments) != 2 or type(arguments[0]) is not list:
            raise self._refusal(": the arguments are no array of an array and a map")
        args, kwargs = arguments
        if type(kwargs) is not dict or not all(type(key) is str for key in kwargs):
            raise self._refusal(": the named arguments are no map with text keys")
        return self.bind(args, kwargs, context)

    def bind(
        self, args: list[Any], kwargs: Mapping[str, Any] | None, context: Context[Any] | None
    ) -> tuple[list[Any], dict[str, Any]]:
        """Fit decoded arguments to the parameters; `args` is the caller's no more.

        Raises:
            InvalidArgument: (not processed) they do not fit; the message names the method, the argument, what was
                expected and what came.
        """
        count = len(args)
        if not kwargs and count < len(self._exact) and list(map(type, args)) == self._exact[count]:
            bound_kwargs: dict[str, Any] = {}
        else:
            args, bound_kwargs = self._bind(args, kwargs or {})
        if self.context is not None:
            index, name = self.context
            if index is not None and index <= len(args):
                args.insert(index, context)
            else:
                bound_kwargs[name] = context
        return args, bound_kwargs

    def _bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        positional = self._positional
        if len(args) > len(positional) and self._rest is None:
            raise self._refusal(f" takes {len(positional)} arguments by position, got {len(args)}")
        bound = [self._convert(parameter, value) for parameter, value in zip(positional, args, strict=False)]
        if self._rest is not None:
            bound += [self._convert(self._rest, value) for value in args[len(positional) :]]
        taken = {parameter.name for parameter in positional[: len(args)]}
        named: dict[str, Any] = {}
        for name, value in kwargs.items():
            parameter = self._named.get(name, self._extra)
            if parameter is None:
                raise self._unexpected(name)
            if name in taken:
                raise self._refusal(f": argument '{name}' came both by position and by name")
            named[name] = self._convert(parameter, value)
        for parameter in self.parameters:
            if parameter.required and parameter.name not in taken and parameter.name not in named:
                raise self._refusal(f": argument '{parameter.name}' is missing")
        return bound, named

    def convert_result(self, value: Any) -> Any:
        """Fit a decoded result to the return annotation, at the caller's side.

        Raises:
            Internal: (do not retry) it does not fit.
        """
        try:
            return self._read_result(value)
        except Misfit as misfit:
            where = f" at {misfit.path}" if misfit.path else ""
            raise Internal(f"{self.name}: the result{where} {misfit.text}", processed=Processed.DO_NOT_RETRY) from None

    def _convert(self, parameter: Parameter, value: Any) -> Any:
        try:
            return parameter.read(value)
        except Misfit as misfit:
            where = f" at {misfit.path}" if misfit.path else ""
            raise self._refusal(f": argument '{parameter.name}'{where} {misfit.text}") from None

    def _unexpected(self, name: str) -> InvalidArgument:
        near = difflib.get_close_matches(name[:64], self._named)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return self._refusal(f": unexpected argument {show(name)}{hint}")

    def _refusal(self, text: str) -> InvalidArgument:
        return InvalidArgument(self.name + text, processed=Processed.NOT_PROCESSED)


def _is_context(annotation: Any) -> bool:
    return annotation is Context or typing.get_origin(annotation) is Context


def _parameter(raw: inspect.Parameter, annotation: Any, name: str, converter: Converter) -> Parameter:
    required = raw.default is raw.empty and raw.kind in (*_POSITIONAL, inspect.Parameter.KEYWORD_ONLY)
    read = _reader(annotation, f"{name}: parameter '{raw.name}'", converter)
    plain = annotation if annotation in _PLAIN else None
    return Parameter(raw.name, raw.kind, annotation, required, read, plain)


def _reader(annotation: Any, what: str, converter: Converter) -> Reader:
    if annotation is Any or annotation is object:
        return _anything
    try:
        return converter.reader(annotation)
    except TypeError as error:
        raise TypeError(f"{what} cannot travel: {error}") from error
