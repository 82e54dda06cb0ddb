"""Stubs of a blocking client: a service of the peer as an object whose methods are called, not awaited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Any, Protocol

from rpc.client.contract_stub import ContractStub, class_of
from rpc.client.stub import ServiceStub
from rpc.service.contract import Contract, contract_of
from rpc.service.function import Kind

__all__ = ["Stub", "contract_stub"]


class Caller(Protocol):
    """What a stub calls through: a blocking client."""

    def call(self, target: Any, /, *args: Any, **kwargs: Any) -> Any: ...

    def stream(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Iterator[Any]]: ...

    def enter(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Any]: ...

    def notify(self, target: Any, /, *args: Any, **kwargs: Any) -> None: ...


class Stub(ServiceStub["StubMethod"]):
    """A service by its name: ``stub.add(2, b=3)`` calls ``calc.add``.

    Nothing is checked before the call: the peer knows its methods. Names that begin with ``_`` are no methods.
    """

    __slots__ = ()

    def __init__(self, caller: Caller, service: str) -> None:
        super().__init__(partial(StubMethod, caller), service)


class StubMethod:
    """One method of a stub: call it, or use it with `stream`, `enter` or `notify`, as its kind is."""

    __slots__ = ("_caller", "_name")

    def __init__(self, caller: Caller, name: str) -> None:
        self._caller = caller
        self._name = name

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method; see `Client.call`."""
        return self._caller.call(self._name, *args, **kwargs)

    def stream(self, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Iterator[Any]]:
        """Call the method that streams its items; see `Client.stream`."""
        return self._caller.stream(self._name, *args, **kwargs)

    def enter(self, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Any]:
        """Enter the context manager of this name; see `Client.enter`."""
        return self._caller.enter(self._name, *args, **kwargs)

    def notify(self, /, *args: Any, **kwargs: Any) -> None:
        """Send the notification of this name; see `Client.notify`."""
        self._caller.notify(self._name, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<stub of {self._name}>"


def contract_stub(caller: Caller, target: Any) -> ContractStub:
    """The stub of a contract, that is a class or an alias of a generic one; it is no instance of that class.

    Raises:
        TypeError: it is no contract.
    """
    return _class_of(contract_of(target))(caller)


@cache
def _class_of(contract: Contract) -> type[ContractStub]:
    return class_of(contract, _METHODS_OF)


def _method_of(way: str) -> Callable[[Any], Callable[..., Any]]:
    """From a handle to the method of a stub that goes this way of the client."""

    def make(handle: Any) -> Callable[..., Any]:
        def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return getattr(self._caller, way)(handle, *args, **kwargs)

        return method

    return make


_METHODS_OF = {
    Kind.METHOD: _method_of("call"),
    Kind.NOTIFICATION: _method_of("notify"),
    Kind.STREAMING: _method_of("stream"),
    Kind.CONTEXT: _method_of("enter"),
}
