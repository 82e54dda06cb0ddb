"""What the events of a call do: to the task that waits for it, to the worker that runs it, to its stream.

A call that was given up has no owner any more, and one that was refused as it was dispatched, earlier in the same
batch of events, has no stream: what comes for it is nothing.
"""

from __future__ import annotations

from rpc.errors import Cancelled, Error
from rpc.net.workers import Worker
from rpc.session.calls import Incoming, Outgoing
from rpc.wire.gathering import Arrived

__all__ = ["cancel", "credit", "error", "item", "items_end", "reply"]


def reply(record: Outgoing, payload: Arrived) -> None:
    """A call of this side has returned."""
    waiter, record.owner = record.owner, None
    waiter.succeed(payload)
    if record.stream is not None:
        record.stream.close()


def error(record: Outgoing, failure: Error) -> None:
    """A call of this side has failed."""
    waiter, record.owner = record.owner, None
    waiter.fail(failure)
    if record.stream is not None:
        record.stream.close(failure)


def cancel(record: Incoming, _: None) -> None:
    """A call of the peer's was cancelled, or its connection has ended."""
    # No worker has what has ended meanwhile, nor what was never begun because the connection ended first.
    if isinstance(record.owner, Worker):
        record.owner.cancel()
    if record.stream is not None:
        # The scope has spoken first: only a handler that shields itself sees this, and must not take it for the end
        # of its caller's items.
        record.stream.close(Cancelled("cancelled by its caller"))


def item(record: Outgoing | Incoming, payload: Arrived) -> None:
    """An item has arrived."""
    if record.stream is not None:
        record.stream.put_item(payload)


def items_end(record: Incoming, _: None) -> None:
    """The caller sends no more items."""
    if record.stream is not None:
        record.stream.end_items()


def credit(record: Outgoing | Incoming, _: None) -> None:
    """Items may be sent again."""
    if record.stream is not None:
        record.stream.credit()
