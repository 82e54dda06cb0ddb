from __future__ import annotations

import pytest

from rpc.session.calls import Incoming, Outgoing
from rpc.session.states import State, Step
from rpc.wire.frames import Flag


def test_an_outgoing_call_begins_queued() -> None:
    record = Outgoing(7, "calc.add", 0)
    assert (record.id, record.method, record.flags, record.state) == (7, "calc.add", 0, State.QUEUED)
    assert (record.places, record.parts, record.reply_begun) == ([], None, False)
    assert (record.items_out, record.items_in, record.owner, record.stream) == (None, None, None, None)
    assert record.wants_end is False
    assert repr(record) == "<call 7 to calc.add queued>"
    record.step(Step.TAKEN)
    assert record.state is State.OPEN
    assert repr(record) == "<call 7 to calc.add open>"


def test_an_incoming_call_begins_to_gather() -> None:
    record = Incoming(7, 4, "calc.add", 250, {"key": 1})
    assert (record.id, record.flags, record.method, record.timeout, record.metadata) == (
        7,
        4,
        "calc.add",
        250,
        {"key": 1},
    )
    assert (record.payload, record.parts, record.state) == (b"", None, State.GATHERING)
    assert (record.items_out, record.items_in, record.owner, record.stream) == (None, None, None, None)
    assert repr(record) == "<call 7 of calc.add gathering>"
    record.step(Step.WHOLE)
    assert record.state is State.OPEN


@pytest.mark.parametrize("flags", range(32))
def test_items_of_a_call_that_sends_none_have_ended(flags: int) -> None:
    sends = bool(flags & Flag.SENDS)
    assert Outgoing(1, "a.b", flags).sent_end is not sends
    assert Incoming(1, flags, "a.b", None, None).got_end is not sends


def test_a_step_that_is_in_no_row_is_a_bug_of_ours() -> None:
    with pytest.raises(KeyError):
        Outgoing(1, "a.b", 0).step(Step.END)
    with pytest.raises(KeyError):
        Incoming(1, 0, "a.b", None, None).step(Step.SENT)
