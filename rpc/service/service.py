"""`Service`: a named set of functions that a peer may call."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager as Block
from typing import Any, ClassVar, Never, ParamSpec, Protocol, Self, TypeVar, overload

from rpc.service.contract import contract_of
from rpc.service.convert import Converter
from rpc.service.function import Kind, Shape, shape_of
from rpc.service.handle import AsyncMethod, Entering, Handle, Notification, Streaming, SyncMethod
from rpc.service.implementation import served_methods
from rpc.service.names import check_service_name, full_name
from rpc.service.permission import Allow, check_allow

__all__ = ["Service"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Nothing = TypeVar("Nothing", bound=Never)
Later = TypeVar("Later", bound=Awaitable[Any])
Items = TypeVar("Items", bound=AsyncIterable[Any] | Iterator[Any])
AnyHandle = TypeVar("AnyHandle", bound=Handle)
Opener = TypeVar("Opener", bound=Callable[[], Any])

_CLASSES = {Shape.GENERATOR: Streaming, Shape.ASYNC_GENERATOR: Streaming, Shape.AWAITABLE: AsyncMethod}


class Registering(Protocol):
    """For type checkers: the decorator that `Service.method` makes of its options."""

    @overload
    def __call__(self, function: Callable[P, Nothing], /) -> SyncMethod[Callable[P, Nothing]]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, Items], /) -> Streaming[Callable[P, Items]]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, Later], /) -> AsyncMethod[Callable[P, Later]]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncMethod[Callable[P, R]]: ...


class RegisteringContext(Protocol):
    """For type checkers: the decorator that `Service.context` makes of its options."""

    @overload
    def __call__(self, function: Callable[P, Block[T]], /) -> Entering[Callable[P, Block[T]]]: ...
    @overload
    def __call__(self, function: Callable[P, AsyncIterator[T]], /) -> Entering[Callable[P, Block[T]]]: ...


class Service:
    """A named set of functions that a peer may call: the exact names in `handles`, and nothing else.

    Attributes:
        name: the service's name on the wire: segments of letters, digits and ``_``, with dots between them.
        doc: what it is for, told to callers where the server describes itself.
        converter: how arguments, results and items come and go; None for the usual way, by msgspec.
        handles: its handlers by their full wire names, ``service.method``.

    Raises:
        ValueError: the name is not of this form, or is reserved.
    """

    _reserved: ClassVar[str] = "rpc"
    """The first segment of the services that describe a server itself."""

    def __init__(self, name: str, *, doc: str = "", converter: Converter | None = None) -> None:
        check_service_name(name)
        if name.split(".")[0] == self._reserved:
            raise ValueError(f"{name!r} is reserved for the services that describe a server: take another name")
        self.name = name
        self.doc = inspect.cleandoc(doc)
        self.handles: dict[str, Handle] = {}
        self.converter = converter
        self._lifespan: Callable[[], Block[Any]] | None = None

    @classmethod
    def from_contract(cls, contract: Callable[..., Any], implementation: object) -> Self:
        """Serve an object by a contract, see `rpc.contract`: ``rpc.Service.from_contract(Calc, CalcServer())``.

        What the contract declares is served, with its schema, and nothing else of the object, which need not inherit
        the contract: to type checkers a generator that implements it is no `rpc.Stream`. Each of its methods must
        fit: a ``def`` or an ``async def`` for a method, a generator, async or not, for `rpc.Stream`, a function with
        one yield in it, as `contextlib.asynccontextmanager` takes it, for a context. It may take more than the contract
        says, and give less, as type checkers have it; annotations that it leaves out are the contract's. Where it has
        a parameter that is annotated with `rpc.Context`, which the contract has not, it receives the context.

        Raises:
            TypeError: the class is no contract, or the object does not implement it; the message names each method
                that is missing, or differs, and how.
            ValueError: the name of the contract is reserved.
        """
        found = contract_of(contract)
        service = cls(found.name, doc=found.doc, converter=found.converter)
        register: dict[Kind, Any] = {Kind.NOTIFICATION: service.notification, Kind.CONTEXT: service.context}
        for served in served_methods(found, implementation):
            register.get(served.kind, service.method)(**served.options)(served.function)
        return service

    def __repr__(self) -> str:
        return f"<Service {self.name}: {', '.join(self._short_names()) or 'nothing yet'}>"

    def _short_names(self) -> list[str]:
        return [name.rpartition(".")[2] for name in self.handles]

    # Type checkers take the first overload that fits. `Any` fits all, and is a result: so `Never` is asked first.
    @overload
    def method(self, function: Callable[P, Nothing], /) -> SyncMethod[Callable[P, Nothing]]: ...  # type: ignore[overload-overlap]
    @overload
    def method(self, function: Callable[P, Items], /) -> Streaming[Callable[P, Items]]: ...  # type: ignore[overload-overlap]
    @overload
    def method(self, function: Callable[P, Later], /) -> AsyncMethod[Callable[P, Later]]: ...  # type: ignore[overload-overlap]
    @overload
    def method(self, function: Callable[P, R], /) -> SyncMethod[Callable[P, R]]: ...
    @overload
    def method(
        self,
        /,
        *,
        thread: bool = False,
        raises: Sequence[type[Exception]] = (),
        idempotent: bool = False,
        allow: Allow | None = None,
        name: str | None = None,
    ) -> Registering: ...
    def method(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        thread: bool = False,
        raises: Sequence[type[Exception]] = (),
        idempotent: bool = False,
        allow: Allow | None = None,
        name: str | None = None,
    ) -> Any:
        """Let peers call a function: a decorator, with or without arguments.

        The annotations of the function are its schema: arguments that do not fit are refused before it runs. A ``def``
        runs on the event loop and must be quick; an ``async def`` may wait; what blocks takes ``thread=True``.

        A generator, async or not, streams what it yields. A parameter of an ``async def`` that is annotated with
        ``AsyncIterable[...]`` is the caller's stream.

        Args:
            function: the function, where the decorator stands without arguments.
            thread: run it in a worker thread.
            raises: the exception classes that travel as themselves; callers that know them get them back.
            idempotent: a call that may have run may be made again.
            allow: a function of the `Context` that says whether its peer may make the call, as in
                ``allow=lambda context: context.peer.identity == "alice"``. It is asked before the arguments are
                decoded; where it says anything but True, or raises, the answer is PERMISSION_DENIED.
            name: its name on the wire within the service, where it is not the function's own.

        Raises:
            TypeError: the function cannot be a method; the message says what to change.
            ValueError: the name is taken, or is none.
        """

        def register(function: Callable[..., Any]) -> Handle:
            full_name = self._full_name(function, name)
            make: Any = _CLASSES.get(shape_of(function), SyncMethod)
            handle: Handle = make(
                function,
                name=full_name,
                thread=thread,
                raises=raises,
                idempotent=idempotent,
                converter=self.converter,
            )
            return self._add(handle, allow)

        return register if function is None else register(function)

    @overload
    def context(self, function: Callable[P, Block[T]], /) -> Entering[Callable[P, Block[T]]]: ...
    @overload
    def context(self, function: Callable[P, AsyncIterator[T]], /) -> Entering[Callable[P, Block[T]]]: ...
    @overload
    def context(
        self,
        /,
        *,
        raises: Sequence[type[Exception]] = (),
        allow: Allow | None = None,
        name: str | None = None,
    ) -> RegisteringContext: ...
    def context(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        raises: Sequence[type[Exception]] = (),
        allow: Allow | None = None,
        name: str | None = None,
    ) -> Any:
        """Let peers enter an async context manager: a decorator, with or without arguments.

        The caller's ``async with`` gets what the function yields; its end, or what it raises, comes out of the
        ``yield``, and a caller that is lost cancels it there::

            @calc.context
            async def lease(name: str) -> AsyncIterator[int]:
                async with take(name) as token:
                    yield token

        Args:
            function: the function, where the decorator stands without arguments; one that is decorated with
                `contextlib.asynccontextmanager` already is taken as well.
            raises: the exception classes that travel as themselves; callers that know them get them back.
            allow: who may enter it, as in `method`.
            name: its name on the wire within the service, where it is not the function's own.

        Raises:
            TypeError: the function cannot be entered; the message says what to change.
            ValueError: the name is taken, or is none.
        """

        def register(function: Callable[..., Any]) -> Handle:
            full_name = self._full_name(function, name)
            handle: Handle = Entering(function, name=full_name, raises=raises, converter=self.converter)
            return self._add(handle, allow)

        return register if function is None else register(function)

    @overload
    def notification(self, function: Callable[P, R], /) -> Notification[Callable[P, R]]: ...
    @overload
    def notification(
        self, /, *, thread: bool = False, concurrent: bool = False, allow: Allow | None = None, name: str | None = None
    ) -> Callable[[Callable[P, R]], Notification[Callable[P, R]]]: ...
    def notification(
        self,
        function: Callable[P, R] | None = None,
        /,
        *,
        thread: bool = False,
        concurrent: bool = False,
        allow: Allow | None = None,
        name: str | None = None,
    ) -> Notification[Callable[P, R]] | Callable[[Callable[P, R]], Notification[Callable[P, R]]]:
        """Let peers notify a function, which is never answered: a decorator, with or without arguments.

        The notifications of one connection run one after the other, in the order that they were sent in.

        Args:
            function: the function, where the decorator stands without arguments; its result is annotated ``None``.
            thread: run it in a worker thread.
            concurrent: let several of one connection run at once, and in any order.
            allow: whose notifications are taken, as in `method`; the others are dropped and counted.
            name: its name on the wire within the service, where it is not the function's own.

        Raises:
            TypeError: the function cannot be a notification; the message says what to change.
            ValueError: the name is taken, or is none.
        """

        def register(function: Callable[P, R]) -> Notification[Callable[P, R]]:
            full_name = self._full_name(function, name)
            notification = Notification(
                function, name=full_name, thread=thread, concurrent=concurrent, converter=self.converter
            )
            return self._add(notification, allow)

        return register if function is None else register(function)

    def _add(self, handle: AnyHandle, allow: Allow | None) -> AnyHandle:
        check_allow(allow, handle.name)
        handle.allow = allow
        self.handles[handle.name] = handle
        return handle

    def _full_name(self, function: Any, name: str | None) -> str:
        found = full_name(self.name, getattr(function, "__name__", "") if name is None else name, function)
        if found in self.handles:
            raise ValueError(f"{found!r} is registered already: give one of the two another name with name=")
        return found

    def lifespan(self, function: Opener, /) -> Opener:
        """Open what the handlers need before the first call, and close it after the last one: a decorator.

        The function is an async generator that yields once; what it yields is `Context.state` of every call::

            @calc.lifespan
            async def open_database():
                async with Database() as database:
                    yield database

        Raises:
            TypeError: it is no async generator function.
            ValueError: the service has a lifespan already.
        """
        if self._lifespan is not None:
            raise ValueError(f"{self.name} has a lifespan already")
        if not inspect.isasyncgenfunction(function):
            raise TypeError(f"{self.name}: a lifespan is an async def with one yield in it, {function!r} is not")
        generator: Callable[[], AsyncIterator[Any]] = function
        self._lifespan = contextlib.asynccontextmanager(generator)
        return function

    def open(self) -> Block[Any]:
        """The lifespan, anew for each time that the service is served: a context manager, of None if there is none."""
        return contextlib.nullcontext() if self._lifespan is None else self._lifespan()
