from __future__ import annotations

import attrs
import pytest

from rpc.errors import Cancelled, NotFound
from rpc.net import outcomes
from rpc.net.waiting import Waiter
from rpc.session.calls import Incoming, Outgoing


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


@pytest.mark.parametrize("stream", [None, Stream()])
def test_a_reply_is_for_who_waits(stream: Stream | None) -> None:
    record, waiter = outgoing(stream)
    outcomes.reply(record, b"\x03")
    assert (waiter.is_done, waiter.payload, waiter.error) == (True, b"\x03", None)
    assert record.owner is None
    assert stream is None or stream.told == [None]


@pytest.mark.parametrize("stream", [None, Stream()])
def test_so_is_an_error(stream: Stream | None) -> None:
    record, waiter = outgoing(stream)
    failure = NotFound("gone")
    outcomes.error(record, failure)
    assert (waiter.is_done, waiter.error) == (True, failure)
    assert stream is None or stream.told == [failure]


def test_items_and_credit_are_for_the_stream_where_there_is_one() -> None:
    record = Incoming(1, 0, "calc.total", None, None)
    for _ in range(2):
        outcomes.item(record, b"\x01")
        outcomes.items_end(record, None)
        outcomes.credit(record, None)
        record.stream = record.stream or Stream()
    assert record.stream.told == [b"\x01", "end", "credit"]


def test_a_cancel_reaches_the_stream_as_an_error_not_as_its_end() -> None:
    record = Incoming(1, 0, "calc.total", None, None)
    record.owner = 12.5  # the time at which its fragments began to come: no worker yet
    outcomes.cancel(record, None)
    record.stream = stream = Stream()
    outcomes.cancel(record, None)
    [told] = stream.told
    assert isinstance(told, Cancelled)
