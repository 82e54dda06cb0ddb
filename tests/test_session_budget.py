from __future__ import annotations

import pytest

import rpc
from rpc.errors import Code, Processed
from rpc.limits import Limits
from rpc.session.budget import STEP, Budget, Share
from rpc.session.calls import Incoming
from rpc.session.events import Event, Events
from rpc.session.session import Session
from rpc.wire import failures, frames, hello
from rpc.wire.frames import Fields
from rpc.wire.hello import Settings
from tests.pairs import call, data, opened, reply, said, write

LIMITS = Limits(
    max_frame=65_536,
    max_message=100_000,
    max_calls=16,
    window=65_536,
    max_calls_total=20,
    max_bytes_in_flight=1_048_576,
)
SHARE = 262_144
PIECE = bytes(60_000)


class Server:
    """Some acceptors with one budget."""

    def __init__(self, count: int) -> None:
        self.budget = Budget(LIMITS, parts=4)
        self.sessions = [Session(is_connector=False, limits=LIMITS, budget=self.budget) for _ in range(count)]
        for session in self.sessions:
            write(session)
            session.receive(hello.encode(Settings(max_frame=65_536, max_message=10**8)))


def running(events: Events) -> list[Incoming]:
    return [record for event, record, _ in events if event is Event.CALL]


def refusals(heard: list[Fields]) -> list[tuple[int, Code, Processed, str]]:
    errors = [(fields[1], failures.decode(fields[2])) for fields in heard if fields[0] == frames.ERROR]
    return [(id, error.code, error.processed, error.message) for id, error in errors]


# --- Measuring -----------------------------------------------------------------------------------------------------


def test_a_share_counts_for_what_it_has_measured() -> None:
    budget = Budget(LIMITS, parts=4)
    held = [1000]
    one, other = Share(budget, lambda: held[0]), Share(budget, lambda: 5)
    one.renew()
    other.renew()
    assert (one.held, other.held, budget.bytes) == (1000, 5, 1005)
    held[0] = 10
    one.renew()
    assert budget.bytes == 15
    one.end()
    assert budget.bytes == 5
    other.end()
    assert budget.bytes == 0


def test_what_seems_too_much_is_measured_before_anybody_is_refused() -> None:
    budget = Budget(LIMITS, parts=4)
    held = [SHARE + 1]
    share = Share(budget, lambda: held[0])
    assert not share.is_full()
    share.renew()
    assert share.is_over()
    assert share.is_full()
    assert share.excess == "max_bytes_in_flight: 262145 bytes are held for this connection"
    held[0] = SHARE
    assert not share.is_full()


def test_all_together_may_be_too_much() -> None:
    budget = Budget(LIMITS, parts=4)
    shares = [Share(budget, lambda: SHARE) for _ in range(5)]
    for share in shares:
        share.renew()
    assert shares[0].is_full()
    assert shares[0].excess == "max_bytes_in_flight: 1310720 bytes are held for all connections"
    small = Share(budget, lambda: 1000)
    small.renew()
    assert not small.is_full()
    assert not small.is_full(STEP - 1000)
    assert small.is_full(STEP), "small talk goes on, and nothing large"
    small.end()
    shares.pop().end()
    assert not shares[0].is_full()


def test_the_largest_message_always_fits_the_share() -> None:
    assert Budget(LIMITS, parts=4).max_share == SHARE
    assert Budget(LIMITS).max_share == 1_048_576
    assert Budget(Limits(max_message=10**9), parts=4).max_share == 2 * 10**9


# --- Calls ---------------------------------------------------------------------------------------------------------


def test_the_calls_of_all_connections_are_counted() -> None:
    server = Server(2)
    one, two = server.sessions
    records = running(one.receive(b"".join(call(id) for id in range(1, 25, 2))))
    records += running(two.receive(b"".join(call(id) for id in range(1, 25, 2))))
    assert len(records) == server.budget.calls == 20
    assert refusals(said(two)) == [
        (id, Code.RESOURCE_EXHAUSTED, Processed.NOT_PROCESSED, "max_calls_total: 20 calls are open on all connections")
        for id in (17, 19, 21, 23)
    ]
    assert server.budget.refused == {"max_calls_total": 4}
    one.callee.reply(records[0], b"\xf6")
    assert server.budget.calls == 20, "its end is not written"
    write(one)
    assert server.budget.calls == 19
    assert len(running(two.receive(call(25)))) == 1
    one.lost("gone")
    assert server.budget.calls == 9
    two.lost("gone")
    assert server.budget.calls == server.budget.bytes == 0


def test_calls_over_the_slots_of_their_connection_are_counted() -> None:
    session = opened(is_connector=False, limits=LIMITS)
    session.receive(b"".join(call(id) for id in range(1, 41, 2)))
    assert session.share.budget.refused == {"max_calls": 4}


# --- Bytes ---------------------------------------------------------------------------------------------------------


def test_a_call_that_comes_in_pieces_is_refused_where_its_connection_is_full() -> None:
    server = Server(2)
    one, two = server.sessions
    events: Events = []
    for id in (1, 3, 5, 7):
        events += one.receive(call(id, PIECE, flags=frames.MORE))
    for id in (1, 3):
        events += one.receive(data(id, PIECE[:30_000], frames.MORE))
    text = "max_bytes_in_flight: 300000 bytes are held for this connection"
    expected = [(3, Code.RESOURCE_EXHAUSTED, Processed.NOT_PROCESSED, f"the arguments of a.b: {text}")]
    assert refusals(said(one)) == expected
    assert server.budget.bytes == 210_000
    assert server.budget.refused == {"max_bytes_in_flight": 1}
    assert len(running(two.receive(call(1)))) == 1, "others are served"
    assert len(running(one.receive(data(1, PIECE[:9_000])))) == 1, "and the last piece of what has begun is taken"


def test_new_calls_are_refused_while_arguments_are_in_use() -> None:
    server = Server(1)
    [session] = server.sessions
    records: list[Incoming] = []
    for id in range(1, 11, 2):
        records += running(session.receive(call(id, PIECE)))
    assert len(records) == 5
    assert running(session.receive(call(11))) == []
    [(_, code, processed, text)] = refusals(said(session))
    assert (code, processed) == (Code.RESOURCE_EXHAUSTED, Processed.NOT_PROCESSED)
    assert text == "max_bytes_in_flight: 300000 bytes are held for this connection"
    session.callee.reply(records[0], b"\xf6")
    write(session)
    assert len(running(session.receive(call(13)))) == 1


def test_results_that_nobody_takes_become_errors() -> None:
    server = Server(1)
    [session] = server.sessions
    records = running(session.receive(b"".join(call(id) for id in range(1, 33, 2))))
    for record in records:
        session.callee.reply(record, bytes(90_000))
    assert server.budget.bytes <= SHARE + 90_000
    heard = said(session)
    failed = refusals(heard)
    assert 10 < len(failed) < 16
    assert {(code, processed) for _, code, processed, _ in failed} == {(Code.RESOURCE_EXHAUSTED, Processed.UNKNOWN)}
    assert "the result of a.b: max_bytes_in_flight" in failed[0][3]
    assert server.budget.bytes < STEP, "now that they are written"


def test_what_the_transport_did_not_take_counts_too() -> None:
    server = Server(1)
    [session] = server.sessions
    [record] = running(session.receive(call(1)))
    session.callee.reply(record, bytes(60_000))
    session.unsent = sum(map(len, session.take()))
    session.share.renew()
    assert server.budget.bytes == session.unsent > 60_000
    session.sent()
    assert server.budget.bytes == 0


def test_items_that_were_not_taken_count_with_their_overhead() -> None:
    server = Server(1)
    [session] = server.sessions
    [record] = running(session.receive(call(1, flags=frames.SENDS)))
    session.receive(b"".join(data(1, b"\x01") for _ in range(3000)))
    session.share.renew()
    assert server.budget.bytes == 1 + 3000 * 65
    for _ in range(3000):
        session.consumed(record, 1)
    session.share.renew()
    assert server.budget.bytes == 1
    session.receive(data(1, PIECE, frames.MORE))
    session.receive(data(1, PIECE[:5000]))
    session.share.renew()
    assert server.budget.bytes == 1 + 65_000 + 64


def test_an_item_that_comes_in_pieces_ends_its_call_where_its_connection_is_full() -> None:
    server = Server(1)
    [session] = server.sessions
    records: list[Incoming] = []
    for id in range(1, 9, 2):
        records += running(session.receive(call(id, PIECE, flags=frames.SENDS)))
    assert session.receive(data(1, PIECE, frames.MORE)) == []
    assert session.receive(data(3, PIECE, frames.MORE)) == [(Event.CANCEL, records[1], None)]
    text = "an item of a.b: max_bytes_in_flight: 360000 bytes are held for this connection"
    assert refusals(said(session)) == [(3, Code.RESOURCE_EXHAUSTED, Processed.UNKNOWN, text)]


def test_replies_to_calls_of_a_server_are_bounded_as_well() -> None:
    server = Server(1)
    [session] = server.sessions
    records = [session.caller.call("a.b", b"\x80") for _ in range(6)]
    write(session)
    events: Events = []
    for record in records:
        events += session.receive(reply(record.id, PIECE, frames.MORE))
    ended = [(record, error) for event, record, error in events if event is Event.ERROR]
    assert [record for record, _ in ended] == records[-1:]
    assert isinstance(ended[0][1], rpc.ResourceExhausted)
    assert server.budget.bytes <= SHARE + len(PIECE)


def test_an_unfinished_frame_counts() -> None:
    server = Server(1)
    [session] = server.sessions
    session.receive(call(1, PIECE)[:40_000])
    assert server.budget.bytes == 40_000


@pytest.mark.parametrize("count", [1, 100])
def test_small_talk_is_not_measured_each_time(count: int) -> None:
    server = Server(1)
    [session] = server.sessions
    measured: list[int] = []

    def measure() -> int:
        measured.append(1)
        return 0

    session.share._measure = measure
    for id in range(1, 2 * count, 2):
        for record in running(session.receive(call(id))):
            session.callee.reply(record, b"\xf6")
        write(session)
    assert len(measured) <= count * 40 / STEP + 1
