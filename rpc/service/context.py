"""What a handler may know about the call that it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, overload

import attrs

from rpc.peer import Peer
from rpc.service.targets import Answering, Enterable, Notifiable, Streamable

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    State_co = TypeVar("State_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    State_co = TypeVar("State_co", covariant=True)

__all__ = ["Caller", "Context"]

P = ParamSpec("P")
T = TypeVar("T")


class Caller(Protocol):
    """What calls a peer: `rpc.Client`, which describes these methods, and `Context.client`.

    A function that is annotated with it takes both.
    """

    @property
    def peer(self) -> Peer: ...

    @overload
    async def call(
        self, target: Answering[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, target: Answering[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def call(self, target: str, /, *args: Any, **kwargs: Any) -> Any: ...

    @overload
    def stream(
        self, target: Streamable[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[AsyncIterator[T]]: ...
    @overload
    def stream(
        self, target: Streamable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[AsyncIterator[T]]: ...
    @overload
    def stream(self, target: str, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[AsyncIterator[Any]]: ...

    @overload
    def enter(
        self, target: Enterable[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[T]: ...
    @overload
    def enter(
        self, target: Enterable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractAsyncContextManager[T]: ...
    @overload
    def enter(self, target: str, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]: ...

    @overload
    async def notify(
        self, target: Notifiable[Concatenate[Context[Any], P]], /, *args: P.args, **kwargs: P.kwargs
    ) -> None: ...
    @overload
    async def notify(self, target: Notifiable[P], /, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    async def notify(self, target: str, /, *args: Any, **kwargs: Any) -> None: ...

    @overload
    def stub(self, service: str, /) -> Any: ...
    @overload
    def stub(self, service: Callable[..., T], /) -> T: ...

    def with_options(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        idempotency_key: bytes | None = None,
    ) -> Caller: ...

    async def ping(self) -> float: ...

    async def aclose(self) -> None: ...


@attrs.frozen(kw_only=True, eq=False)
class Context(Generic[State_co]):
    """One call as its handler sees it. A parameter annotated with this class receives it, and is not on the wire.

    Write ``rpc.Context[Pool]`` where the lifespan of the service yields a ``Pool``, for the type checker's sake.

    Attributes:
        peer: who calls.
        metadata: what the caller sent beside the arguments; text keys are the application's own.
        deadline: when the caller gives up, in seconds of trio's clock; infinity where there is no deadline.
        state: what the service's lifespan yielded, None where there is no lifespan.
        client: calls services of the caller over the same connection, as the client that `rpc.connect` gives.
    """

    peer: Peer
    metadata: Mapping[str | int, Any]
    deadline: float
    state: State_co
    client: Caller
