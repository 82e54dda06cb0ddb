"""Streams: the items of one call at one side, on their way in and out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import trio

from rpc.errors import Error
from rpc.net.host import Host
from rpc.net.packed import Packed
from rpc.net.waiting import Sleeper, Sleepers
from rpc.session.calls import Incoming, Outgoing
from rpc.session.outbox import size_of
from rpc.wire.gathering import Arrived
from rpc.wire.payload import Payload, decode
from rpc.wire.profile import ProfileError

__all__ = ["Items", "Stream"]

T = TypeVar("T")

_BUSY = 256
"""Items that are taken or sent without a checkpoint: one for each would cost more than the item.

Many items must be taken in one pass of the loop, because many arrive in one.
"""

_TOGETHER = 64
"""Small items that are unpacked together, which costs less. Their sender learns at the last of them that they were
taken: they are at most 8 KiB, and credit is granted in larger steps."""


class Side(Protocol):
    """The half of a session that has the call: the caller's or the callee's."""

    def send_item(self, record: Any, payload: Payload, *, end: bool = False) -> None: ...


class Stream:
    """The items of one call at one side; tasks may receive while another sends.

    Attributes:
        has_ended: whether no more items will arrive.
        is_over: whether the call has ended, in whatever way: nothing can be sent any more.
        failure: what `receive` raises behind the last item.
    """

    __slots__ = (
        "_arrived",
        "_host",
        "_ready",
        "_ready_size",
        "_record",
        "_sent",
        "_side",
        "_taken",
        "_taken_together",
        "_to_receive",
        "_to_send",
        "failure",
        "has_ended",
        "is_over",
    )

    def __init__(self, host: Host, record: Incoming | Outgoing, side: Side) -> None:
        self._host = host
        self._record = record
        self._side = side
        self._arrived = Packed()
        self._ready: list[Arrived] = []
        self._ready_size = 0
        self._to_receive = Sleepers()
        self._to_send = Sleeper()
        self._taken = 0
        self._taken_together = 0
        self._sent = 0
        self.has_ended = False
        self.is_over = False
        self.failure: BaseException | None = None

    # --- What the connection tells -------------------------------------------------------------------------------

    def put_item(self, payload: Arrived) -> None:
        """An item has arrived."""
        self._arrived.put(payload)
        self._to_receive.wake()

    def put_items(self, payloads: Sequence[bytes]) -> None:
        """Several small items have arrived."""
        self._arrived.put_all(payloads)
        self._to_receive.wake()

    def end_items(self) -> None:
        """No more items will arrive."""
        self.has_ended = True
        self._to_receive.wake()

    def credit(self) -> None:
        """Items may be sent again."""
        self._to_send.wake()

    def close(self, failure: BaseException | None = None) -> None:
        """The call has ended; what has arrived can still be received, and then raises `failure`."""
        self.is_over = True
        self.failure = self.failure or failure
        self.end_items()
        self._to_send.wake()

    # --- Items ---------------------------------------------------------------------------------------------------

    def receive_nowait(self) -> Arrived | None:
        """The next item's payload, where one has arrived; None where `receive` has to be awaited.

        Now and then that is so for the checkpoint alone.
        """
        taken = self._taken = self._taken + 1
        if not (self._ready or self._arrived) or not taken % _BUSY:
            return None
        return self._take()

    async def receive(self) -> Arrived | None:
        """The next item's payload, or None behind the last; a cancelled call takes none.

        Raises:
            Error: the failure of the call, behind the items that came before it.
        """
        if self._ready or self._arrived:
            await trio.lowlevel.checkpoint()
        # Another task that takes items may have come first.
        while not (self._ready or self._arrived):
            if self.has_ended:
                await trio.lowlevel.checkpoint_if_cancelled()
                if self.failure is not None:
                    raise self.failure
                return None
            await self._wait(lambda: bool(self._arrived) or self.has_ended, self._to_receive)
        return self._take()

    def _take(self) -> Arrived:
        """The next item; its sender is told of it with those that were unpacked with it, behind the last of them."""
        ready = self._ready
        if not ready:
            ready.extend(reversed(self._arrived.take_some(_TOGETHER)))
            self._taken_together = len(ready)
            self._ready_size = sum(map(len, ready))
        payload = ready.pop()
        if not ready and self._host.session.consumed(self._record, self._ready_size, self._taken_together):
            self._host.flush()  # its sender may wait for it
        return payload

    async def send(self, payload: Payload, *, end: bool = False) -> bool:
        """Send an item once there is credit for it; False where the call has ended, or was cancelled, meanwhile.

        With `end` it is a caller's last. A cancelled call has sent nothing.

        Raises:
            ResourceExhausted: the item is over the peer's max_message; nothing was sent.
        """
        self._sent += 1
        if not self._sent % _BUSY:
            await trio.lowlevel.checkpoint()
        allowance = self._record.items_out
        assert allowance is not None
        while allowance.sent >= allowance.total and not self.is_over:
            await self._wait(lambda: allowance.is_open or self.is_over, self._to_send)
        if self.is_over or (self._host.session.unsent and not await self._has_room(payload)):
            return False
        self._side.send_item(self._record, payload, end=end)
        self._host.flush_soon()
        return True

    async def _has_room(self, payload: Payload) -> bool:
        """Wait for a peer that does not read: it may have granted more credit than anybody would keep for it."""
        host = self._host
        host.session.share.note(size_of(payload))
        while host.session.unsent and host.session.queued > host.limits.max_unread and not self.is_over:
            await host.drained.park()
        return not self.is_over

    async def _wait(self, is_there: Callable[[], bool], sleeper: Sleeper | Sleepers) -> None:
        """Wait for what comes, reading it by oneself where this is the only call; who waits looks again behind it."""
        if self._host.session.open_calls > 1 or not await self._host.read_until(is_there):
            await sleeper.sleep()
        # What this task has read may have cancelled it.
        await trio.lowlevel.checkpoint_if_cancelled()


class Items(Generic[T]):
    """The items that arrive with a call, as an async iterator: decoded, converted, in order.

    Args:
        stream: where they arrive.
        convert: from a decoded value and its index to an item.
        refuse: from what is wrong with an item's bytes and its index to the error that is raised for it.
    """

    def __init__(
        self, stream: Stream, convert: Callable[[Any, int], T], refuse: Callable[[ProfileError, int], Error]
    ) -> None:
        self._stream = stream
        self._convert = convert
        self._refuse = refuse
        self._index = 0

    def __aiter__(self) -> Items[T]:
        return self

    async def __anext__(self) -> T:
        try:
            payload = self._stream.receive_nowait()
            if payload is None:
                payload = await self._stream.receive()
                if payload is None:
                    raise StopAsyncIteration
            index = self._index
            self._index = index + 1
            try:
                value = decode(payload)
            except ProfileError as problem:
                raise self._refuse(problem, index) from None
            return self._convert(value, index)
        except StopAsyncIteration:
            raise
        except Exception as error:
            told = await self._tell(error)
            if told is error:
                raise
            raise told from told.__cause__

    async def _tell(self, error: Exception) -> Exception:
        """What iterating raises for a failure."""
        return error
