"""`Client`: calls and notifications over one connection, by name or by handle."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import trio

from rpc.client.contract_stub import contract_stub
from rpc.client.line import Line
from rpc.client.second_try import pause_before_another
from rpc.client.streaming import Block, entered, streamed
from rpc.client.stub import Stub
from rpc.client.terms import Options, Terms, name_of, terms_of, translator, unpacked
from rpc.errors import Error, Unavailable
from rpc.net import calls
from rpc.net.background import open_background
from rpc.net.calls import OpenCall, open_call
from rpc.net.feeding import feed
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.handle import Entering, Method, Notification, Streaming
from rpc.service.outgoing import pack_call, pack_notification
from rpc.service.targets import Answering, Enterable, Notifiable, Streamable
from rpc.wire import frames
from rpc.wire.gathering import Arrived
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import Payload

__all__ = ["Client"]

P = ParamSpec("P")
T = TypeVar("T")


class Client:
    """The caller's side of a connection, from `rpc.connect` or as `Context.client`; many tasks may use it at once.

    A deadline is the ambient one: ``with trio.fail_after(0.2): await client.call(...)`` travels with the call, and
    the handler is cancelled when it strikes. The caller then sees `trio.TooSlowError`, as with anything in trio.

    What a call raises is one exception, never a group: a class of `rpc.errors` for what the callee answered, a
    declared exception where the call is made by a handle that declares it (``raises=``), and `Unavailable` where
    there is no connection, whose `processed` says whether the call may have run. A cancelled call tells the callee
    to stop, and does not wait for that.
    """

    def __init__(self, line: Line, options: Options | None = None) -> None:
        self._line = line
        self._options = options or Options()
        self._metadata = self._options.encode() if options else NO_METADATA

    def __repr__(self) -> str:
        return f"<Client of {self.peer.address}>"

    @property
    def peer(self) -> Peer:
        """Who answers."""
        return self._line.connection.peer

    # --- Calls ---------------------------------------------------------------------------------------------------

    @overload
    async def call(
        self, target: Answering[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, target: Answering[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def call(self, target: str, /, *args: Any, **kwargs: Any) -> Any: ...
    async def call(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method and give its result.

        By its name (``"calc.add"``) the result is what it was on the wire: maps, arrays, text and so on. By its
        handle, the decorated function, it is converted to the return annotation, and a type checker knows all.

        Raises:
            Error: what the callee answered, see `Client`.
            EncodeError: an argument cannot travel; it names the path to it. Nothing was sent.
            ResourceExhausted: the arguments are over the peer's max_message. Nothing was sent.
        """
        name = name_of(target, Method, "method")
        payload, flags, items = pack_call(target, args, kwargs)
        try:
            if items is None and self._options.timeout is None:
                result = await self._ask(target, name, payload, flags)
            else:
                with self._timeout():
                    if items is None:
                        result = await self._ask(target, name, payload, flags)
                    else:
                        result = await self._send(target, name, payload, flags, items)
            value = unpacked(result, name)
            return value if isinstance(target, str) else target.signature.convert_result(value)
        except Error as error:
            raised = translator(target)(error)
            raise raised from raised.__cause__

    async def _ask(self, target: Any, name: str, payload: Payload, flags: int) -> Arrived:
        """A call without items, made again where that is safe and of use."""
        line = self._line
        connection = line.connection
        if connection.session.caller.refusal is not None:
            connection = await line.ready()
        try:
            return await calls.call(connection, name, payload, flags=flags, metadata=self._metadata)
        except Error as error:
            is_idempotent = not isinstance(target, str) and target.idempotent
            pause = pause_before_another(error, is_off=line.is_off(connection), is_idempotent=is_idempotent)
            if pause is None or trio.current_time() + pause >= trio.current_effective_deadline():
                raise
        await trio.sleep(pause)
        metadata = self._options.encode_again()
        return await calls.call(await line.ready(), name, payload, flags=flags, metadata=metadata)

    async def _send(self, target: Any, name: str, payload: Payload, flags: int, items: AsyncIterable[Any]) -> Arrived:
        """A call with items of the caller's own."""
        call = await self._begin(name, payload, flags)
        async with open_background() as nursery:
            nursery.start_soon(feed, call, items, None if isinstance(target, str) else target.signature.write_item_in)
            return await call.result()

    async def _begin(self, name: str, payload: Payload, flags: int) -> OpenCall:
        """Open a call with items; as no item was taken yet, it may be that on a second connection."""
        connection = await self._line.ready()
        try:
            return await open_call(connection, name, payload, flags=flags, metadata=self._metadata)
        except Unavailable:
            if not self._line.is_off(connection):
                raise
        connection = await self._line.ready()
        return await open_call(connection, name, payload, flags=flags, metadata=self._metadata)

    def _timeout(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._options.timeout is None else trio.fail_after(self._options.timeout)

    # --- Streams and contexts ------------------------------------------------------------------------------------

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
    def stream(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """Call a method that streams its items: ``async with client.stream(countdown, 3) as numbers``.

        An argument that is an async iterable (a generator that has not begun, a channel) is sent item by item
        meanwhile; it is iterated in a task of its own, and a generator is closed there.

        Leaving the block tells the handler to stop and waits until it has, so that no item can arrive any more; what
        the handler failed with, and the block has not seen, is raised then. A cancelled block does not wait. What
        the handler raises comes out of the iteration, behind all items that it sent before, and so does what the
        caller's own iterable raises. Only a block and its own iterable that both fail make a group.

        Raises:
            Error: what the callee answered, see `Client`.
            EncodeError: an argument, or an item, cannot travel.
            TypeError: more than one argument is an async iterable.
            ValueError: a generator that has begun already.
        """
        block = self._open(target, Streaming, "method that streams", frames.TAKES, streamed, args, kwargs)
        return Block(block, "async with client.stream(...) as items")

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
    def enter(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]:
        """Enter a context manager of the callee: ``async with client.enter(lease, "name") as token``.

        The end of the block leaves it, and waits until it is left. What the block raises is raised inside it as an
        `Error`, and comes out of the block in any case. A cancelled block, and a lost connection, cancel it: its
        ``finally`` runs there without this side waiting.

        Raises:
            Error: what the callee answered as it was entered, or left; see `Client`.
        """
        block = self._open(target, Entering, "context", frames.SENDS | frames.TAKES, entered, args, kwargs)
        return Block(block, "async with client.enter(...) as value")

    @asynccontextmanager
    async def _open(
        self, target: Any, kind: type[Any], word: str, flags: int, block: Around, args: Any, kwargs: Any
    ) -> AsyncGenerator[Any]:
        """Open a call with items, and the block around it."""
        name = name_of(target, kind, word)
        payload, own_flags, items = pack_call(target, args, kwargs)
        terms = terms_of(target, name)
        with self._timeout():
            try:
                call = await self._begin(name, payload, flags | own_flags)
            except Error as error:
                raised = terms.translate(error)
                raise raised from raised.__cause__
            async with block(call, terms, items) as value:
                yield value

    # --- Notifications -------------------------------------------------------------------------------------------

    @overload
    async def notify(
        self, target: Notifiable[Concatenate[Context[Any], P]], /, *args: P.args, **kwargs: P.kwargs
    ) -> None: ...
    @overload
    async def notify(self, target: Notifiable[P], /, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    async def notify(self, target: str, /, *args: Any, **kwargs: Any) -> None: ...
    async def notify(self, target: Any, /, *args: Any, **kwargs: Any) -> None:
        """Send a notification on the connection: in order with the calls, at most once, never answered.

        It waits only where the peer does not read and more than 1 MiB is queued. What is queued leaves even if the
        client is closed right after.

        Raises:
            Unavailable: the connection has ended.
            EncodeError: an argument cannot travel; it names the path to it.
            ResourceExhausted: it is over the peer's max_frame: a notification is never cut.
        """
        name = name_of(target, Notification, "notification")
        payload = pack_notification(target, args, kwargs)
        try:
            connection = self._line.connection
            if connection.session.caller.refusal is not None:
                connection = await self._line.ready()
            await calls.notify(connection, name, payload, self._metadata)
        except Error as error:
            error.was_received = True
            raise

    # --- Stubs and views -----------------------------------------------------------------------------------------

    @overload
    def stub(self, service: str, /) -> Stub: ...
    @overload
    def stub(self, service: Callable[..., T], /) -> T: ...
    def stub(self, service: Any, /) -> Any:
        """A service as an object: ``calc = client.stub("calc"); await calc.add(2, b=3)``.

        By a contract, ``client.stub(Calc)``, it is a ``Calc`` and converts as calls by handle do; by a name see `Stub`.

        Raises:
            TypeError: the class is no contract, see `rpc.contract`.
        """
        return Stub(self, service) if isinstance(service, str) else contract_stub(self, service)

    def with_options(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        idempotency_key: bytes | None = None,
    ) -> Client:
        """The same connection with options for each call, over those that this view has; cheap to make.

        Args:
            metadata: text keys and plain values that the handler finds in `Context.metadata`; added to this view's.
            timeout: seconds for each call, as by `trio.fail_after`: the caller sees `trio.TooSlowError`; `math.inf` for
                none.
            idempotency_key: tells the handler which calls are the same one, made again.

        Raises:
            ValueError: metadata that cannot travel, or more than 8192 bytes of it.
        """
        return Client(self._line, self._options.changed(metadata, timeout, idempotency_key))

    # --- The connection ------------------------------------------------------------------------------------------

    async def ping(self) -> float:
        """The time of one round trip in seconds, without any handler.

        Raises:
            Unavailable: the connection has ended.
        """
        connection = await self._line.ready()
        return await connection.ping()

    async def aclose(self) -> None:
        """Close the connection: what is queued leaves first, open calls end with `Unavailable`.

        Does nothing the second time. When cancelled, the connection is closed at once.
        """
        try:
            for connection in self._line.open:
                await connection.flushed()
            await trio.lowlevel.checkpoint()
        finally:
            self._line.close()

    def close(self) -> None:
        """Close the connection at once: what can leave without waiting leaves, open calls end with `Unavailable`."""
        for connection in self._line.open:
            connection.flush()
        self._line.close()


Around = Callable[[OpenCall, Terms, AsyncIterable[Any] | None], AbstractAsyncContextManager[Any]]
