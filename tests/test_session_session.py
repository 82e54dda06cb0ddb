from __future__ import annotations

from typing import Any

import cbor2
import pytest

from rpc.errors import Code, NotFound, Processed, ProtocolError, Reason, ResourceExhausted, Unavailable
from rpc.limits import LEAST_FRAGMENT, Limits
from rpc.session.calls import Incoming
from rpc.session.events import Event, Events
from rpc.session.session import Session, Waits
from rpc.wire import frames, hello, metadata
from rpc.wire.frames import Flag, Frame
from rpc.wire.framing import prefix
from rpc.wire.hello import Settings
from rpc.wire.payload import Payload
from tests import pairs
from tests.pairs import (
    LIMITS,
    Delivery,
    Pair,
    brief,
    decoded,
    in_small_pieces,
    opened,
    said,
    straight_into,
    whole,
    write,
)

MORE, END, NAMED, SENDS, TAKES = map(int, Flag)
PIECE = bytes(LEAST_FRAGMENT)
GONE = (Code.UNAVAILABLE, Processed.NOT_PROCESSED)
LOST = (Code.UNAVAILABLE, Processed.UNKNOWN)

DELIVERIES = pytest.mark.parametrize("deliver", [whole, in_small_pieces, straight_into])


def frame(*fields: Any) -> bytes:
    body = cbor2.dumps(list(fields))
    return prefix(len(body)) + body


def the_break(events: Events) -> ProtocolError:
    """The connection error that is the last event."""
    event, record, error = events[-1]
    assert (event, record) == (Event.BROKEN, None)
    assert isinstance(error, ProtocolError)
    return error


def goaways(session: Session) -> list[list[Any]]:
    """The fields of the GOAWAY frames that a session has to say, and it has to say nothing else."""
    found = said(session)
    assert all(fields[0] == Frame.GOAWAY for fields in found)
    return [fields[1:] for fields in found]


def the_call(session: Session, stream: bytes) -> Incoming:
    """The call that arrives with these bytes, whole."""
    ((event, record, _),) = session.receive(stream)
    assert event is Event.CALL
    assert isinstance(record, Incoming)
    return record


# --- Two sessions --------------------------------------------------------------------------------------------------


@DELIVERIES
def test_a_call_is_made_answered_and_forgotten(deliver: Delivery) -> None:
    pair = Pair(deliver=deliver)
    record = pair.connector.caller.call("calc.add", b"\x82\x01\x02")
    (happening,) = pair.pass_on(pair.connector)
    assert happening[0] is Event.CALL
    pair.acceptor.callee.reply(happening[1], b"\x03")
    assert not pair.acceptor.is_idle or not pair.connector.is_idle
    assert pair.pass_on(pair.acceptor) == [(Event.REPLY, record, b"\x03")]
    assert pair.connector.is_idle
    assert pair.acceptor.is_idle
    assert pair.move() == []


@DELIVERIES
def test_either_side_calls_and_large_payloads_pass_both_ways(deliver: Delivery) -> None:
    large = bytes(range(250)) * 400
    pair = Pair(deliver=deliver)
    for caller, callee in ((pair.connector, pair.acceptor), (pair.acceptor, pair.connector)):
        record = caller.caller.call("a.b", large)
        (*_, (event, incoming, _)) = pair.pass_on(caller)
        assert event is Event.CALL
        assert incoming.payload == large
        callee.callee.reply(incoming, [large[:5], memoryview(large)[5:]])
        assert pair.pass_on(callee) == [(Event.REPLY, record, large)]
    assert pair.connector.is_idle
    assert pair.acceptor.is_idle


@DELIVERIES
def test_frames_as_large_as_ours_arrive_however_they_are_read(deliver: Delivery) -> None:
    roomy = Limits(max_message=300_000)
    pair = Pair(roomy, roomy, deliver)
    pair.connector.caller.call("a.b", bytes(100_000))
    ((event, incoming, _),) = pair.pass_on(pair.connector)
    assert event is Event.CALL
    assert incoming.payload == bytes(100_000)
    pair.acceptor.callee.reply(incoming, bytes(300_000))
    assert [event for event, _, _ in pair.pass_on(pair.acceptor)] == [Event.REPLY]


# --- HELLO ---------------------------------------------------------------------------------------------------------


def test_a_session_begins_with_its_hello_and_waits_for_none() -> None:
    limits = Limits(max_frame=20_000, max_message=30_000, max_calls=20, window=70_000, min_ping=2000)
    session = Session(is_connector=True, limits=limits, agent="test 1.0", credential=b"secret")
    assert (session.is_open, session.waits_for) == (False, Waits.HELLO)
    assert repr(session) == "<session greeting, 0 calls out, 0 in>"
    settings = Settings(
        max_frame=20_000,
        max_message=30_000,
        max_calls=20,
        window=70_000,
        agent="test 1.0",
        credential=b"secret",
        min_ping=2000,
    )
    assert hello.decode(write(session)[4:]) == (1, settings)


def test_the_hello_of_the_peer_opens_the_session() -> None:
    session = Session(is_connector=False, limits=LIMITS)
    settings = Settings(agent="peer", credential=b"secret")
    assert session.receive(hello.encode(settings)) == [(Event.HELLO, None, settings)]
    assert (session.is_open, session.waits_for, session.frames_read) == (True, Waits.NOTHING, 1)
    assert repr(session) == "<session open, 0 calls out, 0 in>"
    assert session.caller.call("a.b", b"\x80").id == 2


def test_before_it_no_call_is_made_and_no_notification_is_sent() -> None:
    session = Session(is_connector=True, limits=LIMITS)
    with pytest.raises(Unavailable):
        session.caller.call("a.b", b"\x80")
    with pytest.raises(Unavailable):
        session.notify("a.b", b"\x80")
    session.ping(1)
    session.pong(1)
    assert len(decoded_hello(session)) == 1


def decoded_hello(session: Session) -> list[bytes]:
    """The frames that an unopened session says, by their prefixes."""
    stream, found = write(session), []
    while stream:
        end = 4 + int.from_bytes(stream[:4], "big")
        found.append(stream[4:end])
        stream = stream[end:]
    return found


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (frames.ping(1), Reason.PROTOCOL),
        (frame(0, 1, {}), Reason.PROTOCOL),
        (frames.goaway(0, 0, ""), Reason.PROTOCOL),
        (prefix(0), Reason.SIZE),
        (prefix(16_385), Reason.SIZE),
        (b"GET / HTTP/1.1\r\n\r\n", Reason.SIZE),
        (prefix(7) + b"\xd9\xd9\xf7\x83\x00\x00\xa0", Reason.VERSION),
    ],
)
def test_what_is_no_good_hello_breaks(first: bytes, reason: Reason) -> None:
    session = Session(is_connector=False, limits=LIMITS)
    error = the_break(session.receive(first))
    assert error.reason is reason
    _, goaway = decoded_hello(session)
    assert frames.decode(goaway) == [Frame.GOAWAY, 0, reason, error.message]
    assert repr(session) == "<session broken, 0 calls out, 0 in>"


def test_a_later_version_is_spoken_as_ours() -> None:
    session = Session(is_connector=False, limits=LIMITS)
    events = session.receive(prefix(7) + b"\xd9\xd9\xf7\x83\x00\x02\xa0")
    assert events == [(Event.HELLO, None, Settings())]


def test_a_second_hello_breaks() -> None:
    for again in (hello.encode(Settings()), frame(0, 1, {})):
        assert the_break(opened().receive(again)).reason is Reason.PROTOCOL


@DELIVERIES
def test_the_first_frame_is_small_and_the_next_may_be_as_large_as_we_accept(deliver: Delivery) -> None:
    session = Session(is_connector=False, limits=Limits())
    stream = hello.encode(Settings()) + pairs.call(1, bytes(200_000))
    assert [event for event, _, _ in deliver(session, stream)] == [Event.HELLO, Event.CALL]
    assert session.frames_read == 2


def test_a_hello_too_large_to_be_read_is_not_sent() -> None:
    with pytest.raises(ValueError, match="a HELLO of"):
        Session(is_connector=True, limits=LIMITS, credential=bytes(20_000))


@pytest.mark.parametrize(
    ("ours", "theirs", "lower"), [(16_384, 2**64 - 1, 16_384), (262_144, 16_384, 16_384), (20_000, 20_000, 20_000)]
)
def test_frames_are_cut_at_the_lower_of_both_sides_limits(ours: int, theirs: int, lower: int) -> None:
    session = opened(limits=Limits(max_frame=ours), peer=Settings(max_frame=theirs, max_message=1_000_000))
    session.caller.call("a.b", bytes(300_000))
    assert lower - 2 <= int.from_bytes(write(session)[:4], "big") <= lower


def test_the_peers_settings_bind_what_we_send() -> None:
    session = opened(peer=Settings(max_message=16_384, max_calls=20, window=80_000))
    assert session.caller.free_slots == 20
    with pytest.raises(ResourceExhausted):
        session.caller.call("a.b", bytes(16_385))
    record = session.caller.call("a.b", b"\x80", flags=SENDS)
    assert record.items_out is not None
    assert record.items_out.total == 80_000


# --- Frames --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_connector", [True, False])
def test_ids_tell_who_calls(is_connector: bool) -> None:
    session = opened(is_connector=is_connector)
    mine, other = (1, 2) if is_connector else (2, 1)
    ours = session.caller.call("a.b", b"\x80", flags=SENDS | TAKES)
    assert ours.id == mine
    theirs = the_call(session, pairs.call(other, flags=SENDS | TAKES))
    write(session)
    events = session.receive(
        pairs.data(mine, b"to us")
        + pairs.data(other, b"from them")
        + frames.credit(mine, 70_000)
        + frames.credit(other, 70_000)
        + pairs.data(other, b"", END)
        + frames.cancel(other)
        + pairs.reply(mine, b"\x01")
    )
    assert brief(events) == [
        (Event.ITEM, mine, b"to us"),
        (Event.ITEM, other, b"from them"),
        (Event.ITEMS_END, other),
        (Event.CANCEL, other),
        (Event.REPLY, mine, b"\x01"),
    ]
    assert ours.items_out is not None
    assert theirs.items_out is not None
    assert (ours.items_out.total, theirs.items_out.total) == (70_000, 70_000)
    assert repr(session) == "<session open, 0 calls out, 1 in>"


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (pairs.call(1), "CALL: 1 is a number of the other side's calls"),
        (frames.cancel(1), "CANCEL: call 1 is for its caller to cancel"),
        (pairs.data(1, b"", END), "only a caller ends its items"),
        (pairs.reply(2, b"\x01"), "REPLY for call 2, which is not open"),
        (pairs.error(2, NotFound()), "ERROR for call 2, which is not open"),
        (frame(11, 1), "unknown frame type 11"),
        (prefix(0), "a frame of 0 bytes"),
        (prefix(16_385), "a frame of 16385 bytes; 1 to 16384 are accepted"),
    ],
)
def test_a_peer_out_of_its_role_breaks_the_connection(stream: bytes, why: str) -> None:
    session = opened()
    session.caller.call("a.b", b"\x80", flags=SENDS | TAKES)
    session.receive(pairs.call(2))
    write(session)
    assert why in the_break(session.receive(stream)).message


def test_types_kept_for_later_are_ignored() -> None:
    session = opened()
    assert session.receive(frame(32) + frame(63, {"any": [1]})) == []
    assert session.frames_read == 3


def test_events_come_in_the_order_of_frames_and_those_before_a_break_count() -> None:
    session = opened(is_connector=False)
    events = session.receive(pairs.call(1) + frames.ping(7) + pairs.call(3) + frame(11) + pairs.call(5))
    assert brief(events)[:3] == [(Event.CALL, 1), (Event.PING, 7), (Event.CALL, 3)]
    assert brief(events[3:-1]) == [(Event.CANCEL, 1), (Event.CANCEL, 3)]
    the_break(events)


# --- Waiting -------------------------------------------------------------------------------------------------------


def test_a_frame_that_has_begun_is_waited_for() -> None:
    session = opened()
    stream = frames.ping(1)
    for data, waits in ((stream[:3], Waits.FRAME), (stream[3:], Waits.NOTHING)):
        session.receive(data)
        assert session.waits_for is waits


def test_a_large_frame_is_read_straight_into_its_place() -> None:
    session = opened(is_connector=False, limits=Limits())
    assert session.want() is None
    stream = pairs.call(1, bytes(100_000))
    assert session.receive(stream[:10]) == []
    room = session.want()
    assert room is not None
    assert session.waits_for is Waits.FRAME
    room[:] = stream[10:]
    assert brief(session.filled(len(room))) == [(Event.CALL, 1)]
    assert (session.want(), session.waits_for) == (None, Waits.NOTHING)


def test_a_large_frame_may_break_too() -> None:
    session = opened(is_connector=False, limits=Limits())
    stream = pairs.call(2, bytes(100_000))
    session.receive(stream[:10])
    room = session.want()
    assert room is not None
    room[:] = stream[10:]
    assert "2 is a number of the other side's calls" in the_break(session.filled(len(room))).message
    assert session.want() is None


def test_a_broken_session_waits_for_nothing_and_takes_nothing() -> None:
    session = opened(limits=Limits())
    session.receive(pairs.call(2, bytes(100_000))[:50])
    session.abort(Reason.INTERNAL, "enough")
    assert (session.want(), session.waits_for, session.is_open) == (None, Waits.NOTHING, False)
    assert session.receive(pairs.call(4)) == []


# --- NOTIFY --------------------------------------------------------------------------------------------------------


@DELIVERIES
def test_a_notification_arrives_with_its_metadata(deliver: Delivery) -> None:
    pair = Pair(deliver=deliver)
    pair.connector.notify("calc.observe", b"\x82\x80\xa0")
    pair.acceptor.notify("calc.observe", [b"\x82", memoryview(b"\x80\xa0")], metadata.encode({"key": 1}))
    assert pair.pass_on(pair.connector) == [(Event.NOTIFY, None, ["calc.observe", None, b"\x82\x80\xa0"])]
    assert pair.pass_on(pair.acceptor) == [(Event.NOTIFY, None, ["calc.observe", {"key": 1}, b"\x82\x80\xa0"])]


def test_a_notification_is_never_cut() -> None:
    session = opened()
    session.notify("a.b", bytes(16_384 - 10))
    too_large: list[Payload] = [bytes(16_384 - 9), [bytes(16_000), bytes(384)]]
    for payload in too_large:
        with pytest.raises(
            ResourceExhausted, match=r"a notification to a\.b: .* are over max_frame, 16384 bytes"
        ) as caught:
            session.notify("a.b", payload)
        assert caught.value.processed is Processed.DO_NOT_RETRY
    assert len(write(session)) == 4 + 16_384


def test_a_notification_needs_a_name_and_a_connection() -> None:
    session = opened()
    with pytest.raises(ValueError, match="a method name"):
        session.notify("", b"\x80")
    session.lost("cable cut")
    with pytest.raises(Unavailable, match="the connection has ended") as caught:
        session.notify("a.b", b"\x80")
    assert caught.value.processed is Processed.NOT_PROCESSED


# --- PING and PONG -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [0, 1, 2**64 - 1])
def test_a_ping_is_an_event_and_so_is_its_pong(token: int) -> None:
    pair = Pair()
    pair.connector.ping(token)
    assert pair.pass_on(pair.connector) == [(Event.PING, None, token)]
    pair.acceptor.pong(token)
    assert pair.pass_on(pair.acceptor) == [(Event.PONG, None, token)]


def test_pings_and_pongs_go_ahead_of_payloads() -> None:
    session = opened()
    session.caller.call("a.b", bytes(50_000))
    session.ping(1)
    session.pong(2)
    assert [fields[0] for fields in said(session)] == [Frame.PING, Frame.PONG, Frame.CALL, *[Frame.DATA] * 3]


# --- Credit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connector_sends", [True, False])
def test_credit_keeps_a_stream_going_in_either_direction(connector_sends: bool) -> None:
    pair = Pair()
    outgoing = pair.connector.caller.call("a.b", b"\x80", flags=SENDS | TAKES)
    incoming = pair.pass_on(pair.connector)[0][1]
    sender: Any
    receiver: Any
    source, sender, sink, receiver = (
        (pair.connector, outgoing, pair.acceptor, incoming)
        if connector_sends
        else (pair.acceptor, incoming, pair.connector, outgoing)
    )
    half: Any = source.caller if connector_sends else source.callee
    item, count = bytes(10_000), 0
    while count < 50:
        while sender.items_out.is_open:
            half.send_item(sender, item)
            count += 1
        arrived = [value for event, _, value in pair.pass_on(source) if event is Event.ITEM]
        assert 0 < sum(map(len, arrived)) <= 65_536 + len(item)
        for value in arrived:
            sink.consumed(receiver, len(value))
        assert brief(pair.pass_on(sink)) == [(Event.CREDIT, outgoing.id)]
    assert sender.items_out.total == receiver.items_in.granted


def test_who_gave_up_grants_no_credit() -> None:
    pair = Pair()
    record = pair.connector.caller.call("a.b", b"\x80", flags=TAKES)
    incoming = pair.pass_on(pair.connector)[0][1]
    pair.acceptor.callee.send_item(incoming, bytes(65_536))
    pair.pass_on(pair.acceptor)
    pair.connector.caller.cancel(record)
    assert not pair.connector.consumed(record, 65_536)
    assert [fields[0] for fields in said(pair.connector)] == [Frame.CANCEL]


def test_credit_goes_ahead_but_never_of_its_call() -> None:
    session = opened()
    record = session.caller.call("a.b", b"\x80", flags=TAKES)
    session.consumed(record, 65_536)
    assert [fields[0] for fields in said(session)] == [Frame.CALL]


# --- Drain ---------------------------------------------------------------------------------------------------------


def test_a_drain_has_two_phases() -> None:
    pair = Pair()
    client, server = pair.connector, pair.acceptor
    before, crossing = client.caller.call("a.b", b"\x80"), client.caller.call("a.b", b"\x80")
    (_, first, _), *_ = pair.pass_on(client)
    late = client.caller.call("a.b", b"\x80")
    stream = write(client)
    server.drain(text="the server is stopping")
    assert pair.pass_on(server) == [(Event.GOAWAY, None, (None, 0, "the server is stopping"))]
    with pytest.raises(Unavailable, match="the peer takes no more calls: the server is stopping"):
        client.caller.call("a.b", b"\x80")
    # What crossed the first phase is served, what crosses the second is not.
    (event, crossed, _), *_ = server.receive(stream)
    assert event is Event.CALL
    server.drain(last=True)
    assert pair.pass_on(server) == [(Event.GOAWAY, None, (late.id, 0, ""))]
    for record in (first, crossed):
        server.callee.reply(record, b"\x01")
    assert not server.is_idle
    server.callee.reply(server.callee.calls[crossing.id], b"\x01")
    assert brief(pair.pass_on(server)) == [(Event.REPLY, record.id, b"\x01") for record in (before, late, crossing)]
    assert [server.is_idle, client.is_idle] == [True, True]


def test_a_call_above_the_last_id_is_refused_and_its_caller_knows_already() -> None:
    pair = Pair()
    served = pair.connector.caller.call("a.b", b"\x80")
    ((_, incoming, _),) = pair.pass_on(pair.connector)
    crossing = pair.connector.caller.call("a.b", bytes(50_000))
    stream = write(pair.connector)
    pair.acceptor.drain(last=True)
    events = pair.pass_on(pair.acceptor)
    assert brief(events) == [(Event.ERROR, crossing.id, GONE), (Event.GOAWAY, (served.id, 0, ""))]
    assert pair.acceptor.receive(stream) == []
    pair.acceptor.callee.reply(incoming, b"\x01")
    assert brief(pair.pass_on(pair.acceptor)) == [(Event.REPLY, served.id, b"\x01")]
    assert pair.connector.is_idle
    assert pair.acceptor.is_idle


def test_who_drains_may_still_call() -> None:
    pair = Pair()
    pair.acceptor.drain(last=True)
    record = pair.acceptor.caller.call("a.b", b"\x80")
    events = pair.pass_on(pair.acceptor)
    assert brief(events) == [(Event.GOAWAY, (0, 0, "")), (Event.CALL, record.id)]
    pair.connector.callee.reply(events[1][1], b"\x01")
    assert brief(pair.pass_on(pair.connector)) == [(Event.REPLY, record.id, b"\x01")]


@pytest.mark.parametrize(
    ("reason", "text", "said"),
    [
        (0, "", "the peer takes no more calls: it is about to close"),
        (0, "stopping", "the peer takes no more calls: stopping"),
        (Reason.TOO_MANY, "", "the peer takes no more calls: too many"),
        (Reason.TOO_MANY, "1024 connections", "the peer takes no more calls: 1024 connections"),
        (99, "", "the peer takes no more calls: reason 99"),
    ],
)
@pytest.mark.parametrize("last_id", [None, 0])
def test_a_goaway_says_why_no_call_is_taken(last_id: int | None, reason: int, text: str, said: str) -> None:
    session = opened()
    assert session.receive(frames.goaway(last_id, reason, text)) == [(Event.GOAWAY, None, (last_id, reason, text))]
    with pytest.raises(Unavailable) as caught:
        session.caller.call("a.b", b"\x80")
    assert caught.value.message == said


def test_a_last_id_that_rises_breaks() -> None:
    session = opened()
    session.receive(frames.goaway(3, 0, ""))
    assert "the last id rose from 3 to 5" in the_break(session.receive(frames.goaway(5, 0, ""))).message


# --- The end -------------------------------------------------------------------------------------------------------


def test_a_break_ends_every_call_and_drops_what_was_queued() -> None:
    session = opened()
    session.caller.call("a.b", bytes(50_000), flags=SENDS)
    session.take()
    session.sent()
    session.caller.call("a.b", b"\x80")
    incoming = the_call(session, pairs.call(2))
    session.callee.reply(the_call(session, pairs.call(4)), bytes(50_000))
    session.ping(7)
    events = session.receive(frame(11))
    assert brief(events[:-1]) == [(Event.ERROR, 1, LOST), (Event.ERROR, 3, GONE), (Event.CANCEL, 2)]
    error = the_break(events)
    assert decoded(write(session)) == [[Frame.PING, 7], [Frame.GOAWAY, 4, Reason.PROTOCOL, error.message]]
    session.callee.reply(incoming, b"late")
    session.ping(8)
    session.drain()
    assert session.abort(Reason.INTERNAL, "again") == []
    session.refuse(Reason.INTERNAL, "again")
    assert not session.has_output
    assert session.is_idle


def test_a_goaway_after_the_drain_names_no_higher_id() -> None:
    session = opened(is_connector=False)
    the_call(session, pairs.call(1))
    session.drain(last=True)
    session.receive(pairs.call(3))
    write(session)
    session.receive(frame(11))
    assert goaways(session)[0][0] == 1


def test_a_side_may_break_the_connection_itself() -> None:
    session = opened()
    record = session.caller.call("a.b", b"\x80")
    write(session)
    events = session.abort(Reason.TOO_SLOW, "a frame was not whole within 30 s")
    assert brief(events[:-1]) == [(Event.ERROR, record.id, LOST)]
    assert the_break(events).reason is Reason.TOO_SLOW
    assert goaways(session) == [[0, Reason.TOO_SLOW, "a frame was not whole within 30 s"]]


def test_a_text_of_any_length_is_told() -> None:
    session = opened()
    session.abort(Reason.INTERNAL, "x" * 20_000)
    ((_, _, text),) = goaways(session)
    assert 16_000 < len(text) < 16_384


@pytest.mark.parametrize("peer_has_greeted", [True, False])
def test_a_peer_is_refused_before_anything_runs(peer_has_greeted: bool) -> None:
    session = Session(is_connector=False, limits=LIMITS)
    if peer_has_greeted:
        session.receive(hello.encode(Settings()))
    session.refuse(Reason.CREDENTIAL, "user 1000 may not connect")
    assert session.receive(pairs.call(1)) == []
    greeting, goaway = decoded_hello(session)
    assert hello.decode(greeting)[0] == 1
    assert frames.decode(goaway) == [Frame.GOAWAY, 0, Reason.CREDENTIAL, "user 1000 may not connect"]
    assert brief(session.lost("closed")) == [(Event.ENDED, "closed")]


def test_a_refusal_leaves_no_call_behind() -> None:
    session = opened()
    record = session.caller.call("a.b", b"\x80")
    session.refuse(Reason.CREDENTIAL, "not you")
    assert brief(session.lost("closed")) == [(Event.ERROR, record.id, GONE), (Event.ENDED, "closed")]


def test_the_end_of_the_transport_ends_every_call() -> None:
    session = opened()
    written = session.caller.call("a.b", b"\x80")
    session.take()
    queued = session.caller.call("a.b", b"\x80")
    incoming = the_call(session, pairs.call(2))
    assert brief(session.lost("cable cut")) == [
        (Event.ERROR, written.id, LOST),
        (Event.ERROR, queued.id, GONE),
        (Event.CANCEL, incoming.id),
        (Event.ENDED, "cable cut"),
    ]
    session.sent()
    session.callee.reply(incoming, b"late")
    assert session.lost("again") == []
    assert session.receive(pairs.call(4)) == []
    assert session.abort(Reason.INTERNAL, "late") == []
    assert (session.has_output, session.is_idle, session.waits_for) == (False, True, Waits.NOTHING)
    assert repr(session) == "<session lost, 0 calls out, 0 in>"


def test_a_broken_connection_is_lost_in_the_end() -> None:
    session = opened()
    session.receive(frame(11))
    assert session.lost("closed") == [(Event.ENDED, None, "closed")]


# --- What the peer leaves unread -----------------------------------------------------------------------------------


def test_more_than_a_mebibyte_of_answers_that_are_not_read_breaks() -> None:
    session = opened(is_connector=False)
    events: Events = []
    while session.is_open:
        assert session.queued <= 1_048_576
        first = session.callee.last_id + 1 | 1
        events = session.receive(b"".join(pairs.call(id, timeout=0) for id in range(first, first + 400, 2)))
    assert the_break(events).reason is Reason.TOO_MANY
    assert "more than 1048576 bytes wait" in the_break(events).message
    assert session.is_overrun
    assert session.callee.last_id > 2 * 1_048_576 / 100  # a refusal has less than 100 bytes


def test_answers_that_are_read_are_not_counted() -> None:
    session = opened(is_connector=False, limits=Limits(max_unread=65_536))
    for id in range(1, 4000, 2):
        assert session.receive(pairs.call(id, timeout=0)) == []
        write(session)
    assert not session.is_overrun


def test_pongs_and_credits_are_such_answers_and_large_frames_are_looked_at_too() -> None:
    session = opened(is_connector=False, limits=Limits(max_unread=65_536))
    for _ in range(12_000):
        session.pong(2**20)
    stream = pairs.call(1, bytes(100_000))
    room = session.want()
    assert room is None
    assert session.is_overrun
    # The break comes with whatever the peer sends next.
    assert the_break(session.receive(stream[:10])).reason is Reason.TOO_MANY


def test_a_large_frame_may_be_the_one_too_many() -> None:
    session = opened(is_connector=False, limits=Limits(max_unread=65_536))
    stream = pairs.call(1, bytes(100_000), timeout=0)
    session.receive(stream[:10])
    for _ in range(12_000):
        session.pong(2**20)
    room = session.want()
    assert room is not None
    room[:] = stream[10:]
    assert the_break(session.filled(len(room))).reason is Reason.TOO_MANY


# --- Bytes out -----------------------------------------------------------------------------------------------------


def test_what_waits_is_counted_and_a_slot_is_free_when_it_was_written() -> None:
    session = opened(is_connector=False)
    assert (session.has_output, session.queued, session.is_idle) == (False, 0, True)
    record = the_call(session, pairs.call(1))
    session.callee.reply(record, b"\x01")
    assert session.has_output
    assert session.queued == len(pairs.reply(1, b"\x01"))
    session.take()
    assert (session.has_output, session.queued, session.is_idle) == (False, 0, False)
    session.sent()
    assert session.is_idle
