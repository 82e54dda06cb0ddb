"""Stubs by contract: an object with the methods that a contract declares, each of which calls its handle."""

from __future__ import annotations

import abc
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager as Block
from types import TracebackType
from typing import Any, ClassVar, Protocol, TypeVar

from rpc.service.contract import Contract, Member, contract_of
from rpc.service.function import Kind
from rpc.service.near import near
from rpc.service.stream import Stream

__all__ = ["ContractStub", "class_of", "contract_stub"]

T = TypeVar("T")


class Caller(Protocol):
    """What a stub calls through: a client."""

    async def call(self, target: Any, /, *args: Any, **kwargs: Any) -> Any: ...

    def stream(self, target: Any, /, *args: Any, **kwargs: Any) -> Block[AsyncIterator[Any]]: ...

    def enter(self, target: Any, /, *args: Any, **kwargs: Any) -> Block[Any]: ...

    async def notify(self, target: Any, /, *args: Any, **kwargs: Any) -> None: ...


class ContractStub:
    """A service by its contract: the base of the class that is made for each contract, with its methods."""

    __slots__ = ("_caller",)
    _contract: ClassVar[Contract]

    def __init__(self, caller: object) -> None:
        self._caller = caller

    def __getattr__(self, name: str) -> Any:
        contract = self._contract
        alike = near(name, contract.members)
        hint = f"; did you mean {' or '.join(alike)}?" if alike else ""
        raise AttributeError(f"{name!r} is no method of the contract {contract.cls.__name__}{hint}")

    def __repr__(self) -> str:
        return f"<stub of {self._contract.name} by {self._contract.cls.__name__}>"


def contract_stub(caller: Caller, target: Any) -> ContractStub:
    """The stub of a contract, that is a class or an alias of a generic one.

    Raises:
        TypeError: it is no contract.
    """
    return _class_of(contract_of(target))(caller)


@functools.cache
def _class_of(contract: Contract) -> type[ContractStub]:
    """A class with the methods of a contract: one that `isinstance` takes for an instance of that."""
    cls = class_of(contract, _METHODS)
    if isinstance(contract.cls, abc.ABCMeta):
        contract.cls.register(cls)
    return cls


def class_of(contract: Contract, makers: Mapping[Kind, Callable[[Any], Any]]) -> type[ContractStub]:
    """A class with the methods of a contract, each made of its handle as its kind is."""
    methods = {name: _method(member, makers[member.kind]) for name, member in contract.members.items()}
    space: dict[str, Any] = {"__slots__": (), "__doc__": contract.cls.__doc__, "_contract": contract, **methods}
    return type(f"{contract.cls.__name__}Stub", (ContractStub,), space)


def _method(member: Member, make: Callable[[Any], Any]) -> Callable[..., Any]:
    method: Any = make(member.handle)
    function = member.function
    method.__name__, method.__qualname__, method.__doc__ = function.__name__, function.__qualname__, function.__doc__
    method.__signature__ = inspect.signature(function)
    made: Callable[..., Any] = method
    return made


def _called(handle: Any) -> Callable[..., Any]:
    async def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await self._caller.call(handle, *args, **kwargs)

    return method


def _notified(handle: Any) -> Callable[..., Any]:
    async def method(self: Any, /, *args: Any, **kwargs: Any) -> None:
        await self._caller.notify(handle, *args, **kwargs)

    return method


def _streamed(handle: Any) -> Callable[..., Any]:
    def method(self: Any, /, *args: Any, **kwargs: Any) -> Stream[Any]:
        return ReceivedStream(handle.name, self._caller.stream(handle, *args, **kwargs))

    return method


def _entered(handle: Any) -> Callable[..., Any]:
    def method(self: Any, /, *args: Any, **kwargs: Any) -> Block[Any]:
        block: Block[Any] = self._caller.enter(handle, *args, **kwargs)
        return block

    return method


_METHODS = {
    Kind.METHOD: _called,
    Kind.NOTIFICATION: _notified,
    Kind.STREAMING: _streamed,
    Kind.CONTEXT: _entered,
}


class ReceivedStream(Stream[T]):
    """A stream as a stub gives it: the block of a client, which can be iterated too while it lasts.

    Raises:
        RuntimeError: it is iterated before its block, or behind it, or has a second one.
    """

    __slots__ = ("_block", "_items", "_name", "_was_opened")

    def __init__(self, name: str, block: Block[AsyncIterator[T]]) -> None:
        self._name = name
        self._block = block
        self._items: AsyncIterator[T] | None = None
        self._was_opened = False

    async def __aenter__(self) -> AsyncIterator[T]:
        if self._was_opened:
            raise RuntimeError(f"this stream of {self._name} was opened already: each call gives one, to be used once")
        self._was_opened = True
        self._items = await self._block.__aenter__()
        return self._items

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._items = None
        await self._block.__aexit__(cls, error, traceback)

    async def __anext__(self) -> T:
        if self._items is None:
            raise RuntimeError(
                f"a stream of {self._name} is iterated in its block only, whose end stops the handler: "
                f"async with stub.{self._name.rpartition('.')[2]}(...) as items"
            )
        return await anext(self._items)

    def __repr__(self) -> str:
        return f"<stream of {self._name}>"
