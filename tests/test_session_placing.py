"""Fragments are read to where their payload is gathered, and come to what they come to when they are copied."""

from __future__ import annotations

import pytest

from rpc.errors import Error
from rpc.limits import Limits
from rpc.session.events import Event, Events
from rpc.session.placing import Placing
from rpc.session.session import Session
from rpc.wire import frames
from rpc.wire.frames import END, MORE, SENDS, TAKES
from rpc.wire.framing import PREFIX
from rpc.wire.gathering import Filled, Gathered
from rpc.wire.payload import encode
from tests import pairs
from tests.pairs import call, data, opened, reply

CONTENT = bytes(range(256)) * 1200
PAYLOAD = encode([CONTENT])
CUT = 100_000
LIMITS = Limits()


def acceptor() -> Session:
    return opened(is_connector=False, limits=LIMITS)


def connector(flags: int = 0) -> Session:
    """One with a call that is answered in fragments."""
    session = opened(limits=LIMITS)
    session.caller.call("calc.add", b"\x80", flags=flags)
    pairs.write(session)
    return session


def straight(session: Session, stream: bytes, begun: int = 100) -> Events:
    """Read a frame whose beginning is there, and the rest of it straight into its place."""
    events = session.receive(stream[:begun])
    room = session.want()
    assert room is not None
    room[:] = stream[begun:]
    return events + session.filled(len(room))


def place_of(session: Session, stream: bytes) -> object:
    placing = Placing(1 if session.caller.calls else 0, session.caller.calls, session.callee.calls)
    return placing(stream[PREFIX : PREFIX + 100], len(stream) - PREFIX)


def the_content(payload: object) -> bytes:
    assert isinstance(payload, Gathered)
    assert payload.is_fitting
    return payload.content


def test_arguments_are_gathered_where_they_stay() -> None:
    session = acceptor()
    session.receive(call(1, PAYLOAD[:CUT], flags=MORE))
    [record] = session.callee.calls.values()
    assert record.held == len(PAYLOAD)
    assert straight(session, data(1, PAYLOAD[CUT : 2 * CUT], MORE)) == []
    [(event, _, _)] = straight(session, data(1, PAYLOAD[2 * CUT :]))
    assert event is Event.CALL
    assert the_content(record.payload) == CONTENT


def test_a_result_is_gathered_where_it_stays() -> None:
    session = connector()
    session.receive(reply(1, PAYLOAD[:CUT], MORE))
    assert straight(session, data(1, PAYLOAD[CUT : 2 * CUT], MORE)) == []
    [(event, _, payload)] = straight(session, data(1, PAYLOAD[2 * CUT :]))
    assert event is Event.REPLY
    assert the_content(payload) == CONTENT


def test_an_item_is_gathered_where_it_stays() -> None:
    session = acceptor()
    session.receive(call(1, flags=SENDS))
    session.receive(data(1, PAYLOAD[:CUT], MORE))
    assert straight(session, data(1, PAYLOAD[CUT : 2 * CUT], MORE)) == []
    first, last = straight(session, data(1, PAYLOAD[2 * CUT :], END))
    assert first[0] is Event.ITEM
    assert the_content(first[2]) == CONTENT
    assert last[0] is Event.ITEMS_END


def test_a_fragment_is_filled_by_what_comes_with_its_head_too() -> None:
    session = acceptor()
    session.receive(call(1, PAYLOAD[:CUT], flags=MORE))
    stream = data(1, PAYLOAD[CUT : 2 * CUT], MORE) + data(1, PAYLOAD[2 * CUT :])
    events: Events = []
    for at in range(0, len(stream), 30_000):
        events += session.receive(stream[at : at + 30_000])
    [(_, record, _)] = events
    assert the_content(record.payload) == CONTENT


def test_a_fragment_in_its_place_ends_the_frame_of_another_call() -> None:
    session = acceptor()
    session.receive(call(1, PAYLOAD[:CUT], flags=MORE) + call(3, PAYLOAD[:CUT], flags=MORE))
    events: Events = []
    for id, piece, more in ((1, 1, MORE), (3, 1, MORE), (3, 2, 0), (1, 2, 0)):
        events += straight(session, data(id, PAYLOAD[piece * CUT : (piece + 1) * CUT + (not more) * CUT], more))
    assert [event for event, _, _ in events] == [Event.CALL, Event.CALL]
    assert [the_content(record.payload) for record in session.callee.calls.values()] == [CONTENT, CONTENT]


def test_a_call_that_ends_in_the_midst_of_a_fragment_ignores_it() -> None:
    session = acceptor()
    session.receive(call(1, PAYLOAD[:CUT], flags=MORE))
    stream = data(1, PAYLOAD[CUT : 2 * CUT], MORE)
    session.receive(stream[:100])
    session.callee.fail(session.callee.calls[1], Error("enough"))
    room = session.want()
    assert room is not None
    room[:] = stream[100:]
    assert session.filled(len(room)) == []
    assert pairs.said(session)[-1][0] == frames.ERROR


def test_a_call_that_was_given_up_keeps_nothing_of_a_fragment() -> None:
    session = connector()
    session.receive(reply(1, PAYLOAD[:CUT], MORE))
    stream = data(1, PAYLOAD[CUT : 2 * CUT], MORE)
    session.receive(stream[:100])
    [record] = session.caller.calls.values()
    session.caller.cancel(record)
    assert session.receive(stream[100:]) == []
    assert record.held == 0
    assert place_of(session, stream) is None


@pytest.mark.parametrize(
    "stream",
    [
        reply(1, PAYLOAD[:CUT], MORE),
        data(3, PAYLOAD[:CUT], MORE),
        call(1, PAYLOAD[:CUT], flags=MORE),
        frames.data(1, MORE, CUT) + bytes(CUT - 1),
        frames.data(1, 4, CUT) + bytes(CUT),
        data(1, PAYLOAD, MORE),
    ],
    ids=["a reply", "another call", "a call", "a wrong length", "a wrong flag", "more than was promised"],
)
def test_what_is_no_fragment_that_is_waited_for_has_no_place(stream: bytes) -> None:
    session = connector(flags=TAKES)
    session.receive(reply(1, PAYLOAD[:CUT], MORE))
    assert place_of(session, stream) is None


def test_a_head_that_has_not_come_whole_has_no_place() -> None:
    session = connector()
    session.receive(reply(1, PAYLOAD[:CUT], MORE))
    [record] = session.caller.calls.values()
    placing = Placing(1, session.caller.calls, session.callee.calls)
    body = data(1, PAYLOAD[CUT : 2 * CUT], MORE)[PREFIX:]
    assert placing(body[:12], len(body)) is None
    room = placing(body[:13], len(body))
    assert room is not None
    fields, start, place = room
    assert (fields[:3], start, len(place)) == ([frames.DATA, 1, MORE], 9, CUT)
    assert isinstance(fields[3], Filled)
    assert record.parts is not None
    assert record.parts.size == CUT
