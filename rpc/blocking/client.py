"""`Client`: calls and notifications that block their thread, by name or by handle."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from rpc.blocking import calls
from rpc.blocking.calls import OpenCall, open_call
from rpc.blocking.connection import Connection
from rpc.blocking.feeding import Feed, pack_blocking
from rpc.blocking.line import Line
from rpc.blocking.streaming import Block, entered, streamed
from rpc.blocking.stub import Stub, contract_stub
from rpc.blocking.waiting import Deadline
from rpc.client.second_try import pause_before_another
from rpc.client.terms import Options, Terms, name_of, terms_of, translator, unpacked
from rpc.errors import Error, Processed, Unavailable
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.handle import Entering, Method, Notification, Streaming
from rpc.service.outgoing import pack_notification
from rpc.service.targets import Answering, Enterable, Notifiable, Streamable
from rpc.wire import frames
from rpc.wire.gathering import Arrived
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import Payload

__all__ = ["Client"]

P = ParamSpec("P")
T = TypeVar("T")


class Client:
    """The caller's side of a connection, from `rpc.blocking.connect`; many threads may use it at once.

    A deadline is the `timeout=` of the client or of a view of it, `with_options`: it travels with the call, the handler
    is cancelled when it strikes, and the caller sees `TimeoutError`. Ctrl-C interrupts whatever waits; the call is
    given up, and its callee told to stop.

    What a call raises is what it raises under trio: a class of `rpc.errors` for what the callee answered, a declared
    exception where the call is made by a handle that declares it (``raises=``), and `Unavailable` where there is no
    connection, whose `processed` says whether the call may have run.

    There is no thread behind it: while no call is open, nobody reads. A server ends a TCP connection of which it has
    heard nothing for 40 seconds; whoever calls then connects anew, as after a restart of the server. A call that may
    have run is made again only where it is declared ``idempotent``, see `rpc.blocking.connect`.

    In a process that was made by fork, everything raises RuntimeError but `close`, which lets go of the socket there.
    """

    def __init__(self, line: Line, options: Options) -> None:
        self._line = line
        self._options = options
        metadata = bool(options.metadata) or options.idempotency_key is not None
        self._metadata = options.encode() if metadata else NO_METADATA

    def __repr__(self) -> str:
        return f"<blocking Client of {self.peer.address}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def peer(self) -> Peer:
        """Who answers."""
        return self._line.connection.transport.peer

    # --- Calls ---------------------------------------------------------------------------------------------------

    @overload
    def call(self, target: Answering[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def call(self, target: Answering[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def call(self, target: str, /, *args: Any, **kwargs: Any) -> Any: ...
    def call(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method and give its result.

        By its name (``"calc.add"``) the result is what it was on the wire: maps, arrays, text and so on. By its
        handle, the decorated function, it is converted to the return annotation, and a type checker knows all.

        An argument that is an iterator (a generator, ``iter(names)``), or any iterable in the place where the handle
        takes a stream, is sent item by item meanwhile, by this thread; ``rpc.each(names)`` is one for type checkers.

        Raises:
            Error: what the callee answered, see `Client`.
            TimeoutError: the timeout has passed.
            EncodeError: an argument cannot travel; it names the path to it. Nothing was sent.
            ResourceExhausted: the arguments are over the peer's max_message. Nothing was sent.
        """
        name = name_of(target, Method, "method")
        payload, flags, items = pack_blocking(target, args, kwargs)
        deadline = Deadline.after(self._options.timeout, name)
        try:
            if items is None:
                result = self._ask(target, name, payload, flags, deadline)
            else:
                call = self._begin(name, payload, flags, deadline)
                result = _fed(call, Feed(call, items, terms_of(target, name).write))
            value = unpacked(result, name)
            return value if isinstance(target, str) else target.signature.convert_result(value)
        except Error as error:
            raised = translator(target)(error)
            raise raised from raised.__cause__

    def _ask(self, target: Any, name: str, payload: Payload, flags: int, deadline: Deadline) -> Arrived:
        """A call without items, made again where that is safe and of use."""
        line = self._line
        connection = line.ready(deadline)
        try:
            return calls.call(connection, name, payload, flags=flags, metadata=self._metadata, deadline=deadline)
        except Error as error:
            is_idempotent = not isinstance(target, str) and target.idempotent
            pause = pause_before_another(error, is_off=line.is_off(connection), is_idempotent=is_idempotent)
            if pause is None or deadline.is_within(pause):
                raise
        line.pause(pause)
        connection, metadata = line.ready(deadline), self._options.encode_again()
        return calls.call(connection, name, payload, flags=flags, metadata=metadata, deadline=deadline)

    def _begin(self, name: str, payload: Payload, flags: int, deadline: Deadline) -> OpenCall:
        """Open a call with items; no item was taken yet, so that may be done twice."""
        begin = partial(
            open_call, method=name, payload=payload, flags=flags, metadata=self._metadata, deadline=deadline
        )
        return self._by_a_connection(begin, deadline)

    def _by_a_connection(self, act: Callable[[Connection], T], deadline: Deadline) -> T:
        """Do something by the connection; by the next one, where it has come to an end before anything was sent."""
        connection = self._line.ready(deadline)
        try:
            return act(connection)
        except Unavailable as error:
            if not self._was_left(connection, error):
                raise
        return act(self._line.ready(deadline))

    def _was_left(self, connection: Connection, error: Unavailable) -> bool:
        """Whether others have left the connection before anything was sent on it."""
        return error.processed is Processed.NOT_PROCESSED and self._line.is_off(connection)

    # --- Streams and contexts ------------------------------------------------------------------------------------

    @overload
    def stream(
        self, target: Streamable[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractContextManager[Iterator[T]]: ...
    @overload
    def stream(
        self, target: Streamable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractContextManager[Iterator[T]]: ...
    @overload
    def stream(self, target: str, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Iterator[Any]]: ...
    def stream(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Iterator[Any]]:
        """Call a method that streams its items: ``with client.stream(countdown, 3) as numbers``.

        Items of the caller, see `call`, are sent by who iterates: as many as the callee will take, while nothing has
        come from it.

        Leaving the block tells the handler to stop and waits until it has; what the handler failed with, and the
        block has not seen, is raised then. What the handler raises comes out of the iteration, behind all items that
        it sent before, and so does what the caller's own iterable raises. A timeout is one for the whole block.

        Raises:
            Error: what the callee answered, see `Client`.
            TimeoutError: the timeout has passed.
            EncodeError: an argument, or an item, cannot travel.
        """
        block = self._open(target, Streaming, "method that streams", frames.TAKES, streamed, args, kwargs)
        return Block(block, "with client.stream(...) as items")

    @overload
    def enter(
        self, target: Enterable[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> AbstractContextManager[T]: ...
    @overload
    def enter(self, target: Enterable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> AbstractContextManager[T]: ...
    @overload
    def enter(self, target: str, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Any]: ...
    def enter(self, target: Any, /, *args: Any, **kwargs: Any) -> AbstractContextManager[Any]:
        """Enter a context manager of the callee: ``with client.enter(lease, "name") as token``.

        The end of the block leaves it, and waits until it is left. What the block raises is raised inside it as an
        `Error`, and comes out of the block in any case. Ctrl-C, a timeout and a lost connection cancel it. Over TCP the
        block must call something now and then: see `Client` about silence.

        Raises:
            Error: what the callee answered as it was entered, or left; see `Client`.
            TimeoutError: the timeout has passed.
        """
        return self._open(target, Entering, "context", frames.SENDS | frames.TAKES, entered, args, kwargs)

    @contextmanager
    def _open(
        self, target: Any, kind: type[Any], word: str, flags: int, block: Any, args: Any, kwargs: Any
    ) -> Generator[Any]:
        """Open a call with items, and the block around it."""
        name = name_of(target, kind, word)
        payload, own_flags, items = pack_blocking(target, args, kwargs)
        terms: Terms = terms_of(target, name)
        deadline = Deadline.after(self._options.timeout, name)
        try:
            call = self._begin(name, payload, flags | own_flags, deadline)
        except Error as error:
            raised = terms.translate(error)
            raise raised from raised.__cause__
        feed = None if items is None else Feed(call, items, terms.write)
        with block(call, terms, feed) as value:
            yield value

    # --- Notifications -------------------------------------------------------------------------------------------

    @overload
    def notify(
        self, target: Notifiable[Concatenate[Context[Any], P]], /, *args: P.args, **kwargs: P.kwargs
    ) -> None: ...
    @overload
    def notify(self, target: Notifiable[P], /, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    def notify(self, target: str, /, *args: Any, **kwargs: Any) -> None: ...
    def notify(self, target: Any, /, *args: Any, **kwargs: Any) -> None:
        """Send a notification on the connection: in order with the calls, at most once, never answered.

        When this returns, it was given to the system. It waits only where the peer does not read.

        Raises:
            Unavailable: the connection has ended.
            TimeoutError: the timeout has passed; it may be sent all the same.
            EncodeError: an argument cannot travel; it names the path to it.
            ResourceExhausted: it is over the peer's max_frame: a notification is never cut.
        """
        name = name_of(target, Notification, "notification")
        payload = pack_notification(target, args, kwargs)
        deadline = Deadline.after(self._options.timeout, name)
        try:
            connection = self._line.ready(deadline)
            try:
                calls.notify(connection, name, payload, self._metadata, deadline)
            except Unavailable as error:
                if not self._was_left(connection, error):
                    raise
                calls.notify(self._line.ready(deadline), name, payload, self._metadata, deadline)
        except Error as error:
            error.was_received = True
            raise

    # --- Stubs and views -----------------------------------------------------------------------------------------

    @overload
    def stub(self, service: str, /) -> Stub: ...
    @overload
    def stub(self, service: type[Any], /) -> Any: ...
    def stub(self, service: Any, /) -> Any:
        """A service as an object: ``calc = client.stub("calc"); calc.add(2, b=3)``.

        By a contract, ``client.stub(Calc)``, it has the methods of ``Calc`` and converts as calls by handle do. They
        are called, not awaited, and streams and contexts are opened with ``with``; so it is no ``Calc``, and there is
        no type that says what it is: to type checkers it is ``Any``. By a name see `Stub`.

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
            timeout: seconds for each call, after which the caller sees `TimeoutError`; `math.inf` for none.
            idempotency_key: tells the handler which calls are the same one, made again.

        Raises:
            ValueError: metadata that cannot travel, or more than 8192 bytes of it.
        """
        return Client(self._line, self._options.changed(metadata, timeout, idempotency_key))

    # --- The connection ------------------------------------------------------------------------------------------

    def ping(self) -> float:
        """The time of one round trip in seconds, without any handler.

        Raises:
            Unavailable: the connection has ended.
            TimeoutError: the timeout has passed.
        """
        deadline = Deadline.after(self._options.timeout, self.peer.address)
        return self._by_a_connection(partial(calls.ping, deadline=deadline), deadline)

    def close(self) -> None:
        """Close the connection, for all views of it; calls of other threads end with `Unavailable`.

        Does nothing the second time.
        """
        self._line.close()


def _fed(call: OpenCall, feed: Feed) -> Arrived:
    """The result of a call that takes items; interrupted, or failed on this side, the call is given up."""
    try:
        feed.all()
        return call.result()
    except BaseException:
        call.give_up()
        raise
