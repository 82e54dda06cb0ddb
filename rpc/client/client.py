"""`Client`: calls and notifications over one connection, by name or by handle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import attrs
import trio

from rpc.client.stub import Stub
from rpc.errors import Error, Internal, Processed
from rpc.net import calls
from rpc.net.connection import Connection
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.faults import from_error
from rpc.service.handle import Answering, Handle, Method, Notifiable, Notification
from rpc.wire import frames
from rpc.wire import metadata as metadata_rows
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import decode, pack
from rpc.wire.profile import ProfileError

__all__ = ["Client"]

P = ParamSpec("P")
T = TypeVar("T")

_IDEMPOTENCY_KEY = 4
"""The protocol's own metadata key (section 3)."""


@attrs.frozen(kw_only=True)
class Options:
    """What goes with each call of a client, beside the arguments."""

    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    timeout: float | None = None
    idempotency_key: bytes | None = None

    def encode(self) -> bytes:
        """The metadata as it stands in a frame.

        Raises:
            ValueError: a value cannot travel there, or it is more than 8192 bytes.
        """
        fields: dict[int | str, Any] = {str(key): value for key, value in self.metadata.items()}
        if self.idempotency_key is not None:
            fields[_IDEMPOTENCY_KEY] = self.idempotency_key
        return metadata_rows.encode(fields)


class Client:
    """The caller's side of a connection, from `rpc.connect` or as `Context.client`; many tasks may use it at once.

    A deadline is the ambient one: ``with trio.fail_after(0.2): await client.call(...)`` travels with the call, and
    the handler is cancelled when it strikes. The caller then sees `trio.TooSlowError`, as with anything in trio.

    What a call raises is one exception, never a group: a class of `rpc.errors` for what the callee answered, a
    declared exception where the call is made by a handle that declares it (``raises=``), and `Unavailable` where
    there is no connection, whose `processed` says whether the call may have run. A cancelled call tells the callee
    to stop, and does not wait for that.
    """

    def __init__(self, connection: Connection, options: Options | None = None) -> None:
        self._connection = connection
        self._options = options or Options()
        self._metadata = self._options.encode() if options else NO_METADATA

    def __repr__(self) -> str:
        return f"<Client of {self._connection.peer.address}>"

    @property
    def peer(self) -> Peer:
        """Who answers."""
        return self._connection.peer

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
        name = target if isinstance(target, str) else _name_of(target, Method, "method")
        payload = pack(([args, kwargs]) if kwargs else args)
        flags = frames.NAMED if kwargs else 0
        try:
            if self._options.timeout is None:
                result = await calls.call(self._connection, name, payload, flags=flags, metadata=self._metadata)
            else:
                with trio.fail_after(self._options.timeout):
                    result = await calls.call(self._connection, name, payload, flags=flags, metadata=self._metadata)
            value = _unpacked(result, name)
            return value if isinstance(target, str) else target.signature.convert_result(value)
        except Error as error:
            error.was_received = True
            if isinstance(target, str):
                raise
            raised = from_error(error, target.raises, target.service)
            raise raised from raised.__cause__

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
        name = target if isinstance(target, str) else _name_of(target, Notification, "notification")
        try:
            await calls.notify(self._connection, name, pack([args, kwargs]), self._metadata)
        except Error as error:
            error.was_received = True
            raise

    # --- Stubs and views -----------------------------------------------------------------------------------------

    def stub(self, service: str) -> Stub:
        """A service as an object: ``calc = client.stub("calc"); await calc.add(2, b=3)``."""
        return Stub(self, service)

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
            timeout: seconds for each call, as by `trio.fail_after`: the caller sees `trio.TooSlowError`.
            idempotency_key: tells the handler which calls are the same one, made again.

        Raises:
            ValueError: metadata that cannot travel, or more than 8192 bytes of it.
        """
        options = self._options
        changed = Options(
            metadata={**options.metadata, **(metadata or {})},
            timeout=options.timeout if timeout is None else timeout,
            idempotency_key=idempotency_key or options.idempotency_key,
        )
        return Client(self._connection, changed)

    # --- The connection ------------------------------------------------------------------------------------------

    async def ping(self) -> float:
        """The time of one round trip in seconds, without any handler.

        Raises:
            Unavailable: the connection has ended.
        """
        return await self._connection.ping()

    async def aclose(self) -> None:
        """Close the connection: what is queued leaves first, open calls end with `Unavailable`.

        Does nothing the second time. When cancelled, the connection is closed at once.
        """
        try:
            await self._connection.flushed()
            await trio.lowlevel.checkpoint()
        finally:
            self._connection.end("this client was closed")

    def close(self) -> None:
        """Close the connection at once: what can leave without waiting leaves, open calls end with `Unavailable`."""
        self._connection.flush()
        self._connection.end("this client was closed")


def _name_of(target: Any, kind: type[Handle], word: str) -> str:
    if isinstance(target, kind):
        return target.name
    raise TypeError(f"{target!r} is no {word}: give the decorated function, or its name as 'service.name'")


def _unpacked(result: bytes, name: str) -> Any:
    try:
        return decode(result)
    except ProfileError as error:
        message = f"the result of {name} cannot be decoded: {error}"
        raise Internal(message, processed=Processed.DO_NOT_RETRY) from error
