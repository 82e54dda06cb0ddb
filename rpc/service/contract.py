"""Contracts: a class whose methods are what a caller may ask and a service must answer.

A `Protocol` or an ABC that `contract` has decorated is read once. Each of its methods becomes a handle with a wire
name, as a decorated function would be, so that a stub calls it as any handle is called. What serves it is another
object, see `rpc.service.implementation`.
"""

from __future__ import annotations

import abc
import functools
import inspect
import types
import typing
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Protocol, TypeVar

import attrs

from rpc.service.annotations import inspected, is_context, yielded
from rpc.service.convert import Converter
from rpc.service.function import Kind, Shape, shape_of
from rpc.service.generic import Bindings, bindings, substituted
from rpc.service.handle import AsyncMethod, Entering, Handle, Notification, Streaming
from rpc.service.marks import Marks, marks_of
from rpc.service.names import check_service_name, full_name
from rpc.service.stream import Stream

__all__ = ["Contract", "Member", "contract", "contract_of", "declaring"]

C = TypeVar("C", bound=type)

_NO_CONTRACTS: tuple[Any, ...] = (object, Protocol, Generic, abc.ABC)
"""Bases whose attributes are no methods of a contract."""

_OPENED = {Stream: Kind.STREAMING, AbstractAsyncContextManager: Kind.CONTEXT}
"""What a ``def`` of a contract may give: callers open it with ``async with``."""


@attrs.frozen(kw_only=True, eq=False)
class Member:
    """One method of a contract.

    Attributes:
        name: its attribute, which is its name on the wire too unless its marks give it another one.
        function: the one in the class, which declares it.
        handle: what a stub calls.
        signature: its parameters behind ``self``, and its result; annotations are resolved, those of a stream and a
            context are what the function would be annotated with that implements it.
        given: what one item of a stream, or the value of a context, or the result is.
        marks: what is said of it beside its signature.
    """

    name: str
    function: Callable[..., Any]
    handle: Handle
    signature: inspect.Signature
    given: Any
    marks: Marks

    @property
    def kind(self) -> Kind:
        """How it is called and answers."""
        return self.handle.kind


@attrs.frozen(kw_only=True, eq=False)
class Contract:
    """The methods that a class declares, for those who call and those who serve.

    Attributes:
        cls: the class.
        name: the name of the service.
        converter: how values come and go, on both sides; None for the usual way.
        members: the methods by their attributes.
    """

    cls: type
    name: str
    converter: Converter | None
    members: Mapping[str, Member]

    @property
    def doc(self) -> str:
        """What the class says of itself."""
        return inspect.cleandoc(self.cls.__doc__ or "")


_contracts: dict[type, Contract] = {}
"""Beside the classes, since an attribute of a Protocol would be one more member that `isinstance` asks for."""


def contract(name: str, /, *, converter: Converter | None = None) -> Callable[[C], C]:
    """Make a `Protocol` or an ABC the contract of a service: a decorator of the class, which stays as it is.

    Callers use it by ``client.stub(Calc)``, and `Service.from_contract` serves an object that implements it::

        @rpc.contract("calc")
        class Calc(Protocol):
            async def add(self, a: int, b: int = 0) -> int: ...
            async def total(self, numbers: AsyncIterable[int]) -> int: ...  # takes the caller's stream
            def countdown(self, start: int) -> rpc.Stream[int]: ...  # streams its items
            def lease(self, name: str) -> AbstractAsyncContextManager[int]: ...  # is entered

            @rpc.notification
            async def observe(self, name: str, value: float) -> None: ...

    All methods of the class and of its bases belong to it, save those whose names begin with ``_``. `rpc.method` says
    more of one. A generic class is a contract too: ``Store[int]`` is one of its own, as is a class that inherits it.

    Args:
        name: the name of the service on the wire.
        converter: how arguments, results and items come and go, on both sides; None for the usual way.

    Raises:
        TypeError: the class has something that cannot be called from afar; the message says what to change.
        ValueError: the name is none.
    """
    check_service_name(name)

    def declare(cls: C) -> C:
        declaring_class = _checked(cls)
        _contracts[declaring_class] = _read(declaring_class, name, converter, bindings(declaring_class))
        return cls

    return declare


def _checked(cls: Any) -> type:
    if inspect.isclass(cls):
        return cls
    raise TypeError(f"{cls!r} is no class: a contract is a Protocol or an ABC")


def contract_of(target: Any) -> Contract:
    """The contract that a class is, or an alias of a generic one, as ``Store[int]``.

    Raises:
        TypeError: it is none.
    """
    cls = typing.get_origin(target) or target
    found = _contracts.get(cls) if isinstance(cls, type) else None
    if found is None:
        name = getattr(cls, "__name__", repr(cls))
        raise TypeError(f'{name} is no contract: decorate the class with @rpc.contract("name of the service")')
    return found if cls is target else _of_alias(found, target)


@functools.lru_cache(maxsize=256)
def _of_alias(generic: Contract, alias: Any) -> Contract:
    return _read(generic.cls, generic.name, generic.converter, bindings(alias))


def _read(cls: type, name: str, converter: Converter | None, bound: Bindings) -> Contract:
    members = {
        attribute: _member(attribute, function, f"{cls.__name__}.{attribute}", name, converter, bound[home])
        for attribute, (home, function) in _declared(cls).items()
    }
    names = [member.handle.name for member in members.values()]
    for taken in names:
        if names.count(taken) > 1:
            raise ValueError(
                f"{cls.__name__}: two methods are named {taken!r}: give one of them another name with name="
            )
    if not members:
        raise TypeError(f"{cls.__name__}: a contract has methods, and here is none")
    return Contract(cls=cls, name=name, converter=converter, members=members)


def _declared(cls: type) -> dict[str, tuple[type, types.FunctionType]]:
    """The functions of a class and its bases, by their attributes, and where each of them is.

    Raises:
        TypeError: there are other attributes.
    """
    found: dict[str, tuple[type, types.FunctionType]] = {}
    for base in reversed(cls.__mro__):
        if base in _NO_CONTRACTS:
            continue
        for attribute in [*vars(base), *vars(base).get("__annotations__", ())]:
            if attribute.startswith("_"):
                continue
            value = vars(base).get(attribute)
            if not isinstance(value, types.FunctionType):
                raise TypeError(
                    f"{base.__name__}.{attribute} is no method: a contract has methods only; "
                    "put it elsewhere, or let its name begin with _"
                )
            found[attribute] = (base, value)
    return found


def _member(
    attribute: str,
    function: types.FunctionType,
    where: str,
    service: str,
    converter: Converter | None,
    bound: Mapping[Any, Any],
) -> Member:
    marks = marks_of(function)
    if marks.allow is not None:
        raise TypeError(f"{where}: allow= is nothing to callers: let the implementation alone say who may call it")
    parameters, hints = inspected(function, where)
    hints = {name: substituted(hint, bound) for name, hint in hints.items()}
    kind, given = _kind(function, marks, hints.get("return", Any), where)
    behind_self = _without_self(list(parameters), where)
    for parameter in behind_self:
        if is_context(hints.get(parameter.name)):
            raise TypeError(f"{where}: rpc.Context is nothing to callers: let the implementation alone ask for it")
    returns: Any = given
    if kind in (Kind.STREAMING, Kind.CONTEXT):
        returns = types.GenericAlias(AsyncIterator, (given,))
    signature = inspect.Signature(
        [parameter.replace(annotation=hints.get(parameter.name, Any)) for parameter in behind_self],
        return_annotation=returns,
    )
    declaration = declaring(_FORMS[kind](where), function, signature)
    name = full_name(service, attribute if marks.name is None else marks.name)
    handle = _handle(kind, declaration, name, marks, converter, where)
    return Member(name=attribute, function=function, handle=handle, signature=signature, given=given, marks=marks)


def _kind(function: types.FunctionType, marks: Marks, returns: Any, where: str) -> tuple[Kind, Any]:
    """How a method is called, and what it gives: the result, or that of one item."""
    shape, origin = shape_of(function), typing.get_origin(returns) or returns
    if marks.kind == "notification":
        if shape is Shape.AWAITABLE and returns in (None, type(None)):
            return Kind.NOTIFICATION, type(None)
        raise TypeError(f"{where}: a notification is never answered, but sent with await: make it an async def -> None")
    if shape is Shape.ASYNC_CONTEXT_MANAGER:
        return Kind.CONTEXT, yielded(returns, f"{where}: the result", shape)
    if shape is Shape.RESULT and origin in _OPENED:
        return _OPENED[origin], (*typing.get_args(returns), Any)[0]
    if shape is Shape.AWAITABLE and origin not in _OPENED:
        return Kind.METHOD, returns
    if shape is Shape.AWAITABLE:
        raise TypeError(f"{where}: what it gives is not awaited, but opened by async with: make it a def")
    raise TypeError(
        f"{where}: make it an async def, whose result callers await; or a def that is annotated with "
        "rpc.Stream[...] for items, or with AbstractAsyncContextManager[...] for a context"
    )


def _without_self(parameters: list[inspect.Parameter], where: str) -> list[inspect.Parameter]:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in positional:
        raise TypeError(f"{where}: its first parameter is self, and it has none")
    return parameters[1:]


def _handle(
    kind: Kind, declaration: Callable[..., Any], name: str, marks: Marks, converter: Converter | None, where: str
) -> Handle:
    if kind is Kind.NOTIFICATION:
        return Notification(declaration, name=name, concurrent=marks.concurrent, converter=converter)
    if kind is Kind.CONTEXT:
        if marks.idempotent or marks.thread:
            raise TypeError(f"{where}: a context is neither idempotent nor run in a thread")
        return Entering(declaration, name=name, raises=marks.raises, converter=converter)
    make: Any = Streaming if kind is Kind.STREAMING else AsyncMethod
    handle: Handle = make(declaration, name=name, raises=marks.raises, idempotent=marks.idempotent, converter=converter)
    return handle


def declaring(function: Callable[..., Any], like: Any, signature: inspect.Signature) -> Callable[..., Any]:
    """Have a function tell the name and the words of another one, and a signature of its own."""
    form: Any = function
    form.__name__, form.__qualname__, form.__module__ = like.__name__, like.__qualname__, like.__module__
    form.__doc__ = like.__doc__
    form.__signature__ = signature
    form.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    form.__annotations__["return"] = signature.return_annotation
    return function


def _awaited(where: str) -> Callable[..., Any]:
    async def method(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{where} is declared only: call it through a stub")

    return method


def _iterated(where: str) -> Callable[..., Any]:
    async def method(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        raise NotImplementedError(f"{where} is declared only: call it through a stub")
        yield  # type: ignore[unreachable]  # for the form of it

    return method


_FORMS = {
    Kind.METHOD: _awaited,
    Kind.NOTIFICATION: _awaited,
    Kind.STREAMING: _iterated,
    Kind.CONTEXT: _iterated,
}
"""Functions that have the form of what implements a method of each kind."""
