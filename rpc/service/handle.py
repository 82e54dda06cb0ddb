"""Handles: what the decorators return. Each is callable as the function that it holds, and carries what serves it."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, overload

from rpc.service.signature import Signature

__all__ = ["Handle", "Kind", "Method", "Notification"]

P = ParamSpec("P")
T = TypeVar("T")
F_co = TypeVar("F_co", bound=Callable[..., Any], covariant=True)


class Kind(enum.Enum):
    """How a handler is called."""

    METHOD = "method"
    STREAMING = "streaming"
    NOTIFICATION = "notification"
    CONTEXT = "context"


class Method(Generic[F_co]):
    """A function that a peer may call.

    Attributes:
        name: the full wire name, ``service.method``.
        function: the function itself.
        kind: how it is called.
        thread: whether it runs in a worker thread.
        is_async: whether calling it gives an awaitable.
        raises: the exception classes that travel as themselves.
        signature: its parameters and result.
        doc: its docstring, cleaned; empty where there is none.
        idempotent: whether a call that may have run may be made again.
    """

    kind = Kind.METHOD

    def __init__(
        self,
        function: F_co,
        *,
        name: str,
        thread: bool = False,
        raises: tuple[type[Exception], ...] = (),
        idempotent: bool = False,
    ) -> None:
        self.function = function
        self.name = name
        self.thread = thread
        self.is_async = inspect.iscoroutinefunction(function)
        self.raises = raises
        self.idempotent = idempotent
        self.doc = inspect.getdoc(function) or ""
        self.signature = Signature.of(function, name=name)
        functools.update_wrapper(self, function)

    @overload
    def __call__(self: Method[Callable[P, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, in this process."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class Notification(Generic[F_co]):
    """A function that a peer may notify: it is never answered, and returns None.

    Attributes:
        concurrent: whether several notifications of one connection may run at once, in any order.
        Others: as in `Method`.
    """

    kind = Kind.NOTIFICATION
    raises: tuple[type[Exception], ...] = ()
    idempotent = False

    def __init__(self, function: F_co, *, name: str, thread: bool = False, concurrent: bool = False) -> None:
        self.function = function
        self.name = name
        self.thread = thread
        self.concurrent = concurrent
        self.is_async = inspect.iscoroutinefunction(function)
        self.doc = inspect.getdoc(function) or ""
        self.signature = Signature.of(function, name=name)
        functools.update_wrapper(self, function)

    @overload
    def __call__(self: Notification[Callable[P, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, in this process."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


Handle: TypeAlias = Method[Any] | Notification[Any]
