"""Stubs by name: a service of the peer as an object whose attributes are its methods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager as Block
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["ServiceStub", "Stub"]

M = TypeVar("M")


class Caller(Protocol):
    """What a stub calls through: a client."""

    async def call(self, target: str, /, *args: Any, **kwargs: Any) -> Any: ...

    def stream(self, target: str, /, *args: Any, **kwargs: Any) -> Block[AsyncIterator[Any]]: ...

    def enter(self, target: str, /, *args: Any, **kwargs: Any) -> Block[Any]: ...

    async def notify(self, target: str, /, *args: Any, **kwargs: Any) -> None: ...


class ServiceStub(Generic[M]):
    """A service by its name, whose attributes are its methods."""

    __slots__ = ("_method", "_service")

    def __init__(self, method: Callable[[str], M], service: str) -> None:
        """A stub whose methods are made of their wire names."""
        self._method = method
        self._service = service

    def __getattr__(self, name: str) -> M:
        if name.startswith("_"):
            raise AttributeError(f"{name!r} is no method of {self._service!r}: names that begin with _ are not served")
        return self._method(f"{self._service}.{name}")

    def __repr__(self) -> str:
        return f"<stub of {self._service}>"


class Stub(ServiceStub["StubMethod"]):
    """A service by its name: ``await stub.add(2, b=3)`` calls ``calc.add``.

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

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method; see `rpc.Client.call`."""
        return await self._caller.call(self._name, *args, **kwargs)

    def stream(self, /, *args: Any, **kwargs: Any) -> Block[AsyncIterator[Any]]:
        """Call the method that streams its items; see `rpc.Client.stream`."""
        return self._caller.stream(self._name, *args, **kwargs)

    def enter(self, /, *args: Any, **kwargs: Any) -> Block[Any]:
        """Enter the context manager of this name; see `rpc.Client.enter`."""
        return self._caller.enter(self._name, *args, **kwargs)

    async def notify(self, /, *args: Any, **kwargs: Any) -> None:
        """Send the notification of this name; see `rpc.Client.notify`."""
        await self._caller.notify(self._name, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<stub of {self._name}>"
