"""Objects that implement a contract: checked method by method, and made into what a service registers."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from rpc.service.annotations import inspected, is_context, yielded
from rpc.service.contract import Contract, Member, declaring
from rpc.service.fitting import differing_parameters, fits
from rpc.service.function import Kind, Shape, shape_of
from rpc.service.generic import bindings, substituted
from rpc.service.marks import Marks, marks_of
from rpc.service.near import near
from rpc.service.spelling import spell_annotation

__all__ = ["Served", "served_methods"]

_Kind = inspect.Parameter
_POSITIONAL = (_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)
_Parameters: TypeAlias = list[inspect.Parameter]

_SHAPES = {
    Kind.METHOD: (Shape.RESULT, Shape.AWAITABLE),
    Kind.NOTIFICATION: (Shape.RESULT, Shape.AWAITABLE),
    Kind.STREAMING: (Shape.ASYNC_GENERATOR, Shape.GENERATOR),
    Kind.CONTEXT: (Shape.ASYNC_CONTEXT_MANAGER, Shape.ASYNC_GENERATOR),
}
"""What functions may give that implement a method of each kind."""

_KINDS = {
    Kind.METHOD: "a method",
    Kind.NOTIFICATION: "a notification",
    Kind.STREAMING: "a stream",
    Kind.CONTEXT: "a context",
}
_WAYS = {
    Kind.METHOD: "a def or an async def",
    Kind.NOTIFICATION: "a def or an async def",
    Kind.STREAMING: "a generator, a def or an async def with yield in it",
    Kind.CONTEXT: "an async def with one yield in it, decorated with asynccontextmanager",
}


@attrs.frozen(kw_only=True)
class Served:
    """A method of an implementation, ready to be registered.

    Attributes:
        kind: how the contract has it.
        name: its name within the service.
        function: takes what the contract declares, and `rpc.Context` where the implementation asks for it.
        marks: what the contract and the implementation say of it, together.
        options: the arguments of the decorator that registers it.
    """

    kind: Kind
    name: str
    function: Callable[..., Any]
    marks: Marks

    @property
    def options(self) -> dict[str, Any]:
        marks = self.marks
        options = {"name": self.name, "allow": marks.allow}
        if self.kind is Kind.NOTIFICATION:
            return {**options, "thread": marks.thread, "concurrent": marks.concurrent}
        if self.kind is Kind.CONTEXT:
            return {**options, "raises": marks.raises}
        return {**options, "thread": marks.thread, "raises": marks.raises, "idempotent": marks.idempotent}


@attrs.frozen
class _Own:
    """One method of an implementation as it was found."""

    function: Callable[..., Any]
    shape: Shape
    parameters: _Parameters
    hints: Mapping[str, Any]
    marks: Marks

    @property
    def contexts(self) -> _Parameters:
        """The parameters that ask for the context of the call."""
        return [parameter for parameter in self.parameters if is_context(self.hints.get(parameter.name))]

    @property
    def brought(self) -> _Parameters:
        """The parameters that a call brings arguments for."""
        return [parameter for parameter in self.parameters if parameter not in self.contexts]


def served_methods(contract: Contract, implementation: object) -> list[Served]:
    """The methods of an object as its contract declares them.

    Raises:
        TypeError: it does not implement the contract; the message names every method, and what differs.
    """
    cls = type(implementation)
    if isinstance(implementation, type):
        raise TypeError(f"{implementation.__name__} is a class: give an instance of it, {implementation.__name__}()")
    served, problems = list[Served](), list[str]()
    for member in contract.members.values():
        try:
            own = _found(contract, member, implementation)
            different = list(_differing(member, own))
        except TypeError as error:
            problems.append(str(error))
            continue
        problems += [f"{member.name}: {difference}" for difference in different]
        if not different:
            served.append(_served(member, own))
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise TypeError(f"{cls.__name__} does not implement the contract {contract.cls.__name__}:{lines}")
    return served


def _found(contract: Contract, member: Member, implementation: object) -> _Own:
    """The method of an implementation, as far as it can be read."""
    cls = type(implementation)
    function = getattr(implementation, member.name, None)
    if function is None or _is_declared_only(contract, member, function):
        alike = near(member.name, [name for name in dir(cls) if name not in contract.members and name[0] != "_"])
        hint = f"; is it {' or '.join(alike)}?" if alike else ""
        raise TypeError(f"{member.name}: it is missing{hint}")
    if not callable(function):
        raise TypeError(f"{member.name}: it is no method, but {function!r}")
    parameters, hints = inspected(function, member.name)
    home = next((base for base in cls.__mro__ if member.name in vars(base)), cls)
    bound = bindings(cls).get(home, {})
    known = {name: substituted(hint, bound) if bound else hint for name, hint in hints.items()}
    is_own = getattr(function, "__func__", None) is not member.function
    return _Own(function, shape_of(function), list(parameters), known, marks_of(function) if is_own else Marks())


def _is_declared_only(contract: Contract, member: Member, function: Any) -> bool:
    """Whether it is the contract's own, of which nobody knows that it is more than three dots."""
    is_protocol = getattr(contract.cls, "_is_protocol", False)
    return is_protocol and getattr(function, "__func__", None) is member.function


def _differing(member: Member, own: _Own) -> Iterator[str]:
    """What of a method does not fit the contract."""
    if own.shape not in _SHAPES[member.kind]:
        yield f"it gives {own.shape.value}, and the contract has {_KINDS[member.kind]}: write {_WAYS[member.kind]}"
        return
    yield from _differing_marks(member, own)
    if member.handle.signature.takes_items and own.shape not in (Shape.AWAITABLE, Shape.ASYNC_GENERATOR):
        yield "it takes a stream: make it an async def"
    if len(own.contexts) > 1:
        yield f"parameters {' and '.join(repr(context.name) for context in own.contexts)} all ask for the context"
    yield from differing_parameters(list(member.signature.parameters.values()), own.brought, own.hints)
    result = own.hints.get("return", Any)
    if member.kind in (Kind.STREAMING, Kind.CONTEXT):
        result = yielded(result, f"{member.name}: the result", own.shape)
    if not fits(result, member.given):
        what = "yields" if member.kind in (Kind.STREAMING, Kind.CONTEXT) else "gives"
        yield f"it {what} {spell_annotation(result)}, not {spell_annotation(member.given)}"


def _differing_marks(member: Member, own: _Own) -> Iterator[str]:
    marks = own.marks
    if marks.kind == "notification" and member.kind is not Kind.NOTIFICATION:
        yield f"it is marked as a notification, and the contract has {_KINDS[member.kind]}"
    if marks.raises or marks.idempotent or marks.name is not None:
        yield "raises=, idempotent= and name= are for callers too: mark the contract with them"
    if marks.thread and own.shape not in (Shape.RESULT, Shape.GENERATOR):
        yield "an async def runs on the event loop: drop thread=True, or make it a def"


def _served(member: Member, own: _Own) -> Served:
    is_def = own.shape in (Shape.RESULT, Shape.GENERATOR)
    marks = attrs.evolve(
        member.marks,
        thread=own.marks.thread or (member.marks.thread and is_def),
        concurrent=own.marks.concurrent or member.marks.concurrent,
        allow=own.marks.allow,
    )
    function = _with_signature(member, own)
    return Served(kind=member.kind, name=member.handle.name.rpartition(".")[2], function=function, marks=marks)


def _with_signature(member: Member, own: _Own) -> Callable[..., Any]:
    """The function of an implementation, with the contract's signature and its own context."""
    bound = own.function

    @functools.wraps(bound)
    def served(*args: Any, **kwargs: Any) -> Any:
        return bound(*args, **kwargs)

    given: Any = member.signature.return_annotation
    if own.shape is Shape.GENERATOR:
        given = types.GenericAlias(Iterator, (member.given,))
    signature = inspect.Signature(_parameters(member, own), return_annotation=given)
    return declaring(served, member.function if member.function.__doc__ else bound, signature)


def _parameters(member: Member, own: _Own) -> _Parameters:
    """The contract's parameters, with the context among them where the implementation has it."""
    declared = [_with_default(parameter, own) for parameter in member.signature.parameters.values()]
    context = next(iter(own.contexts), None)
    if context is None:
        return declared
    place = own.parameters.index(context)
    context = context.replace(annotation=own.hints[context.name])
    if place > sum(parameter.kind in _POSITIONAL for parameter in declared):
        # It comes by name: before it stand parameters that have only names in the contract, or that no call brings.
        context = context.replace(kind=_Kind.KEYWORD_ONLY)
    elif any(parameter.kind is _Kind.POSITIONAL_ONLY for parameter in declared[place:]):
        context = context.replace(kind=_Kind.POSITIONAL_ONLY)
    if context.kind is _Kind.KEYWORD_ONLY:
        place = sum(parameter.kind in (*_POSITIONAL, _Kind.VAR_POSITIONAL) for parameter in declared)
    return [*declared[:place], context, *declared[place:]]


def _with_default(parameter: inspect.Parameter, own: _Own) -> inspect.Parameter:
    """A parameter of a contract; where three dots stand for its default, the implementation knows it."""
    if parameter.default is not ...:
        return parameter
    defaults = {other.name: other.default for other in own.parameters}
    return parameter.replace(default=defaults.get(parameter.name, ...))
