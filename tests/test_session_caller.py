from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from rpc.errors import Cancelled, Code, NotFound, Processed, ProtocolError, Reason, ResourceExhausted, Unavailable
from rpc.limits import LEAST_FRAGMENT, MAX_ID, Limits
from rpc.session.caller import Caller
from rpc.session.calls import Outgoing
from rpc.session.events import Event, Events
from rpc.session.outbox import SMALL
from rpc.session.shared import Shared
from rpc.session.states import State
from rpc.wire import failures, metadata, payload
from rpc.wire.frames import Fields, Flag, Frame
from rpc.wire.hello import Settings
from rpc.wire.payload import Payload
from tests.pairs import LIMITS, brief, left

MORE, END, NAMED, SENDS, TAKES = map(int, Flag)
PIECE = bytes(LEAST_FRAGMENT)
WINDOW = 65_536
GONE = (Code.UNAVAILABLE, Processed.NOT_PROCESSED)
LOST = (Code.UNAVAILABLE, Processed.UNKNOWN)
TOO_LARGE = (Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)


class Side:
    """A caller, open toward a peer that accepts the least unless told otherwise."""

    def __init__(self, limits: Limits = LIMITS, peer: Settings | None = None, parity: int = 1) -> None:
        self.shared = Shared(limits, parity)
        self.shared.peer = peer or Settings(max_message=100_000)
        self.caller = Caller(self.shared)
        self.caller.open()

    def call(self, arguments: bytes = b"\x80", flags: int = 0) -> Outgoing:
        """A call whose CALL was written."""
        record = self.caller.call("a.b", arguments, flags=flags)
        self.leave()
        return record

    def leave(self) -> list[Fields]:
        """What is written, all of it."""
        return list(chain(*left(self.shared.outbox)))

    def take(self, kind: Frame, *fields: Any) -> list[tuple[Any, ...]]:
        """What happens when a frame arrives."""
        events: Events = []
        steps = {
            Frame.REPLY: self.caller.take_reply,
            Frame.ERROR: self.caller.take_error,
            Frame.DATA: self.caller.take_data,
            Frame.CREDIT: self.caller.take_credit,
        }
        steps[kind]([kind, *fields], events)
        return brief(events)

    def drain(self, last_id: int | None) -> list[tuple[Any, ...]]:
        events: Events = []
        self.caller.drain(last_id, "the peer is closing", events)
        return brief(events)

    def lose(self) -> list[tuple[Any, ...]]:
        events: Events = []
        self.caller.lose("cable cut", events)
        return brief(events)


def failure(error: Any) -> Any:
    return payload.decode(failures.encode(error))


# --- CALL ----------------------------------------------------------------------------------------------------------


def test_a_call_leaves_as_a_frame() -> None:
    side = Side()
    item = metadata.encode({"key": 1})
    record = side.caller.call("calc.add", b"\x82\x01\x02", timeout=250, flags=NAMED, metadata=item)
    assert (record.id, record.state) == (1, State.QUEUED)
    assert side.leave() == [[Frame.CALL, 1, NAMED, "calc.add", 250, {"key": 1}, b"\x82\x01\x02"]]
    assert record.state is State.OPEN
    assert side.caller.calls == {1: record}
    assert (record.items_in, record.items_out) == (None, None)


@pytest.mark.parametrize(("parity", "ids"), [(1, [1, 3, 5]), (0, [2, 4, 6])])
def test_ids_have_the_parity_of_a_side_and_rise(parity: int, ids: list[int]) -> None:
    side = Side(parity=parity)
    first = side.caller.call("a.b", b"\x80")
    side.caller.cancel(first)
    records = [first, side.caller.call("a.b", bytes(20_000)), side.caller.call("a.b", b"\x80")]
    assert [record.id for record in records] == ids


def test_ids_are_used_up_at_2_to_the_53() -> None:
    side = Side()
    side.caller._next_id = MAX_ID
    assert side.caller.call("a.b", b"\x80").id == MAX_ID
    for _ in range(2):
        with pytest.raises(Unavailable, match="used up its call numbers") as caught:
            side.caller.call("a.b", b"\x80")
        assert caught.value.processed is Processed.NOT_PROCESSED
    assert len(side.caller.calls) == 1


@pytest.mark.parametrize("name", ["", "m" * 256])
def test_a_call_without_a_good_name_is_none(name: str) -> None:
    side = Side()
    with pytest.raises(ValueError, match="a method name has 1 to 255 bytes"):
        side.caller.call(name, b"\x80")
    assert side.caller.calls == {}
    assert side.caller.call("a.b", b"\x80").id == 1


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 16_384, 16_385, 100_000])
def test_large_arguments_are_cut(size: int) -> None:
    side = Side()
    arguments = bytes(range(256)) * (size // 256 + 1)
    side.caller.call("a.b", [arguments[:300], memoryview(arguments)[300:size]], flags=NAMED)
    first, *rest = side.leave()
    assert b"".join(fields[-1] for fields in (first, *rest)) == arguments[:size]
    assert first[:3] == [Frame.CALL, 1, NAMED | (MORE if rest else 0)]
    assert [fields[:3] for fields in rest] == [[Frame.DATA, 1, 0 if piece is rest[-1] else MORE] for piece in rest]


def test_arguments_over_the_peers_max_message_raise_before_a_byte_is_sent() -> None:
    side = Side(peer=Settings(max_message=20_000))
    assert side.caller.call("a.b", bytes(20_000)).id == 1
    too_large: list[Payload] = [bytes(20_001), [bytes(20_000), b"1"]]
    for arguments in too_large:
        with pytest.raises(
            ResourceExhausted, match=r"the arguments of a\.b: 20001 bytes are over max_message"
        ) as caught:
            side.caller.call("a.b", arguments)
        assert caught.value.processed is Processed.DO_NOT_RETRY
    assert len(side.caller.calls) == 1
    assert side.caller.call("a.b", b"\x80").id == 3


def test_before_the_peers_hello_no_call_is_made() -> None:
    caller = Caller(Shared(LIMITS, 1))
    with pytest.raises(Unavailable, match="not open yet") as caught:
        caller.check_open()
    assert caught.value.processed is Processed.NOT_PROCESSED
    with pytest.raises(Unavailable):
        caller.call("a.b", b"\x80")
    caller.open()
    caller.check_open()


@pytest.mark.parametrize(("open_calls", "least"), [(0, 4), (3, 4), (4, 4), (5, 5), (12, 12), (20, 20), (40, 32)])
def test_half_of_the_open_calls_are_worth_a_send_of_their_own(open_calls: int, least: int) -> None:
    side = Side(peer=Settings(max_calls=100))
    for _ in range(open_calls):
        side.call()
    outbox, queued = side.shared.outbox, 0
    while not outbox.has_batch:
        side.caller.call("a.b", b"\x80")
        queued += 1
    assert queued == least
    side.leave()
    assert not outbox.has_batch


def test_a_slot_is_in_use_until_the_end_arrives() -> None:
    side = Side(peer=Settings(max_calls=16))
    assert side.caller.free_slots == 16
    queued, given_up, answered = side.caller.call("a.b", b"\x80"), side.call(), side.call()
    assert side.caller.free_slots == 13
    side.caller.cancel(given_up)
    assert side.caller.free_slots == 13
    side.take(Frame.REPLY, answered.id, 0, b"\x01")
    assert side.caller.free_slots == 14
    side.take(Frame.ERROR, given_up.id, failure(Cancelled()))
    assert side.caller.free_slots == 15
    side.caller.cancel(queued)
    side.take(Frame.REPLY, queued.id, 0, b"\x01")
    assert side.caller.free_slots == 16


# --- REPLY and ERROR -----------------------------------------------------------------------------------------------


def test_a_reply_ends_its_call() -> None:
    side = Side()
    record = side.call()
    assert side.take(Frame.REPLY, 1, 0, b"\x03") == [(Event.REPLY, 1, b"\x03")]
    assert record.state is State.ENDED
    assert side.caller.calls == {}


def test_an_error_ends_its_call() -> None:
    side = Side()
    record = side.call()
    events: Events = []
    side.caller.take_error([Frame.ERROR, 1, failure(NotFound("no such key", processed=2))], events)
    ((event, ended, error),) = events
    assert (event, ended) == (Event.ERROR, record)
    assert isinstance(error, NotFound)
    assert (error.message, error.processed) == ("no such key", Processed.DO_NOT_RETRY)
    assert record.state is State.ENDED


def test_answers_come_in_any_order() -> None:
    side = Side()
    for _ in range(3):
        side.call()
    assert side.take(Frame.REPLY, 5, 0, b"\x05") == [(Event.REPLY, 5, b"\x05")]
    assert side.take(Frame.ERROR, 1, failure(NotFound())) == [(Event.ERROR, 1, (Code.NOT_FOUND, 0))]
    assert side.take(Frame.REPLY, 3, 0, b"\x03") == [(Event.REPLY, 3, b"\x03")]


def test_a_reply_in_fragments_ends_with_the_last() -> None:
    side = Side()
    record = side.call()
    other = side.call()
    assert side.take(Frame.REPLY, 1, MORE, PIECE) == []
    assert side.take(Frame.REPLY, 3, MORE, PIECE) == []
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert record.state is State.OPEN
    assert side.take(Frame.DATA, 3, 0, b"other") == [(Event.REPLY, 3, PIECE + b"other")]
    assert side.take(Frame.DATA, 1, 0, b"") == [(Event.REPLY, 1, PIECE + PIECE)]
    assert {record.state, other.state} == {State.ENDED}


def test_an_error_in_the_midst_of_a_reply_drops_its_parts() -> None:
    side = Side()
    record = side.call()
    side.take(Frame.REPLY, 1, MORE, PIECE)
    assert side.take(Frame.ERROR, 1, failure(NotFound())) == [(Event.ERROR, 1, (Code.NOT_FOUND, 0))]
    assert record.parts is None


@pytest.mark.parametrize(
    ("before", "frame"),
    [
        ([(Frame.REPLY, 1, MORE, PIECE)], (Frame.REPLY, 1, 0, b"")),
        ([(Frame.REPLY, 1, MORE, PIECE)], (Frame.REPLY, 1, MORE, PIECE)),
        ([(Frame.DATA, 1, MORE, PIECE)], (Frame.REPLY, 1, 0, b"")),
        ([(Frame.REPLY, 1, MORE, PIECE)], (Frame.DATA, 1, MORE, PIECE[1:])),
        ([], (Frame.REPLY, 1, MORE, PIECE[1:])),
        ([], (Frame.DATA, 1, MORE, b"")),
        ([], (Frame.DATA, 1, END, b"")),
        ([], (Frame.DATA, 1, END, b"item")),
        ([], (Frame.ERROR, 1, {1: "no code"})),
        ([], (Frame.ERROR, 1, {0: 5, 1: "no such key", 2: -1})),
    ],
)
def test_what_a_callee_may_not_send_breaks(before: list[tuple[Any, ...]], frame: tuple[Any, ...]) -> None:
    side = Side()
    side.call(flags=TAKES)
    for earlier in before:
        side.take(*earlier)
    with pytest.raises(ProtocolError):
        side.take(*frame)


ANSWERS: list[tuple[Any, ...]] = [
    (Frame.REPLY, 1, 0, b"\x01"),
    (Frame.ERROR, 1, {0: 5, 1: "no such key"}),
    (Frame.DATA, 1, 0, b"\x01"),
    (Frame.CREDIT, 1, 100_000),
]


@pytest.mark.parametrize("frame", ANSWERS, ids=lambda frame: frame[0].name)
@pytest.mark.parametrize("when", ["never called", "still queued", "replied", "failed", "taken back"])
def test_a_frame_for_a_call_that_is_not_open_breaks(frame: tuple[Any, ...], when: str) -> None:
    side = Side()
    if when == "still queued":
        side.caller.call("a.b", b"\x80", flags=SENDS | TAKES)
    elif when == "taken back":
        side.caller.cancel(side.caller.call("a.b", b"\x80"))
    elif when != "never called":
        side.call(flags=SENDS | TAKES)
        side.take(*ANSWERS[when == "failed"])
    with pytest.raises(ProtocolError, match=rf"{frame[0].name} for call 1, which is not open"):
        side.take(*frame)


# --- max_message of this side --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", [[100_000], [90_000, 10_000], [50_000, 49_999, 1], [100_000, 0]], ids=str)
def test_a_result_may_be_as_large_as_max_message(pieces: list[int]) -> None:
    side = Side()
    side.call()
    events = [
        side.take(Frame.DATA if at else Frame.REPLY, 1, MORE if at < len(pieces) - 1 else 0, bytes(size))
        for at, size in enumerate(pieces)
    ]
    assert list(chain(*events)) == [(Event.REPLY, 1, bytes(100_000))]


def test_a_result_that_is_too_large_at_its_end_is_a_failure_on_this_side() -> None:
    side = Side()
    side.call()
    side.call()
    assert side.take(Frame.REPLY, 1, 0, bytes(100_001)) == [(Event.ERROR, 1, TOO_LARGE)]
    side.take(Frame.REPLY, 3, MORE, bytes(100_000))
    assert side.take(Frame.DATA, 3, 0, b"1") == [(Event.ERROR, 3, TOO_LARGE)]
    assert side.leave() == []
    assert side.caller.calls == {}


def test_a_result_that_is_too_large_earlier_is_given_up() -> None:
    side = Side()
    record = side.call()
    assert side.take(Frame.REPLY, 1, MORE, bytes(100_001)) == [(Event.ERROR, 1, TOO_LARGE)]
    assert record.state is State.GIVEN_UP
    assert side.leave() == [[Frame.CANCEL, 1]]
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert record.parts is not None
    assert record.parts.held == 0
    assert side.take(Frame.DATA, 1, 0, b"the rest") == []
    assert (record.state, side.caller.calls) == (State.ENDED, {})
    assert side.leave() == []


@pytest.mark.parametrize("end", [(Frame.REPLY, 1, 0, b"\xf6"), (Frame.ERROR, 1, {0: 1, 1: "cancelled"})])
def test_an_item_that_is_too_large_is_given_up(end: tuple[Any, ...]) -> None:
    side = Side()
    record = side.call(flags=TAKES)
    assert side.take(Frame.DATA, 1, MORE, bytes(100_000)) == []
    assert side.take(Frame.DATA, 1, MORE, PIECE) == [(Event.ERROR, 1, TOO_LARGE)]
    assert side.leave() == [[Frame.CANCEL, 1]]
    assert side.take(Frame.DATA, 1, 0, b"the rest") == []
    assert side.take(Frame.DATA, 1, 0, b"another") == []
    assert side.take(*end) == []
    assert record.state is State.ENDED


# --- Cancel --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 20_000])
def test_a_call_that_was_not_written_is_dropped_in_silence(size: int) -> None:
    side = Side()
    record = side.caller.call("a.b", bytes(size), flags=SENDS)
    side.caller.send_item(record, b"item")
    side.caller.end_items(record)
    other = side.caller.call("a.b", b"\x80")
    side.caller.cancel(record)
    side.caller.cancel(record)
    assert record.state is State.ENDED
    assert side.caller.calls == {3: other}
    assert [fields[:2] for fields in side.leave()] == [[Frame.CALL, 3]]


def test_a_written_call_is_cancelled_once() -> None:
    side = Side()
    record = side.call()
    side.caller.cancel(record)
    side.caller.cancel(record)
    assert side.leave() == [[Frame.CANCEL, 1]]
    assert record.state is State.GIVEN_UP
    side.caller.cancel(record)
    assert side.leave() == []


def test_cancel_stops_what_is_left_of_the_arguments_and_never_overtakes_their_first_frame() -> None:
    side = Side()
    record = side.caller.call("a.b", bytes(90_000))
    side.shared.outbox.take()
    side.caller.cancel(record)
    assert side.leave() == [[Frame.CANCEL, 1]]


@pytest.mark.parametrize(
    "late",
    [
        [(Frame.REPLY, 1, 0, b"\x01")],
        [(Frame.REPLY, 1, MORE, PIECE), (Frame.DATA, 1, 0, b"")],
        [(Frame.ERROR, 1, {0: 1, 1: "cancelled"})],
        [(Frame.DATA, 1, 0, b"item"), (Frame.CREDIT, 1, 100_000), (Frame.ERROR, 1, {0: 1, 1: "cancelled"})],
        [(Frame.DATA, 1, MORE, PIECE), (Frame.DATA, 1, 0, b""), (Frame.REPLY, 1, 0, b"\xf6")],
        [(Frame.DATA, 1, 0, bytes(WINDOW)), (Frame.DATA, 1, 0, b"no credit"), (Frame.REPLY, 1, 0, b"\xf6")],
        [(Frame.REPLY, 1, 0, bytes(100_001))],
        [(Frame.REPLY, 1, MORE, bytes(100_001)), (Frame.DATA, 1, 0, b"")],
    ],
)
def test_what_still_arrives_is_discarded(late: list[tuple[Any, ...]]) -> None:
    side = Side()
    record = side.call(flags=SENDS | TAKES)
    side.caller.cancel(record)
    for frame in late:
        assert side.caller.calls == {1: record}
        assert side.take(*frame) == []
    assert (record.state, side.caller.calls) == (State.ENDED, {})
    side.caller.cancel(record)
    assert side.leave() == [[Frame.CANCEL, 1]]


def test_a_call_that_was_given_up_still_holds_its_callee_to_the_rules() -> None:
    wrong: list[tuple[Any, ...]] = [
        (Frame.DATA, 1, END, b""),
        (Frame.REPLY, 1, MORE, b""),
        (Frame.ERROR, 1, {}),
        (Frame.CREDIT, 1, 1),
    ]
    for late in wrong:
        side = Side()
        side.caller.cancel(side.call(flags=SENDS | TAKES))
        with pytest.raises(ProtocolError):
            side.take(*late)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ([(Frame.REPLY, 1, 0, b"\x01")], (Event.REPLY, 1, b"\x01")),
        ([(Frame.REPLY, 1, MORE, PIECE), (Frame.DATA, 1, 0, b"1")], (Event.REPLY, 1, PIECE + b"1")),
        ([(Frame.REPLY, 1, 0, bytes(100_001))], (Event.ERROR, 1, TOO_LARGE)),
        ([(Frame.DATA, 1, 0, b"item"), (Frame.ERROR, 1, {0: 1, 1: "no"})], (Event.ERROR, 1, (Code.CANCELLED, 0))),
    ],
)
def test_a_call_that_is_stopped_still_tells_its_end(end: list[tuple[Any, ...]], told: tuple[Any, ...]) -> None:
    side = Side()
    record = side.call(flags=TAKES)
    assert side.caller.stop(record)
    assert side.caller.stop(record)
    assert side.leave() == [[Frame.CANCEL, 1]]
    assert list(chain(*(side.take(*frame) for frame in end))) == [told]
    assert not side.caller.stop(record)
    assert side.leave() == []


def test_a_call_that_is_stopped_may_be_lost_or_given_up_after_all() -> None:
    side = Side()
    lost, given_up, other = (side.call() for _ in range(3))
    for record in (lost, given_up, other):
        assert side.caller.stop(record)
    side.caller.cancel(given_up)
    side.caller.cancel(other)
    assert [fields[0] for fields in side.leave()] == [Frame.CANCEL] * 3
    assert side.take(Frame.REPLY, given_up.id, 0, b"\x01") == []
    assert side.lose() == [(Event.ERROR, lost.id, LOST)]


def test_a_call_that_was_not_written_is_stopped_at_once() -> None:
    side = Side()
    record = side.caller.call("a.b", b"\x80")
    assert not side.caller.stop(record)
    assert record.state is State.ENDED
    assert b"".join(map(bytes, side.shared.outbox.take())) == b""


# --- Items to the callee -------------------------------------------------------------------------------------------


def test_items_follow_their_call_and_end_once() -> None:
    side = Side()
    record = side.caller.call("a.b", b"\x80", flags=SENDS)
    assert record.items_out is not None
    assert (record.items_out.total, record.items_in) == (WINDOW, None)
    side.caller.send_item(record, b"first")
    side.leave()
    side.caller.send_item(record, [b"sec", b"ond"])
    side.caller.send_item(record, bytes(20_000))
    side.caller.end_items(record)
    side.caller.end_items(record)
    side.caller.send_item(record, b"too late")
    assert [fields[:3] for fields in side.leave()] == [
        [Frame.DATA, 1, 0],
        [Frame.DATA, 1, MORE],
        [Frame.DATA, 1, 0],
        [Frame.DATA, 1, END],
    ]
    assert record.items_out.sent == 5 + 6 + 20_000


@pytest.mark.parametrize("size", [1, 20_000])
def test_the_last_item_may_be_the_end(size: int) -> None:
    side = Side()
    record = side.call(flags=SENDS)
    side.caller.send_item(record, bytes(size), end=True)
    side.caller.send_item(record, b"too late")
    side.caller.end_items(record)
    *rest, last = side.leave()
    assert last[2] == END
    assert {fields[2] for fields in rest} <= {MORE}
    assert sum(len(fields[3]) for fields in (*rest, last)) == size


def test_the_end_of_items_needs_no_credit() -> None:
    side = Side()
    record = side.call(flags=SENDS)
    assert record.items_out is not None
    side.caller.send_item(record, bytes(WINDOW + 1))  # it overshoots
    assert not record.items_out.is_open
    side.caller.end_items(record)
    assert side.leave()[-1] == [Frame.DATA, 1, END, b""]


def test_credit_opens_what_was_shut() -> None:
    side = Side()
    record = side.call(flags=SENDS)
    assert record.items_out is not None
    assert side.take(Frame.CREDIT, 1, WINDOW) == []
    side.caller.send_item(record, bytes(WINDOW))
    assert side.take(Frame.CREDIT, 1, WINDOW + 1) == [(Event.CREDIT, 1)]
    assert record.items_out.is_open
    assert side.take(Frame.CREDIT, 1, WINDOW + 2) == []
    with pytest.raises(ProtocolError, match="the total fell") as caught:
        side.take(Frame.CREDIT, 1, WINDOW)
    assert caught.value.reason is Reason.CREDIT


def test_credit_for_a_call_that_sends_no_items_breaks() -> None:
    side = Side()
    side.call(flags=TAKES)
    with pytest.raises(ProtocolError, match="CREDIT for call 1, which sends no items"):
        side.take(Frame.CREDIT, 1, 100_000)


def test_an_item_over_the_peers_max_message_raises_and_costs_no_credit() -> None:
    side = Side(peer=Settings(max_message=20_000))
    record = side.call(flags=SENDS)
    assert record.items_out is not None
    with pytest.raises(ResourceExhausted, match=r"an item of a\.b: 20001 bytes are over max_message"):
        side.caller.send_item(record, bytes(20_001))
        side.caller.send_item(record, bytes(20_001), end=True)
    assert (record.items_out.sent, record.sent_end) == (0, False)
    assert side.leave() == []


def test_items_stop_when_the_call_has_ended_or_was_given_up() -> None:
    side = Side()
    ended, given_up = side.call(flags=SENDS), side.call(flags=SENDS)
    side.caller.send_item(ended, bytes(60_000))
    side.take(Frame.REPLY, 1, 0, b"\xf6")
    side.caller.send_item(given_up, bytes(60_000))
    side.caller.cancel(given_up)
    left_before = len(side.leave())
    for record in (ended, given_up):
        side.caller.send_item(record, b"late")
        side.caller.end_items(record)
    assert side.leave() == []
    assert left_before == 3  # CANCEL, and the first fragment of either


# --- Items from the callee -----------------------------------------------------------------------------------------


def test_items_arrive_whole() -> None:
    side = Side()
    record = side.call(flags=TAKES)
    assert record.items_in is not None
    assert (record.items_in.granted, record.items_out) == (WINDOW, None)
    assert side.take(Frame.DATA, 1, 0, b"one") == [(Event.ITEM, 1, b"one")]
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert side.take(Frame.DATA, 1, 0, b"two") == [(Event.ITEM, 1, PIECE + b"two")]
    assert record.items_in.received == 3 + 4096 + 3
    assert side.take(Frame.REPLY, 1, 0, b"\xf6") == [(Event.REPLY, 1, b"\xf6")]


def test_an_error_in_the_midst_of_an_item_drops_its_parts() -> None:
    side = Side()
    side.call(flags=TAKES)
    side.take(Frame.DATA, 1, MORE, PIECE)
    assert side.take(Frame.ERROR, 1, failure(NotFound())) == [(Event.ERROR, 1, (Code.NOT_FOUND, 0))]


def test_an_item_may_overshoot_but_not_be_started_without_credit() -> None:
    side = Side()
    side.call(flags=TAKES)
    assert side.take(Frame.DATA, 1, 0, bytes(WINDOW - 1)) != []
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert side.take(Frame.DATA, 1, 0, b"") != []
    with pytest.raises(ProtocolError, match="an item was started without credit") as caught:
        side.take(Frame.DATA, 1, 0, b"1")
    assert caught.value.reason is Reason.CREDIT


def test_items_without_a_byte_cost_no_credit_and_do_not_pile_up() -> None:
    side = Side()
    side.call(flags=TAKES)
    assert side.take(Frame.DATA, 1, 0, b"") == [(Event.ERROR, 1, (Code.INTERNAL, Processed.DO_NOT_RETRY))]
    assert side.take(Frame.DATA, 1, 0, b"") == []
    assert side.leave() == [[Frame.CANCEL, 1]]


def test_items_of_a_call_that_takes_none_break() -> None:
    side = Side()
    side.call(flags=SENDS)
    with pytest.raises(ProtocolError, match="DATA for call 1, which takes no items"):
        side.take(Frame.DATA, 1, 0, b"item")


# --- Drain ---------------------------------------------------------------------------------------------------------


def test_a_peer_that_drains_takes_no_more_calls_and_answers_those_it_has() -> None:
    side = Side()
    side.call()
    side.caller.call("a.b", b"\x80")
    assert side.drain(None) == []
    with pytest.raises(Unavailable, match="the peer is closing") as caught:
        side.caller.call("a.b", b"\x80")
    assert caught.value.processed is Processed.NOT_PROCESSED
    side.leave()
    assert side.take(Frame.REPLY, 3, 0, b"\x03") == [(Event.REPLY, 3, b"\x03")]
    assert side.take(Frame.REPLY, 1, 0, b"\x01") == [(Event.REPLY, 1, b"\x01")]


def test_calls_above_the_last_id_were_not_processed() -> None:
    side = Side()
    served, given_up, refused = side.call(), side.call(), side.call(bytes(60_000))
    large = side.caller.call("a.b", bytes(60_000))
    side.shared.outbox.take()
    queued = side.caller.call("a.b", b"\x80")
    side.caller.cancel(given_up)
    assert side.drain(1) == [(Event.ERROR, record.id, GONE) for record in (refused, large, queued)]
    assert side.leave() == [[Frame.CANCEL, 3]]
    # The answer that says the same may have crossed, and is discarded; what the peer took is answered.
    for record in (refused, given_up, large):
        assert side.take(Frame.ERROR, record.id, failure(Unavailable(processed=1))) == []
    assert side.take(Frame.REPLY, served.id, 0, b"\x01") == [(Event.REPLY, 1, b"\x01")]
    assert side.caller.calls == {}
    assert queued.state is State.ENDED


def test_the_last_id_may_fall_but_not_rise() -> None:
    side = Side()
    for _ in range(3):
        side.call()
    assert side.drain(5) == []
    assert side.drain(5) == []
    assert side.drain(3) == [(Event.ERROR, 5, GONE)]
    assert side.drain(None) == []
    assert side.drain(0) == [(Event.ERROR, 1, GONE), (Event.ERROR, 3, GONE)]
    with pytest.raises(ProtocolError, match="GOAWAY: the last id rose from 0 to 1"):
        side.drain(1)


# --- The end -------------------------------------------------------------------------------------------------------


def test_a_lost_connection_ends_every_call() -> None:
    side = Side()
    side.call(flags=TAKES)
    given_up = side.call()
    side.caller.cancel(given_up)
    half = side.call()
    side.take(Frame.REPLY, half.id, MORE, PIECE)
    cut = side.caller.call("a.b", bytes(60_000))
    side.shared.outbox.take()
    small, large = side.caller.call("a.b", b"\x80"), side.caller.call("a.b", bytes(60_000))
    assert side.lose() == [
        (Event.ERROR, 1, LOST),
        (Event.ERROR, half.id, LOST),
        (Event.ERROR, cut.id, LOST),
        (Event.ERROR, small.id, GONE),
        (Event.ERROR, large.id, GONE),
    ]
    assert side.caller.calls == {}
    assert given_up.state is State.ENDED
    assert side.lose() == []
    with pytest.raises(Unavailable, match="the connection has ended: cable cut"):
        side.caller.check_open()


def test_commands_on_a_call_that_has_ended_do_nothing() -> None:
    side = Side()
    record = side.call(flags=SENDS)
    side.take(Frame.REPLY, 1, 0, b"\x01")
    side.caller.cancel(record)
    side.caller.send_item(record, b"item")
    side.caller.end_items(record)
    assert side.leave() == []
    assert record.state is State.ENDED
