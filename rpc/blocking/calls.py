"""Calls, notifications and pings of a blocking client: queue it, then wait for its end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from rpc.blocking.connection import Connection
from rpc.blocking.waiting import NEVER, Deadline, Gate, Waiter
from rpc.errors import Cancelled, DeadlineExceeded, Processed, Unavailable
from rpc.net.packed import Packed
from rpc.session.calls import Outgoing
from rpc.wire.gathering import Arrived
from rpc.wire.payload import Payload

__all__ = ["OpenCall", "call", "notify", "open_call", "ping"]

_CLOCKS_APART = 0.05
"""Seconds by which the callee's DEADLINE_EXCEEDED may arrive before the caller's own deadline strikes."""

_tokens = itertools.count(1)


def call(
    connection: Connection, method: str, payload: Payload, *, flags: int, metadata: bytes, deadline: Deadline
) -> Arrived:
    """Make a call and give its encoded result.

    Where the peer's `max_calls` are in use, it waits its turn. What interrupts it tells the callee to stop, and does
    not wait for that.

    Raises:
        Error: what the callee answered; `Unavailable` where there is no connection.
        ResourceExhausted: the payload is over the peer's limit; nothing was sent.
        TimeoutError: the deadline has passed.
    """
    waiter = Waiter()
    with connection.lock:
        record = _begin(connection, waiter, method, payload, flags, metadata, deadline)
        try:
            connection.flush()
            if not waiter.is_done:
                connection.wait(waiter, lambda: waiter.is_done, deadline)
        except BaseException:
            _give_up(connection, record)
            raise
    if waiter.error is not None:
        raise _in_time(waiter.error, deadline)
    return waiter.payload


def notify(connection: Connection, method: str, payload: Payload, metadata: bytes, deadline: Deadline) -> None:
    """Send a notification; waits only while the peer does not read.

    Raises:
        Unavailable: the connection has ended.
        ResourceExhausted: the frame would be over the peer's max_frame; nothing was sent.
        TimeoutError: the deadline has passed; it may still be sent.
    """
    with connection.lock:
        connection.session.notify(method, payload, metadata)
        connection.flush()
        if not connection.is_flushed:
            connection.wait(Gate(), lambda: connection.is_flushed, deadline)
        if connection.is_over:
            raise Unavailable(f"the connection was lost: {connection.end_reason}")


def ping(connection: Connection, deadline: Deadline) -> float:
    """Ask the peer for a sign of life; gives the round trip in seconds.

    Raises:
        Unavailable: the connection has ended, or the peer has begun to end it.
        TimeoutError: the deadline has passed.
    """
    token, waiter = next(_tokens), Waiter()
    with connection.lock:
        if connection.is_over:
            message = f"the connection has ended: {connection.end_reason}"
            raise Unavailable(message, processed=Processed.NOT_PROCESSED)
        connection.pings[token] = waiter
        try:
            start = time.perf_counter()
            connection.session.ping(token)
            connection.flush()
            connection.wait(waiter, lambda: waiter.is_done, deadline)
        finally:
            del connection.pings[token]
    if waiter.error is not None:
        raise waiter.error
    return time.perf_counter() - start


class OpenCall(Waiter):
    """A call whose start and end are apart, since items go to or come from its callee between them.

    One thread at a time uses it.

    Attributes:
        deadline: of the whole call.
    """

    __slots__ = ("_arrived", "_connection", "_record", "deadline")

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        super().__init__()
        self._connection = connection
        self._arrived = Packed()
        self._record: Outgoing | None = None
        self.deadline = deadline

    def begin(self, method: str, payload: Payload, flags: int, metadata: bytes) -> None:
        """Queue it; raises as `call`, as far as its start goes."""
        connection = self._connection
        with connection.lock:
            record = self._record = _begin(connection, self, method, payload, flags, metadata, self.deadline)
            record.stream = self
            connection.flush()

    @property
    def record(self) -> Outgoing:
        assert self._record is not None
        return self._record

    def put_item(self, payload: Arrived) -> None:
        """An item has arrived."""
        self._arrived.put(payload)
        self.open()

    @property
    def has_news(self) -> bool:
        """Whether an item has arrived, or the end."""
        return self.is_done or bool(self._arrived)

    def look(self) -> bool:
        """Read what has come, without waiting, and give `has_news`."""
        with self._connection.lock:
            self._connection.look()
        return self.has_news

    def receive(self) -> Arrived | None:
        """The next item's payload, or None behind the last.

        Raises:
            Error: the failure of the call, behind the items that came before it.
            TimeoutError: the deadline has passed.
        """
        connection = self._connection
        with connection.lock:
            if not self.has_news:
                self._wait(lambda: self.has_news)
            if self._arrived:
                payload = self._arrived.take()
                if connection.session.consumed(self.record, len(payload)):
                    connection.flush()  # its sender may wait for it
                return payload
        if self.error is not None:
            raise _in_time(self.error, self.deadline)
        return None

    def wait_to_send(self, *, or_news: bool = False) -> bool:
        """Wait until an item may be sent, or there are news; False where the call has ended.

        Raises:
            TimeoutError: the deadline has passed.
        """
        allowance = self.record.items_out
        assert allowance is not None
        with self._connection.lock:
            if not (allowance.is_open or self.is_done):
                self._wait(lambda: allowance.is_open or (self.has_news if or_news else self.is_done))
            return not self.is_done

    def send(self, payload: Payload, *, end: bool = False, waits: bool = False) -> bool:
        """Send an item; False where the call has ended. With `end` it is the last; one that `waits` may leave later.

        Raises:
            ResourceExhausted: the item is over the peer's max_message; nothing was sent.
            TimeoutError: the deadline has passed.
        """
        connection, allowance = self._connection, self.record.items_out
        assert allowance is not None
        with connection.lock:
            if not (allowance.is_open or self.is_done):
                self._wait(lambda: allowance.is_open or self.is_done)
            if self.is_done:
                return False
            connection.session.caller.send_item(self.record, payload, end=end)
            if not waits or connection.session.outbox.has_batch:
                self._flush()
        return True

    def end_items(self) -> None:
        """Tell the callee that no more items come."""
        connection = self._connection
        with connection.lock:
            connection.session.caller.end_items(self.record)
            self._flush()

    def result(self) -> Arrived:
        """Wait for the end and give the encoded result; raises as `call`. Interrupted, the call is given up."""
        with self._connection.lock:
            if not self.is_done:
                self._wait(lambda: self.is_done)
        if self.error is not None:
            raise _in_time(self.error, self.deadline)
        return self.payload

    def give_up(self) -> None:
        """Tell the callee to stop, and do not wait for that; does nothing where the call has ended."""
        with self._connection.lock:
            if not self.is_done:
                self.is_done = True
                _give_up(self._connection, self.record)

    def stop(self) -> None:
        """Tell the callee to stop, and wait until it has; interrupted, the call is given up.

        Raises:
            Error: the callee failed otherwise than by being stopped.
            TimeoutError: the deadline has passed.
        """
        connection = self._connection
        with connection.lock:
            if self.is_done:
                return
            is_to_end = connection.session.caller.stop(self.record)
            self.is_done = not is_to_end  # it had not even left
            connection.flush()
        if is_to_end:
            try:
                self.result()
            except Cancelled:
                pass

    def _flush(self) -> None:
        """Send, and wait as long as the peer does not take so much that only what it has granted is queued."""
        self._connection.flush()
        if not self._connection.is_flushed:
            self._wait(lambda: self._connection.is_flushed or self.is_done)

    def _wait(self, is_there: Callable[[], bool]) -> None:
        """Wait, with the lock held; what was queued leaves before."""
        connection = self._connection
        try:
            connection.flush()
            connection.wait(self, is_there, self.deadline)
        except BaseException as failure:
            if not self.is_done:
                self.error = failure if isinstance(failure, Exception) else Cancelled("this side was interrupted")
                self.is_done = True
                _give_up(connection, self.record)
            raise


def open_call(
    connection: Connection, method: str, payload: Payload, *, flags: int, metadata: bytes, deadline: Deadline
) -> OpenCall:
    """Begin a call with items; raises as `call`, as far as its start goes."""
    opened = OpenCall(connection, deadline)
    opened.begin(method, payload, flags, metadata)
    return opened


def _begin(
    connection: Connection,
    waiter: Waiter,
    method: str,
    payload: Payload,
    flags: int,
    metadata: bytes,
    deadline: Deadline,
) -> Outgoing:
    """Queue a call, once the peer has a slot for it; gives its record, whose owner is `waiter`."""
    caller = connection.session.caller
    if caller.free_slots < 1:
        _wait_for_room(connection, waiter, deadline)
    timeout = None if deadline is NEVER else deadline.milliseconds()
    try:
        record = caller.call(method, payload, timeout=timeout, flags=flags, metadata=metadata)
        record.owner = waiter
    except Exception:
        raise
    except BaseException:
        connection.end("this side was interrupted as it called")
        raise
    return record


def _wait_for_room(connection: Connection, gate: Gate, deadline: Deadline) -> None:
    caller = connection.session.caller
    caller.check_open()
    connection.room.append(gate)
    try:
        connection.wait(gate, lambda: caller.free_slots > 0 or caller.refusal is not None, deadline)
    finally:
        connection.room.remove(gate)


def _give_up(connection: Connection, record: Outgoing) -> None:
    """Leave a call without its end: tell the callee to stop, and do not wait for that."""
    record.owner = record.stream = None
    connection.session.caller.cancel(record)
    connection.flush()
    connection.wake_waiting()
    connection.end_if_left()


def _in_time(error: Exception, deadline: Deadline) -> Exception:
    """Where what ended a call is the caller's own deadline, which both sides watch: what that raises."""
    if isinstance(error, DeadlineExceeded) and deadline.is_within(_CLOCKS_APART):
        return deadline.passed()
    return error
