from __future__ import annotations

from typing import Any

import attrs
import pytest

from rpc.errors import Cancelled, NotFound
from rpc.net.outcomes import ACTIONS
from rpc.net.waiting import Waiter
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event


@attrs.define
class Stream:
    """A stream that keeps what it was told."""

    told: list[object] = attrs.field(factory=list[object])

    def put_item(self, payload: bytes) -> None:
        self.told.append(payload)

    def end_items(self) -> None:
        self.told.append("end")

    def credit(self) -> None:
        self.told.append("credit")

    def close(self, failure: BaseException | None = None) -> None:
        self.told.append(failure)


def outgoing(stream: Stream | None) -> tuple[Outgoing, Waiter]:
    record = Outgoing(1, "calc.add", 0)
    record.owner = waiter = Waiter()
    record.stream = stream
    return record, waiter


def act(event: Event, record: Outgoing | Incoming, value: object) -> None:
    """What the events of a call do has nothing to do with the connection."""
    connection: Any = None
    ACTIONS[event](connection, record, value)


@pytest.mark.parametrize("stream", [None, Stream()])
def test_a_reply_is_for_who_waits(stream: Stream | None) -> None:
    record, waiter = outgoing(stream)
    act(Event.REPLY, record, b"\x03")
    assert (waiter.is_done, waiter.payload, waiter.error) == (True, b"\x03", None)
    assert record.owner is None
    assert stream is None or stream.told == [None]


@pytest.mark.parametrize("stream", [None, Stream()])
def test_so_is_an_error(stream: Stream | None) -> None:
    record, waiter = outgoing(stream)
    failure = NotFound("gone")
    act(Event.ERROR, record, failure)
    assert (waiter.is_done, waiter.error) == (True, failure)
    assert stream is None or stream.told == [failure]


def test_items_and_credit_are_for_the_stream_where_there_is_one() -> None:
    record = Incoming(1, 0, "calc.total", None, None)
    for _ in range(2):
        act(Event.ITEM, record, b"\x01")
        act(Event.ITEMS_END, record, None)
        act(Event.CREDIT, record, None)
        record.stream = record.stream or Stream()
    assert record.stream.told == [b"\x01", "end", "credit"]


def test_a_cancel_reaches_the_stream_as_an_error_not_as_its_end() -> None:
    record = Incoming(1, 0, "calc.total", None, None)
    record.owner = 12.5  # the time at which its fragments began to come: no worker yet
    act(Event.CANCEL, record, None)
    record.stream = stream = Stream()
    act(Event.CANCEL, record, None)
    [told] = stream.told
    assert isinstance(told, Cancelled)
