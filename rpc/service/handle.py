"""Handles: what the decorators of a service return.

A handle is called as the function that it holds, in this process, and tells a server how to run it and a caller how to
call it. It is generic in the whole function, so that type checkers infer calls by handle::

    client.call(add, 2, b=3)     # checked against the parameters of `add`, and typed as its result

How they do so is written in `rpc.service.targets`.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ClassVar, Generic, ParamSpec, TypeAlias, TypeVar

from rpc.service.convert import Converter
from rpc.service.declared import check_declared, declared
from rpc.service.function import Kind, Shape, shape_of
from rpc.service.permission import Allow
from rpc.service.signature import Signature
from rpc.service.targets import Answers, AnswersLater, Enters, Notified, Streams
from rpc.wire.frames import SENDS, TAKES

__all__ = [
    "AsyncMethod",
    "Entering",
    "Handle",
    "Kind",
    "Method",
    "Notification",
    "Streaming",
    "SyncMethod",
]

P = ParamSpec("P")
R = TypeVar("R")
F_co = TypeVar("F_co", bound=Callable[..., Any], covariant=True)


class _Callable(Generic[F_co]):
    """What all handles have.

    Attributes:
        kind: how a peer calls it.
        name: the full wire name, ``service.method``.
        function: the function itself.
        thread: whether it runs in a worker thread.
        is_async: whether calling it gives something to await, to iterate with ``async for``, or to enter with
            ``async with``.
        signature: its parameters and its result.
        flags: what stands in a CALL of it (protocol section 3): SENDS where it takes a stream, TAKES where it gives
            one, both where it is a context.
        doc: its docstring without indentation; empty where there is none.
        raises: the exception classes that travel as themselves.
        idempotent: whether a call that may have run may be made again.
        allow: says of each call whether its peer may make it; None where everybody may.
    """

    kind: ClassVar[Kind]
    allow: Allow | None = None
    _flags: ClassVar[int] = 0

    def __init__(
        self,
        function: F_co,
        *,
        name: str,
        thread: bool = False,
        raises: Sequence[type[Exception]] = (),
        idempotent: bool = False,
        converter: Converter | None = None,
    ) -> None:
        shape = shape_of(function)
        _refuse_misuse(function, name, self.kind, shape)
        functools.update_wrapper(self, function)  # first, because it would copy the function's attributes over ours
        self.name = name
        self.function = function
        self.thread = thread
        self.is_async = shape not in (Shape.RESULT, Shape.GENERATOR)
        self.doc = inspect.getdoc(function) or ""
        self.raises = declared(raises, name)
        self.idempotent = idempotent
        if thread and self.is_async:
            raise TypeError(f"{name}: an async def runs on the event loop: drop thread=True, or make it a def")
        self.signature = Signature.of(function, name=name, converter=converter)
        if self.signature.takes_items:
            _refuse_items(name, self.kind, self.is_async)
        self.flags = self._flags | (SENDS if self.signature.takes_items else 0)
        check_declared(self.raises, name)

    def __call__(self: _Callable[Callable[P, R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, in this process."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def service(self) -> str:
        """The name of the service that has it."""
        return self.name.rpartition(".")[0]


class Method(_Callable[F_co]):
    """A function that a peer may call, and that answers once.

    Attributes:
        kind: `Kind.METHOD`.
        name, function, thread, is_async, signature, flags, doc, raises, idempotent: as every handle has them.

    Raises:
        TypeError: the function cannot be a method; the message says what to change.
    """

    kind = Kind.METHOD


class SyncMethod(Method[F_co], Answers[F_co]):
    """A method whose function gives the answer itself."""


class AsyncMethod(Method[F_co], AnswersLater[F_co]):
    """A method whose function gives the answer to who awaits it."""


class Streaming(_Callable[F_co], Streams[F_co]):
    """A generator, async or not, whose items a peer may stream.

    Attributes:
        kind: `Kind.STREAMING`.
        name, function, thread, is_async, signature, flags, doc, raises, idempotent: as every handle has them.

    Raises:
        TypeError: the function cannot be streamed; the message says what to change.
    """

    kind = Kind.STREAMING
    _flags = TAKES


class Entering(_Callable[F_co], Enters[F_co]):
    """An async context manager that a peer may enter, for as long as its own body runs.

    It is made of a function that `contextlib.asynccontextmanager` has decorated, or of one that could be.

    Attributes:
        kind: `Kind.CONTEXT`.
        name, function, thread, is_async, signature, flags, doc, raises, idempotent: as every handle has them.

    Raises:
        TypeError: the function cannot be entered; the message says what to change.
    """

    kind = Kind.CONTEXT
    _flags = SENDS | TAKES

    def __init__(
        self,
        function: F_co | Callable[..., AsyncIterator[Any]],
        *,
        name: str,
        raises: Sequence[type[Exception]] = (),
        converter: Converter | None = None,
    ) -> None:
        manager: Any = function
        if not isinstance(function, _Callable) and shape_of(function) is Shape.ASYNC_GENERATOR:
            manager = contextlib.asynccontextmanager(manager)
        super().__init__(manager, name=name, raises=raises, converter=converter)


class Notification(_Callable[F_co], Notified[F_co]):
    """A function that a peer may notify: never answered, so it returns None.

    Attributes:
        kind: `Kind.NOTIFICATION`.
        concurrent: whether several notifications of one connection may run at once, and in any order.
        name, function, thread, is_async, signature, flags, doc: as every handle has them.
        raises: empty: nobody is there to receive an exception.
        idempotent: False.

    Raises:
        TypeError: the function cannot be a notification; the message says what to change.
    """

    kind = Kind.NOTIFICATION

    def __init__(
        self,
        function: F_co,
        *,
        name: str,
        thread: bool = False,
        concurrent: bool = False,
        converter: Converter | None = None,
    ) -> None:
        super().__init__(function, name=name, thread=thread, converter=converter)
        self.concurrent = concurrent
        if self.signature.returns is not type(None):
            raise TypeError(f"{name}: a notification is never answered: annotate its result with -> None")


Handle: TypeAlias = Method[Any] | Streaming[Any] | Entering[Any] | Notification[Any]

_ANSWERS = (Shape.RESULT, Shape.AWAITABLE)
_SHAPES = {
    Kind.METHOD: _ANSWERS,
    Kind.STREAMING: (Shape.GENERATOR, Shape.ASYNC_GENERATOR),
    Kind.NOTIFICATION: _ANSWERS,
    Kind.CONTEXT: (Shape.ASYNC_CONTEXT_MANAGER,),
}


def _refuse_misuse(function: Callable[..., Any], name: str, kind: Kind, shape: Shape) -> None:
    if isinstance(function, _Callable):
        raise TypeError(f"{name}: {function!r} is registered already: register its .function")
    if not inspect.isroutine(function):
        raise TypeError(f"{name}: {function!r} is no function: write a def that calls it")
    if shape in _SHAPES[kind]:
        return
    if kind is Kind.CONTEXT:
        raise TypeError(f"{name}: a context is an async def with one yield in it, {function!r} is not")
    if kind is Kind.NOTIFICATION:
        raise TypeError(f"{name}: a notification is never answered, and {function!r} gives {shape.value}")
    if shape in (Shape.CONTEXT_MANAGER, Shape.ASYNC_CONTEXT_MANAGER):
        way_out = "register an async def with one yield in it with @context"
        raise TypeError(f"{name}: {function!r} gives {shape.value}: {way_out}")
    raise TypeError(f"{name}: {function!r} gives {shape.value}, which is no {kind.value}")


def _refuse_items(name: str, kind: Kind, is_async: bool) -> None:
    if kind is Kind.NOTIFICATION:
        raise TypeError(f"{name}: a notification takes no stream: make it a method")
    if kind is Kind.CONTEXT:
        raise TypeError(f"{name}: a context takes no stream: let a method take it")
    if not is_async:
        raise TypeError(f"{name}: a stream is taken by an async def only: make it one")
