"""Items that come in a run are what they are when each comes alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import Reason
from rpc.session.events import Event, Events
from rpc.session.session import Session
from rpc.wire import frames
from rpc.wire.frames import END, MORE, SENDS, TAKES
from tests import pairs
from tests.pairs import brief, call, data, in_small_pieces, opened, single

ITEMS = st.lists(st.binary(min_size=1, max_size=3), max_size=12)


def sending(id: int = 1) -> Session:
    """An acceptor with an open call that sends items."""
    session = opened(is_connector=False)
    session.receive(call(id, flags=SENDS))
    return session


def the_break(events: Events) -> Reason:
    event, _, error = events[-1]
    assert event is Event.BROKEN
    return error.reason  # type: ignore[no-any-return]


def test_items_that_are_alike_are_one_event_behind_the_first() -> None:
    session = sending()
    events = session.receive(b"".join(data(1, bytes((value,))) for value in range(5)))
    assert brief(events) == [(Event.ITEM, 1, b"\0"), (Event.ITEMS, 1, [b"\1", b"\2", b"\3", b"\4"])]
    assert session.frames_read == 7
    [record] = session.callee.calls.values()
    assert record.items_in is not None
    assert (record.items_in.received, record.items_in.items) == (5, 5)


def test_so_they_are_at_the_caller() -> None:
    session = opened()
    record = session.caller.call("a.b", b"\x80", flags=TAKES)
    session.take()
    events = session.receive(b"".join(data(1, bytes((value,))) for value in range(3)) + pairs.reply(1, b"\xf6"))
    assert brief(events) == [(Event.ITEM, 1, b"\0"), (Event.ITEMS, 1, [b"\1", b"\2"]), (Event.REPLY, 1, b"\xf6")]
    assert record.items_in is not None
    assert record.items_in.items == 3


@given(ITEMS, ITEMS, st.lists(st.integers(0, 5), max_size=4))
def test_whatever_comes_between_them(first: list[bytes], second: list[bytes], others: list[int]) -> None:
    between = {
        0: data(3, b"x"),
        1: data(1, bytes(5000), MORE) + data(1, b"end"),
        2: frames.ping(7),
        3: call(5),
        4: data(1, b"", END),
        5: data(9, b"1"),
    }
    stream = call(1, flags=SENDS) + call(3, flags=SENDS)
    stream += b"".join(data(1, item) for item in first)
    stream += b"".join(between[other] for other in others)
    stream += b"".join(data(1 + 2 * (len(item) == 2), item) for item in second)
    one, other = opened(is_connector=False), opened(is_connector=False)
    assert brief(single(one.receive(stream))) == brief(in_small_pieces(other, stream))
    assert one.frames_read == other.frames_read
    for id, record in one.callee.calls.items():
        if record.items_in is not None:
            twin = other.callee.calls[id].items_in
            assert twin is not None
            assert (record.items_in.received, record.items_in.items) == (twin.received, twin.items)


def test_a_frame_without_an_event_begins_no_run() -> None:
    session = sending()
    session.receive(call(3, flags=SENDS))
    session.receive(frames.cancel(3))
    stream = data(1, b"x") + data(3, b"y") + data(3, b"z") + data(1, b"w")
    assert brief(session.receive(stream)) == [(Event.ITEM, 1, b"x"), (Event.ITEM, 1, b"w")]


def test_the_last_fragment_of_an_item_begins_no_run() -> None:
    session = sending()
    stream = data(1, bytes(5000), MORE) + data(1, b"x") + data(1, b"y") + data(1, b"z")
    [(_, _, large), *rest] = brief(session.receive(stream))
    assert len(large) == 5001
    assert rest == [(Event.ITEM, 1, b"y"), (Event.ITEMS, 1, [b"z"])]


@pytest.mark.parametrize("before", [0, 1, 5])
def test_credit_ends_in_the_midst_of_a_run(before: int) -> None:
    session = sending()
    window = session.limits.window
    filled = window - 2 * before - 1
    session.receive(data(1, bytes(10_000)) * (filled // 10_000) + data(1, bytes(filled % 10_000)))
    stream = b"".join(data(1, b"ab") for _ in range(before + 5))
    events = session.receive(stream)
    items = [item for event, _, item in single(events) if event is Event.ITEM]
    assert items == [b"ab"] * (before + 1)
    assert the_break(events) is Reason.CREDIT


def test_a_run_that_is_cut_goes_on_with_the_next_read() -> None:
    session = sending()
    stream = b"".join(data(1, b"a%03d" % number) for number in range(1000))
    events = [happening for at in range(0, len(stream), 777) for happening in session.receive(stream[at : at + 777])]
    assert [item for _, _, item in single(events)] == [b"a%03d" % number for number in range(1000)]
