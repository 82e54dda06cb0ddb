"""Handles: what the decorators of a service return.

A handle is called as the function that it holds, in this process, and tells a server how to run it and a caller how to
call it. It is generic in the function's parameters and result, so that type checkers infer calls by handle::

    client.call(add, 2, b=3)     # checked against the parameters of `add`, and typed as its result

They do so through `Answering` and `Notifiable`, which the overloads of a client take twice: with a leading
`rpc.Context` stripped, and as they are. What an ``async def`` returns is unwrapped by the overloads of
`Method.convert_result` and not by the client's, because a checker that finds `Any` in an argument gives up on overloads
of different results.
"""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from rpc.service.declared import check_declared
from rpc.service.signature import Signature

__all__ = ["Answering", "Handle", "Kind", "Method", "Notifiable", "Notification"]

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Kind(enum.Enum):
    """How a handler is called and answers."""

    METHOD = "method"
    STREAMING = "streaming"
    NOTIFICATION = "notification"
    CONTEXT = "context"


class Answering(Protocol[P, T_co]):
    """For type checkers: a handle that takes P and answers a call with T."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> object: ...

    def convert_result(self, value: Any, /) -> T_co: ...


class Notifiable(Protocol[P]):
    """For type checkers: a handle that takes P and is never answered."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> object: ...

    @property
    def concurrent(self) -> bool: ...


class _Callable(Generic[P, R_co]):
    """What all handles have.

    Attributes:
        name: the full wire name, ``service.method``.
        function: the function itself.
        thread: whether it runs in a worker thread.
        is_async: whether calling it gives an awaitable.
        signature: its parameters and its result.
        doc: its docstring without indentation; empty where there is none.
    """

    def __init__(self, function: Callable[P, R_co], *, name: str, thread: bool) -> None:
        _refuse_misuse(function, name)
        functools.update_wrapper(self, function)  # first, because it would copy the function's attributes over ours
        self.name = name
        self.function = function
        self.thread = thread
        self.is_async = inspect.iscoroutinefunction(inspect.unwrap(function))
        self.doc = inspect.getdoc(function) or ""
        if thread and self.is_async:
            raise TypeError(f"{name}: an async def runs on the event loop: drop thread=True, or make it a def")
        self.signature = Signature.of(function, name=name)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function itself, in this process."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def service(self) -> str:
        """The name of the service that has it."""
        return self.name.rpartition(".")[0]


class Method(_Callable[P, R_co]):
    """A function that a peer may call, and that answers once.

    Attributes:
        kind: `Kind.METHOD`.
        raises: the exception classes that travel as themselves.
        idempotent: whether a call that may have run may be made again.
        name, function, thread, is_async, signature, doc: as every handle has them.

    Raises:
        TypeError: the function cannot be a method; the message says what to change.
    """

    kind = Kind.METHOD

    def __init__(
        self,
        function: Callable[P, R_co],
        *,
        name: str,
        thread: bool = False,
        raises: Sequence[type[Exception]] = (),
        idempotent: bool = False,
    ) -> None:
        super().__init__(function, name=name, thread=thread)
        self.raises = tuple(raises)
        self.idempotent = idempotent
        check_declared(self.raises, name)

    @overload
    def convert_result(self: Method[..., Awaitable[T]], value: Any, /) -> T: ...
    @overload
    def convert_result(self: Method[..., T], value: Any, /) -> T: ...
    def convert_result(self, value: Any, /) -> Any:
        """Fit a decoded result to the return annotation, see `Signature.convert_result`."""
        return self.signature.convert_result(value)


class Notification(_Callable[P, R_co]):
    """A function that a peer may notify: never answered, so it returns None.

    Attributes:
        kind: `Kind.NOTIFICATION`.
        concurrent: whether several notifications of one connection may run at once, and in any order.
        raises: empty: nobody is there to receive an exception.
        idempotent: False.
        name, function, thread, is_async, signature, doc: as every handle has them.

    Raises:
        TypeError: the function cannot be a notification; the message says what to change.
    """

    kind = Kind.NOTIFICATION
    raises: tuple[type[Exception], ...] = ()
    idempotent = False

    def __init__(
        self, function: Callable[P, R_co], *, name: str, thread: bool = False, concurrent: bool = False
    ) -> None:
        super().__init__(function, name=name, thread=thread)
        self.concurrent = concurrent
        if self.signature.returns is not type(None):
            raise TypeError(f"{name}: a notification is never answered: annotate its result with -> None")


Handle: TypeAlias = Method[..., Any] | Notification[..., Any]


def _refuse_misuse(function: Callable[..., Any], name: str) -> None:
    if isinstance(function, _Callable):
        raise TypeError(f"{name}: {function!r} is registered already: register its .function")
    if not inspect.isroutine(function):
        raise TypeError(f"{name}: {function!r} is no function: write a def that calls it")
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{name}: a generator does not travel: return a list")
    if inspect.isasyncgenfunction(function):
        raise TypeError(f"{name}: async generators, which stream their items, cannot be served yet: return a list")
