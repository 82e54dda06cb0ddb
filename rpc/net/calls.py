"""A call from the caller's side: queue it, wait for its end.

A caller that is alone on its connection takes the reading, sends at once and reads its own reply: no other task has
to be woken. Every other caller parks and is woken by whoever reads.
"""

from __future__ import annotations

import math

import trio

from rpc.errors import Cancelled, DeadlineExceeded, Error
from rpc.net.connection import Connection
from rpc.net.streams import Stream
from rpc.net.waiting import Waiter
from rpc.session.calls import Outgoing
from rpc.session.outbox import SMALL
from rpc.wire.gathering import Arrived
from rpc.wire.metadata import NO_METADATA
from rpc.wire.payload import Payload

__all__ = ["OpenCall", "call", "notify", "open_call"]

_QUEUED = 1_048_576
"""Bytes that notifications may queue before who sends them waits for the peer to read."""

_IN_A_ROW = 32
"""Notifications of a connection behind which others get their turn: a pass of the loop for each costs 30 us where the
notification itself takes 4 (measured)."""

_CLOCKS_APART = 0.05
"""Seconds by which the callee's DEADLINE_EXCEEDED may arrive before the caller's own deadline strikes."""


async def call(
    connection: Connection, method: str, payload: Payload, *, flags: int = 0, metadata: bytes = NO_METADATA
) -> Arrived:
    """Make a call and give its encoded result; the ambient deadline travels with it.

    Where the peer's `max_calls` are in use, it waits its turn. A cancelled call tells the callee to stop, and does
    not wait for that.

    Raises:
        Error: what the callee answered; `Unavailable` where there is no connection.
        ResourceExhausted: the payload is over the peer's limit; nothing was sent.
    """
    caller = connection.session.caller
    waiter = Waiter()
    record: Outgoing | None = None
    try:
        if connection.room or caller.free_slots < 1:
            await _wait_for_room(connection)
        deadline = trio.current_effective_deadline()
        timeout = None if deadline == math.inf else _milliseconds(deadline)
        is_alone = not caller.calls
        if is_alone:
            # This one sends at once; the others have sent nothing before they wait, and are cancelled there.
            await trio.lowlevel.checkpoint_if_cancelled()
        record = caller.call(method, payload, timeout=timeout, flags=flags, metadata=metadata)
        record.owner = waiter
        if not (is_alone and await connection.read_until(lambda: waiter.is_done)):
            connection.flush_soon()
        if not waiter.is_done:
            await waiter.sleep()
    except BaseException:
        _give_up(connection, record)
        raise
    if waiter.error is not None:
        await _let_scope_speak(waiter.error, deadline)
        raise waiter.error
    return waiter.payload


class OpenCall:
    """A call whose start and end are apart, since items go to or come from its callee between them.

    Attributes:
        stream: the items of the call.
        failure: what `fail` was told, for who ends the call on this side.
        has_ended: whether its end was told.
    """

    def __init__(self, connection: Connection, record: Outgoing, deadline: float) -> None:
        self._connection = connection
        self._record = record
        self._deadline = deadline
        self._waiter = record.owner = Waiter()
        self.stream = record.stream = Stream(connection, record, connection.session.caller)
        self.failure: Exception | None = None

    @property
    def has_ended(self) -> bool:
        return self._waiter.is_done

    async def result(self) -> Arrived:
        """Wait for the end and give the encoded result; raises as `call`. Cancelled, the call is given up."""
        try:
            await self._waiter.wait()
        except BaseException:
            self.give_up()
            raise
        if self.failure is not None:
            raise self.failure
        if self._waiter.error is not None:
            await self.let_scope_speak(self._waiter.error)
            raise self._waiter.error
        return self._waiter.payload

    async def let_scope_speak(self, error: Exception) -> None:
        """Before `error` is raised: where it is the caller's own deadline, raise what its scope says instead."""
        await _let_scope_speak(error, self._deadline)

    def end_items(self) -> None:
        """Tell the callee that no more items come."""
        self._connection.session.caller.end_items(self._record)
        self._connection.flush_soon()

    def give_up(self) -> None:
        """Tell the callee to stop, and do not wait for that; does nothing where the call has ended."""
        if not self.has_ended:
            _give_up(self._connection, self._record)
            self.stream.close()

    def fail(self, failure: Exception) -> None:
        """Stop the call for something that failed on this side: who waits for it is told so when it has ended."""
        if self.has_ended:
            return
        self.failure = failure
        is_to_end = self._stop()
        self._connection.flush_soon()
        self.stream.close(failure)
        if not is_to_end:
            self._waiter.fail(failure)

    def _stop(self) -> bool:
        """Have the session stop the call; False where it has no end to come, as its CALL had not left."""
        is_to_end = self._connection.session.caller.stop(self._record)
        if not is_to_end:
            _pass_on_turn(self._connection)
        return is_to_end

    async def stop(self) -> None:
        """Tell the callee to stop, and wait until it has; cancelled, the call is given up.

        Raises:
            Error: the callee failed otherwise than by being stopped.
        """
        if not self.has_ended and self._stop():
            self._connection.flush_soon()
            try:
                await self.result()
            except Cancelled:
                pass
        self.stream.close()


async def open_call(
    connection: Connection, method: str, payload: Payload, *, flags: int, metadata: bytes = NO_METADATA
) -> OpenCall:
    """Begin a call with items; raises as `call`, as far as its start goes."""
    await trio.lowlevel.checkpoint()
    caller = connection.session.caller
    try:
        if connection.room or caller.free_slots < 1:
            await _wait_for_room(connection)
        deadline = trio.current_effective_deadline()
        timeout = None if deadline == math.inf else _milliseconds(deadline)
        record = caller.call(method, payload, timeout=timeout, flags=flags, metadata=metadata)
    except BaseException:
        _give_up(connection, None)
        raise
    connection.flush_soon()
    return OpenCall(connection, record, deadline)


async def _let_scope_speak(error: Exception, deadline: float) -> None:
    """Where what ended a call is the caller's own deadline, wait for the scope that has set it."""
    if isinstance(error, DeadlineExceeded) and deadline - trio.current_time() < _CLOCKS_APART:
        await trio.sleep_until(deadline)
        await trio.lowlevel.checkpoint()


async def _wait_for_room(connection: Connection) -> None:
    """Wait for one of the peer's slots, after those who wait already."""
    caller = connection.session.caller
    caller.check_open()
    while True:
        await connection.room.park()
        await trio.lowlevel.checkpoint_if_cancelled()  # it may have been woken and cancelled at once
        caller.check_open()
        if caller.free_slots > 0:
            return


def _milliseconds(deadline: float) -> int:
    """What is left, rounded up: the callee must not give up before the caller."""
    return math.ceil(max(0.0, deadline - trio.current_time()) * 1000)


def _give_up(connection: Connection, record: Outgoing | None) -> None:
    """Leave a call without its end; there is no record where it could not even be queued."""
    caller = connection.session.caller
    if record is not None:
        record.owner = None
        caller.cancel(record)
        connection.flush_soon()
    _pass_on_turn(connection)


def _pass_on_turn(connection: Connection) -> None:
    """Where a slot is free that was somebody's turn: nothing that arrives may ever tell the next one."""
    if connection.session.caller.free_slots > 0:
        connection.room.unpark()


async def notify(connection: Connection, method: str, payload: Payload, metadata: bytes = NO_METADATA) -> None:
    """Queue a notification; waits only where more than 1 MiB is queued already, and now and then lets others run.

    Raises:
        Unavailable: the connection has ended.
        ResourceExhausted: the frame would be over the peer's max_frame; nothing was sent.
    """
    session = connection.session
    if session.notified % _IN_A_ROW:
        await trio.lowlevel.checkpoint_if_cancelled()
    else:
        await trio.lowlevel.checkpoint()
    if session.unsent or not isinstance(payload, bytes) or len(payload) > SMALL:
        while session.queued > _QUEUED and not connection.is_over:
            await connection.drained.park()
    try:
        session.notify(method, payload, metadata)
    except Error:
        await trio.lowlevel.checkpoint()  # who tries again and again must not keep others from running
        raise
    connection.flush_soon()
