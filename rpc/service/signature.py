"""A handler's parameters as the schema of its calls: decoded arguments in, bound and converted arguments out."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rpc.errors import Internal, InvalidArgument, Processed
from rpc.limits import MAX_ITEMS
from rpc.service.annotations import inspected, is_context, reader, streamed, writer, yielded
from rpc.service.context import Context
from rpc.service.convert import Converter, Misfit, Reader, Writer, brief
from rpc.service.function import Shape, shape_of
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.near import near
from rpc.service.parameters import Given, Items, Parameter
from rpc.wire.arguments import few_arguments
from rpc.wire.gathering import Gathered
from rpc.wire.payload import Buffer, decode
from rpc.wire.profile import ProfileError
from rpc.wire.shapes import is_list, is_map

__all__ = ["Bound", "Signature"]

Bound: TypeAlias = tuple[list[Any], dict[str, Any]]
"""Arguments as a handler is called with them, by position and by name."""

_Kind = inspect.Parameter
_ANYTHING = Items.of(Any, "", "item {}", MsgspecConverter())


class Signature:
    """What a handler takes and gives.

    Attributes:
        name: the handler's full wire name, for messages.
        parameters: those on the wire, in order.
        given: the others, in order.
        takes_context: whether one of these receives the call's `rpc.Context`.
        takes_items: whether one of these receives the caller's stream.
        stream: the one that does, or None.
        returns: the annotation of the result, `Any` where there is none; that of None for a generator or context.
        yields: the items of a generator, or the one value of a context; None where there is only a result.
        writes: whether a converter lowers arguments on their way out.
        write_result, write_item_in, write_item_out: what lowers the result, an item of the caller's stream, and one
            of the handler's or the value of a context, on their way out; None where they travel as they are.
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[Parameter],
        returns: Any,
        read_result: Reader,
        write_result: Writer | None = None,
        *,
        given: Sequence[Given] = (),
        yields: Items | None = None,
    ) -> None:
        self.name = name
        self.parameters = tuple(parameters)
        self.given = tuple(given)
        self.returns = returns
        self.yields = yields
        self.takes_context = any(parameter.items is None for parameter in given)
        self.stream = next((parameter for parameter in given if parameter.items is not None), None)
        self.takes_items = self.stream is not None
        self._items_in = next((parameter.items for parameter in given if parameter.items is not None), _ANYTHING)
        self._items_out = yields or _ANYTHING
        self._read_result = read_result
        self.writes = any(parameter.write is not None for parameter in parameters)
        self.write_result = write_result
        self.write_item_in = self._items_in.write
        self.write_item_out = self._items_out.write
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
            TypeError: an annotation cannot be resolved, or values of it cannot travel, or its first parameter is the
                ``self`` of a class; the message says which parameter of which function, and the way out.
        """
        converter = converter or MsgspecConverter()
        raw_parameters, hints = inspected(function, name)
        first = next(iter(raw_parameters), None)
        if first is not None and first.name == "self" and "self" not in hints:
            raise TypeError(f"{name}: no caller gives a 'self': serve an object with rpc.Service.from_contract")
        parameters: list[Parameter] = []
        given: list[Given] = []
        for raw in raw_parameters:
            annotation = hints.get(raw.name, Any)
            where = f"{name}: parameter '{raw.name}'"
            item = streamed(annotation, where)
            if item is not None:
                items = Items.of(item, where, f"item {{}} of argument '{raw.name}'", converter)
                given.append(Given.of(raw, len(parameters), given, items, name))
            elif is_context(annotation):
                given.append(Given.of(raw, len(parameters), given, None, name))
            else:
                parameters.append(Parameter.of(raw, len(parameters), annotation, where, converter))
        returns, where = hints.get("return", Any), f"{name}: the result"
        shape, yields = shape_of(function), None
        if shape not in (Shape.RESULT, Shape.AWAITABLE):
            what = "the value" if shape is Shape.ASYNC_CONTEXT_MANAGER else "item {}"
            yields = Items.of(yielded(returns, where, shape), where, what, converter)
            returns = type(None)
        read, write = reader(returns, where, converter), writer(returns, converter)
        return cls(name, parameters, returns, read, write, given=given, yields=yields)

    def __repr__(self) -> str:
        return f"<Signature {self.name}({', '.join(parameter.name for parameter in self.parameters)})>"

    def bind_payload(
        self,
        payload: Buffer | Gathered,
        named: bool,
        context: Context[Any] | None,
        max_items: int = MAX_ITEMS,
        items: AsyncIterable[Any] | None = None,
    ) -> Bound:
        """Decode the payload of a call, check its shape, and bind it, see `bind`.

        Raises:
            InvalidArgument: (not processed) it cannot be decoded, or has another shape, or does not fit.
        """
        few = few_arguments(payload, named)
        if few is not None and len(payload) <= max_items:
            return self.bind(few, None, context, items)
        try:
            arguments = decode(payload, max_items=max_items)
        except ProfileError as error:
            raise self._refusal(f": the arguments cannot be decoded: {error}") from None
        if not named and is_list(arguments):
            return self.bind(arguments, None, context, items)
        if named and is_list(arguments) and len(arguments) == 2:
            args, kwargs = arguments
            if is_list(args) and is_map(kwargs) and (not kwargs or all(type(key) is str for key in kwargs)):
                return self.bind(args, kwargs, context, items)
        shape = "an array of an array and of a map from names" if named else "an array"
        raise self._refusal(f": the arguments are not {shape}")

    def bind(
        self,
        args: list[Any],
        kwargs: Mapping[str, Any] | None,
        context: Context[Any] | None,
        items: AsyncIterable[Any] | None = None,
    ) -> Bound:
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
        if self.given:
            for given in self.given:
                value = context if given.items is None else items
                if given.index is not None and given.place <= len(args):
                    args.insert(given.place, value)
                else:
                    named[given.name] = value
        return args, named

    def parameter_of(self, place: int | str) -> Parameter | None:
        """The parameter on the wire that takes an argument by position or by name; None where there is none."""
        if isinstance(place, str):
            return self._named.get(place, self._extra)
        return self._positional[place] if place < len(self._positional) else self._rest

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
        if parameter is None or any(name == given.name for given in self.given):
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

    def convert_item_in(self, value: Any, index: int) -> Any:
        """Fit a decoded item of the caller's stream, counted from 0, for the handler. The value is given away.

        Raises:
            InvalidArgument: it does not fit.
        """
        items = self._items_in
        if type(value) is items.plain:
            return value
        try:
            return items.read(value)
        except Misfit as misfit:
            raise InvalidArgument(f"{self.name}: {items.what.format(index)} {misfit}") from misfit.__cause__

    def convert_item_out(self, value: Any, index: int) -> Any:
        """Fit a decoded item, counted from 0, or the value of a context, at the caller's side. It is given away.

        Raises:
            Internal: (do not retry) it does not fit.
        """
        items = self._items_out
        if type(value) is items.plain:
            return value
        try:
            return items.read(value)
        except Misfit as misfit:
            message = f"{self.name}: {items.what.format(index)} {misfit}"
            raise Internal(message, processed=Processed.DO_NOT_RETRY) from misfit.__cause__


def _count(arguments: int) -> str:
    return "1 argument" if arguments == 1 else f"{arguments} arguments"
