"""`Service`: a named set of functions that a peer may call."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar, overload

from rpc.limits import MAX_METHOD
from rpc.service.handle import Handle, Method, Notification

__all__ = ["Service"]

F = TypeVar("F", bound=Callable[..., Any])
L = TypeVar("L", bound=Callable[[], Any])

_SEGMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(rf"{_SEGMENT.pattern}(\.{_SEGMENT.pattern})*")


class Service:
    """A named set of functions that a peer may call: the exact names in `handles`, and nothing else.

    Raises:
        ValueError: the name is no dotted name, or is reserved.
    """

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a service: write letters, digits and _, in segments with dots")
        if name.partition(".")[0] == "rpc":
            raise ValueError(f"{name!r} is reserved: names under 'rpc' belong to the built-in services")
        self.name = name
        self.handles: dict[str, Handle] = {}
        self._lifespan: Callable[[], contextlib.AbstractAsyncContextManager[Any]] | None = None

    @overload
    def method(self, function: F, /) -> Method[F]: ...
    @overload
    def method(
        self,
        /,
        *,
        thread: bool = False,
        raises: Sequence[type[Exception]] = (),
        idempotent: bool = False,
        name: str | None = None,
    ) -> Callable[[F], Method[F]]: ...
    def method(
        self,
        function: Any = None,
        /,
        *,
        thread: bool = False,
        raises: Sequence[type[Exception]] = (),
        idempotent: bool = False,
        name: str | None = None,
    ) -> Any:
        """Let peers call a function: a decorator, with or without arguments."""

        def decorate(function: Any) -> Method[Any]:
            full = self._full_name(function, name)
            handle = Method[Any](function, name=full, thread=thread, raises=tuple(raises), idempotent=idempotent)
            self.handles[full] = handle
            return handle

        return decorate if function is None else decorate(function)

    @overload
    def notification(self, function: F, /) -> Notification[F]: ...
    @overload
    def notification(
        self, /, *, thread: bool = False, concurrent: bool = False, name: str | None = None
    ) -> Callable[[F], Notification[F]]: ...
    def notification(
        self, function: Any = None, /, *, thread: bool = False, concurrent: bool = False, name: str | None = None
    ) -> Any:
        """Let peers notify a function: a decorator, with or without arguments."""

        def decorate(function: Any) -> Notification[Any]:
            full = self._full_name(function, name)
            handle = Notification[Any](function, name=full, thread=thread, concurrent=concurrent)
            self.handles[full] = handle
            return handle

        return decorate if function is None else decorate(function)

    def lifespan(self, function: L, /) -> L:
        """Take an async generator function that yields once: the state of the service while it is served."""
        if self._lifespan is not None:
            raise ValueError(f"service {self.name!r} has a lifespan already")
        if not inspect.isasyncgenfunction(function):
            raise TypeError(f"the lifespan of service {self.name!r} must be an async generator function")
        opened: Callable[[], AsyncIterator[Any]] = function
        self._lifespan = contextlib.asynccontextmanager(opened)
        return function

    def open(self) -> contextlib.AbstractAsyncContextManager[Any]:
        """The lifespan, entered anew each time the service is served; yields None where there is none."""
        return contextlib.nullcontext() if self._lifespan is None else self._lifespan()

    def _full_name(self, function: Any, name: str | None) -> str:
        short = name if name is not None else function.__name__
        full = f"{self.name}.{short}"
        if not _SEGMENT.fullmatch(short):
            raise ValueError(f"{short!r} is no name of a method: write letters, digits and _")
        if len(full) > MAX_METHOD:
            raise ValueError(f"{full!r} is too long: a name has at most {MAX_METHOD} bytes")
        if full in self.handles:
            raise ValueError(f"{full!r} is registered already")
        return full

    def __repr__(self) -> str:
        return f"<Service {self.name}: {len(self.handles)} handlers>"
