from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from rpc.errors import Code, NotFound, Processed, ProtocolError, Reason, ResourceExhausted
from rpc.limits import LEAST_FRAGMENT, Limits
from rpc.session.callee import Callee
from rpc.session.calls import Incoming
from rpc.session.events import Event, Events
from rpc.session.outbox import SMALL
from rpc.session.shared import Shared
from rpc.session.states import State
from rpc.wire.frames import Fields, Flag, Frame
from rpc.wire.hello import Settings
from tests.pairs import LIMITS, brief, left

MORE, END, NAMED, SENDS, TAKES = map(int, Flag)
PIECE = bytes(LEAST_FRAGMENT)
WINDOW = 65_536


class Side:
    """A callee of a connector's calls; the peer accepts the least unless told otherwise."""

    def __init__(self, limits: Limits = LIMITS, peer: Settings | None = None) -> None:
        self.shared = Shared(limits, parity=0)
        self.shared.peer = peer or Settings(max_message=100_000)
        self.callee = Callee(self.shared)

    def take(self, kind: Frame, *fields: Any) -> list[tuple[Any, ...]]:
        """What happens when a frame arrives."""
        events: Events = []
        steps = {
            Frame.CALL: self.callee.take_call,
            Frame.DATA: self.callee.take_data,
            Frame.CANCEL: self.callee.take_cancel,
            Frame.CREDIT: self.callee.take_credit,
        }
        steps[kind]([kind, *fields], events)
        return brief(events)

    def call(self, id: int, flags: int = 0, timeout: int | None = None, arguments: bytes = b"\x80") -> list[Any]:
        """What happens when a CALL arrives."""
        return self.take(Frame.CALL, id, flags, "a.b", timeout, None, arguments)

    def open(self, id: int = 1, flags: int = 0) -> Incoming:
        """A call that has arrived whole."""
        assert self.call(id, flags) == [(Event.CALL, id)]
        return self.callee.calls[id]

    def leave(self) -> list[Fields]:
        """What is written, all of it."""
        found = list(chain(*left(self.shared.outbox)))
        self.callee.ends_written()
        return found

    def lose(self) -> list[tuple[Any, ...]]:
        events: Events = []
        self.callee.lose(events)
        return brief(events)


def an_error(id: int, code: Code, processed: Processed) -> tuple[int, Code, Processed]:
    return id, code, processed


def answers(frames: list[Fields]) -> list[tuple[int, Code, Processed]]:
    """ERROR frames as what they tell; there are no others."""
    assert all(fields[0] == Frame.ERROR for fields in frames)
    return [(id, Code(error[0]), Processed(error.get(2, 0))) for _, id, error in frames]


# --- CALL ----------------------------------------------------------------------------------------------------------


def test_a_call_arrives_with_all_that_it_says() -> None:
    side = Side()
    events: Events = []
    side.callee.take_call([Frame.CALL, 7, NAMED, "calc.add", 250, {"key": 1}, b"\x82\x01\x02"], events)
    ((event, record, value),) = events
    assert (event, value) == (Event.CALL, None)
    assert (record.id, record.flags, record.method, record.timeout) == (7, NAMED, "calc.add", 250)
    assert (record.metadata, record.payload, record.state) == ({"key": 1}, b"\x82\x01\x02", State.OPEN)
    assert (record.items_in, record.items_out) == (None, None)
    assert side.callee.calls == {7: record}
    assert side.callee.last_id == 7


def test_streams_begin_with_the_windows_of_both_sides() -> None:
    side = Side(limits=Limits(window=70_000), peer=Settings(window=80_000))
    record = side.open(flags=SENDS | TAKES)
    assert record.items_in is not None
    assert record.items_out is not None
    assert (record.items_in.granted, record.items_out.total) == (70_000, 80_000)


@pytest.mark.parametrize(
    ("timeout", "heard"), [(None, None), (1, 1), (2**53 - 1, 2**53 - 1), (2**53, None), (2**64 - 1, None)]
)
def test_a_timeout_of_2_to_the_53_and_more_is_none(timeout: int | None, heard: int | None) -> None:
    side = Side()
    side.call(1, timeout=timeout)
    assert side.callee.calls[1].timeout == heard


def test_ids_have_the_peers_parity_and_rise() -> None:
    side = Side()
    for id in (1, 5, 2**53 - 1):
        side.open(id)
    for id in (2, 2**53 - 1, 3):
        with pytest.raises(ProtocolError, match=f"{id}"):
            side.call(id)
    assert set(side.callee.calls) == {1, 5, 2**53 - 1}


def test_an_id_is_not_used_again_by_a_call_that_was_refused() -> None:
    side = Side()
    side.call(5, timeout=0)
    with pytest.raises(ProtocolError, match="the id 5 is not above the last one, 5"):
        side.call(5)


# --- CALL in fragments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [b"", b"last", PIECE], ids=len)
def test_a_call_is_gathered_and_then_whole(last: bytes) -> None:
    side = Side()
    assert side.call(1, MORE, arguments=PIECE) == [(Event.GATHERING, 1)]
    record = side.callee.calls[1]
    assert (record.id, record.state) == (1, State.GATHERING)
    assert side.call(3, MORE | NAMED, arguments=PIECE) == [(Event.GATHERING, 3)]
    assert side.take(Frame.DATA, 3, 0, b"other") == [(Event.CALL, 3)]
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert side.take(Frame.DATA, 1, 0, last) == [(Event.CALL, 1)]
    assert record.payload == PIECE + PIECE + last
    assert record.state is State.OPEN


@pytest.mark.parametrize("frame", [(0, b""), (0, b"1"), (MORE, PIECE)])
def test_after_the_last_fragment_comes_no_other(frame: tuple[int, bytes]) -> None:
    side = Side()
    side.call(1, MORE, arguments=PIECE)
    side.take(Frame.DATA, 1, 0, b"")
    with pytest.raises(ProtocolError, match="DATA for call 1, which sends no items"):
        side.take(Frame.DATA, 1, *frame)


@pytest.mark.parametrize("payload", [b"", b"last"])
def test_no_fragment_of_a_call_ends_its_items(payload: bytes) -> None:
    side = Side()
    side.call(1, MORE | SENDS, arguments=PIECE)
    with pytest.raises(ProtocolError, match="END on a fragment of a CALL"):
        side.take(Frame.DATA, 1, END, payload)


@pytest.mark.parametrize("refused", [False, True])
def test_a_first_fragment_that_is_too_small_breaks(refused: bool) -> None:
    side = Side()
    with pytest.raises(ProtocolError, match="a fragment of 4095 bytes") as caught:
        side.call(1, MORE, timeout=0 if refused else None, arguments=PIECE[1:])
    assert caught.value.reason is Reason.SIZE


@pytest.mark.parametrize("pieces", [[100_000], [100_000, 0], [60_000, 40_000], [60_000, 39_999, 1]], ids=str)
def test_arguments_may_be_as_large_as_max_message(pieces: list[int]) -> None:
    side = Side()
    first, *rest = pieces
    side.call(1, MORE if rest else 0, arguments=bytes(first))
    for at, size in enumerate(rest, 2):
        side.take(Frame.DATA, 1, MORE if at < len(pieces) else 0, bytes(size))
    assert side.callee.calls[1].payload == bytes(100_000)


@pytest.mark.parametrize("pieces", [[100_001], [100_001, 0], [60_000, 40_001], [60_000, 39_999, 2]], ids=str)
def test_arguments_over_max_message_fail_their_call(pieces: list[int]) -> None:
    side = Side()
    first, *rest = pieces
    events = side.call(1, MORE if rest else 0, arguments=bytes(first))
    for at, size in enumerate(rest, 2):
        events += side.take(Frame.DATA, 1, MORE if at < len(pieces) else 0, bytes(size))
    assert (Event.CALL, 1) not in events
    assert answers(side.leave()) == [an_error(1, Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)]
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert side.callee.calls == {}


# --- Calls that are refused ----------------------------------------------------------------------------------------


def test_calls_over_max_calls_are_refused_and_count_as_opened() -> None:
    side = Side()
    for id in range(1, 32, 2):
        side.open(id)
    assert len(side.callee.calls) == side.shared.limits.max_calls == 16
    assert side.call(33) == side.call(35, MORE | SENDS, arguments=PIECE) == []
    assert answers(side.leave()) == [
        an_error(33, Code.RESOURCE_EXHAUSTED, Processed.NOT_PROCESSED),
        an_error(35, Code.RESOURCE_EXHAUSTED, Processed.NOT_PROCESSED),
    ]
    late_frames: list[tuple[Any, ...]] = [(Frame.DATA, 35, 0, b"the rest"), (Frame.CANCEL, 33), (Frame.CREDIT, 35, 1)]
    for late in late_frames:
        assert side.take(*late) == []
    assert side.callee.last_id == 35


def test_a_call_that_gathers_has_a_slot_and_a_refused_one_has_none() -> None:
    side = Side()
    for id in range(1, 32, 2):
        side.call(id, MORE, arguments=PIECE)
    side.call(33)
    side.call(35, timeout=0)
    assert [id for id, *_ in answers(side.leave())] == [33, 35]
    assert len(side.callee.calls) == 16


def test_a_slot_is_free_when_the_writing_of_the_end_has_begun() -> None:
    side = Side()
    records = [side.open(id) for id in range(1, 32, 2)]
    side.callee.reply(records[0], b"\x01")
    side.callee.reply(records[1], bytes(60_000))
    side.call(33)
    outbox = side.shared.outbox
    outbox.take()
    # Whoever reads that reply may make the next call before the rest of the batch was written.
    side.open(35)
    side.call(37)
    side.callee.ends_written()
    side.call(39)
    outbox.take()
    side.callee.ends_written()
    outbox.take()
    side.open(41)
    side.call(43)
    assert set(side.callee.calls) == {*range(3, 32, 2), 35, 41}
    side.callee.ends_written()
    assert set(side.callee.calls) == {*range(5, 32, 2), 35, 41}


def test_calls_opened_and_cancelled_without_end_keep_their_slots() -> None:
    side = Side()
    for id in range(1, 63, 2):
        side.call(id)
        side.take(Frame.CANCEL, id)
    assert len(side.callee.calls) == 16
    assert {record.state for record in side.callee.calls.values()} == {State.STOPPING}


def test_a_call_whose_time_is_up_is_never_run() -> None:
    side = Side()
    assert side.call(1, timeout=0) == side.call(3, MORE, timeout=0, arguments=PIECE) == []
    assert side.take(Frame.DATA, 3, 0, b"") == []
    assert answers(side.leave()) == [an_error(id, Code.DEADLINE_EXCEEDED, Processed.NOT_PROCESSED) for id in (1, 3)]


def test_after_the_drain_calls_are_refused_before_anything_else_is_looked_at() -> None:
    side = Side()
    records = [side.open(id) for id in range(1, 32, 2)]
    assert side.callee.last_taken == 31
    assert side.callee.drain() == 31
    assert side.call(33, timeout=0) == side.call(35) == []
    assert answers(side.leave()) == [an_error(id, Code.UNAVAILABLE, Processed.NOT_PROCESSED) for id in (33, 35)]
    assert side.callee.last_id == 35
    assert side.callee.drain() == side.callee.last_taken == 31
    side.callee.reply(records[0], b"\x01")
    assert side.leave() == [[Frame.REPLY, 1, 0, b"\x01"]]


def test_too_many_calls_are_refused_before_their_time_is_looked_at() -> None:
    side = Side()
    for id in range(1, 32, 2):
        side.open(id)
    side.call(33, timeout=0)
    assert answers(side.leave()) == [an_error(33, Code.RESOURCE_EXHAUSTED, Processed.NOT_PROCESSED)]


def test_refusals_are_answers_that_the_peer_made_necessary() -> None:
    side = Side(limits=Limits(max_unread=65_536))
    for id in range(1, 2601, 2):
        side.call(id, timeout=0)
    assert side.shared.overrun


# --- REPLY and ERROR -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, 16_384, 20_000, 100_000])
def test_a_reply_is_sent_once_and_holds_its_slot_until_it_was_written(size: int) -> None:
    side = Side()
    record = side.open()
    result = (bytes(range(256)) * (size // 256 + 1))[:size]
    side.callee.reply(record, result)
    assert record.state is State.ENDING
    side.callee.reply(record, b"again")
    side.callee.fail(record, NotFound())
    assert side.callee.calls == {1: record}
    first, *rest = side.leave()
    assert first[:3] == [Frame.REPLY, 1, MORE if rest else 0]
    assert [fields[:3] for fields in rest] == [[Frame.DATA, 1, 0 if piece is rest[-1] else MORE] for piece in rest]
    assert b"".join(fields[-1] for fields in (first, *rest)) == result
    assert (record.state, side.callee.calls) == (State.ENDED, {})
    side.callee.reply(record, b"again")
    side.callee.fail(record, NotFound())
    side.callee.send_item(record, b"late")
    assert side.leave() == []


def test_a_result_may_come_in_buffers() -> None:
    side = Side()
    side.callee.reply(side.open(), [b"\x82", memoryview(b"\x01\x02")])
    assert side.leave() == [[Frame.REPLY, 1, 0, b"\x82\x01\x02"]]


def test_a_failure_is_an_error_frame() -> None:
    side = Side()
    record = side.open()
    side.callee.fail(record, NotFound("no such key", processed=2))
    side.callee.reply(record, b"late")
    assert side.leave() == [[Frame.ERROR, 1, {0: 5, 1: "no such key", 2: 2}]]
    assert record.state is State.ENDED


def test_handlers_answer_in_any_order() -> None:
    side = Side()
    records = [side.open(id) for id in (1, 3, 5)]
    side.callee.reply(records[2], b"\x05")
    side.callee.fail(records[0], NotFound())
    side.callee.reply(records[1], b"\x03")
    assert [fields[1] for fields in side.leave()] == [5, 1, 3]


def test_a_result_over_the_peers_max_message_becomes_an_error() -> None:
    side = Side(peer=Settings(max_message=20_000))
    fits, large = side.open(1), side.open(3)
    side.callee.reply(fits, bytes(20_000))
    side.callee.reply(large, bytes(20_001))
    error, *reply = sorted(side.leave(), key=lambda fields: fields[0] != Frame.ERROR)
    assert answers([error]) == [an_error(3, Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)]
    assert "the result of a.b: 20001 bytes are over max_message, 20000 bytes, of the peer" in error[2][1]
    assert sum(len(fields[-1]) for fields in reply) == 20_000


def test_a_call_that_gathers_can_be_failed_but_not_answered() -> None:
    side = Side()
    side.call(1, MORE, arguments=PIECE)
    record = side.callee.calls[1]
    side.callee.reply(record, b"early")
    side.callee.send_item(record, b"early")
    assert record.state is State.GATHERING
    side.callee.fail(record, NotFound())
    assert record.parts is None
    assert side.take(Frame.DATA, 1, 0, b"the rest") == []
    assert answers(side.leave()) == [an_error(1, Code.NOT_FOUND, Processed.UNKNOWN)]


# --- CANCEL --------------------------------------------------------------------------------------------------------


def test_cancel_in_the_midst_of_the_fragments_ends_the_call() -> None:
    side = Side()
    side.call(1, MORE, arguments=PIECE)
    record = side.callee.calls[1]
    assert side.take(Frame.CANCEL, 1) == []
    assert record.parts is None
    assert side.take(Frame.CANCEL, 1) == side.take(Frame.DATA, 1, 0, b"") == []
    assert answers(side.leave()) == [an_error(1, Code.CANCELLED, Processed.NOT_PROCESSED)]
    assert side.callee.calls == {}


@pytest.mark.parametrize("finished", [False, True])
def test_a_cancelled_handler_answers_once_all_the_same(finished: bool) -> None:
    side = Side()
    record = side.open()
    assert side.take(Frame.CANCEL, 1) == [(Event.CANCEL, 1)]
    assert side.callee.calls == {1: record}
    if finished:
        side.callee.reply(record, b"\x01")
    else:
        side.callee.fail(record, NotFound())
    side.callee.reply(record, b"again")
    assert [fields[0] for fields in side.leave()] == [Frame.REPLY if finished else Frame.ERROR]
    assert side.callee.calls == {}


def test_what_a_caller_sends_after_its_cancel_is_ignored() -> None:
    side = Side()
    record = side.open(flags=SENDS | TAKES)
    side.take(Frame.DATA, 1, MORE, PIECE)
    assert side.take(Frame.CANCEL, 1) == [(Event.CANCEL, 1)]
    assert record.parts is None
    late_frames: list[tuple[Any, ...]] = [
        (Frame.CANCEL, 1),
        (Frame.DATA, 1, 0, b"item"),
        (Frame.DATA, 1, END, b""),
        (Frame.DATA, 1, 0, b"after the end"),
        (Frame.CREDIT, 1, 100_000),
        (Frame.CREDIT, 1, 1),
    ]
    for late in late_frames:
        assert side.take(*late) == []
    side.callee.send_item(record, b"late")
    assert side.leave() == []


def test_cancel_after_the_end_is_ignored() -> None:
    side = Side()
    side.callee.reply(side.open(), b"\x01")
    assert side.take(Frame.CANCEL, 1) == []
    side.leave()
    assert side.take(Frame.CANCEL, 1) == []


def test_a_call_is_for_its_caller_to_cancel() -> None:
    with pytest.raises(ProtocolError, match="CANCEL: call 2 is for its caller to cancel"):
        Side().take(Frame.CANCEL, 2)


@pytest.mark.parametrize(
    "frame",
    [(Frame.CANCEL, 3), (Frame.DATA, 3, 0, b"item"), (Frame.CREDIT, 3, 100_000)],
    ids=lambda frame: frame[0].name,
)
def test_a_frame_for_a_call_that_was_never_opened_breaks_and_for_one_left_out_does_not(frame: tuple[Any, ...]) -> None:
    side = Side()
    side.open(1)
    with pytest.raises(ProtocolError, match=f"{frame[0].name} for call 3, which was never opened"):
        side.take(*frame)
    side.open(5)
    assert side.take(*frame) == []


# --- Items from the caller -----------------------------------------------------------------------------------------


def test_items_arrive_whole_and_end() -> None:
    side = Side()
    record = side.open(flags=SENDS)
    assert record.items_in is not None
    assert side.take(Frame.DATA, 1, 0, b"one") == [(Event.ITEM, 1, b"one")]
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert side.take(Frame.DATA, 1, 0, b"two") == [(Event.ITEM, 1, PIECE + b"two")]
    assert record.items_in.received == 3 + 4096 + 3
    assert side.take(Frame.DATA, 1, END, b"") == [(Event.ITEMS_END, 1)]
    assert record.got_end
    assert record.state is State.OPEN


@pytest.mark.parametrize(
    ("frames", "item"),
    [
        ([(END, b"last")], b"last"),
        ([(MORE, PIECE), (END, b"last")], PIECE + b"last"),
        ([(MORE, PIECE), (END, b"")], PIECE),
    ],
)
def test_the_end_stands_on_the_last_frame_of_the_last_item(frames: list[tuple[int, bytes]], item: bytes) -> None:
    side = Side()
    side.open(flags=SENDS)
    events = list(chain(*(side.take(Frame.DATA, 1, *frame) for frame in frames)))
    assert events == [(Event.ITEM, 1, item), (Event.ITEMS_END, 1)]


@pytest.mark.parametrize("late", [(0, b"item"), (END, b""), (END, b"item"), (MORE, PIECE)])
def test_after_the_end_of_items_nothing_comes(late: tuple[int, bytes]) -> None:
    side = Side()
    side.open(flags=SENDS)
    side.take(Frame.DATA, 1, END, b"")
    with pytest.raises(ProtocolError, match="DATA for call 1, which sends no items or has ended them"):
        side.take(Frame.DATA, 1, *late)


@pytest.mark.parametrize("frame", [(0, b"item"), (END, b""), (MORE, PIECE)])
def test_items_of_a_call_that_sends_none_break(frame: tuple[int, bytes]) -> None:
    side = Side()
    side.open(flags=TAKES)
    with pytest.raises(ProtocolError, match="DATA for call 1, which sends no items"):
        side.take(Frame.DATA, 1, *frame)


def test_items_after_the_end_of_the_call_are_ignored() -> None:
    side = Side()
    record = side.open(flags=SENDS)
    side.callee.reply(record, b"\x01")
    assert side.take(Frame.DATA, 1, 0, b"item") == []
    side.leave()
    assert side.take(Frame.DATA, 1, END, b"") == []


def test_an_item_may_overshoot_but_not_be_started_without_credit() -> None:
    side = Side()
    side.open(flags=SENDS)
    side.take(Frame.DATA, 1, 0, bytes(WINDOW - 1))
    assert side.take(Frame.DATA, 1, MORE, PIECE) == []
    assert side.take(Frame.DATA, 1, 0, b"") == [(Event.ITEM, 1, PIECE)]
    with pytest.raises(ProtocolError, match="an item was started without credit") as caught:
        side.take(Frame.DATA, 1, END, b"1")
    assert caught.value.reason is Reason.CREDIT


def test_the_end_of_items_needs_no_credit() -> None:
    side = Side()
    side.open(flags=SENDS)
    side.take(Frame.DATA, 1, 0, bytes(WINDOW))
    assert side.take(Frame.DATA, 1, END, b"") == [(Event.ITEMS_END, 1)]


def test_an_item_over_max_message_fails_its_call() -> None:
    side = Side()
    side.open(flags=SENDS)
    assert side.take(Frame.DATA, 1, MORE, bytes(100_000)) == []
    assert side.take(Frame.DATA, 1, 0, b"1") == [(Event.CANCEL, 1)]
    assert answers(side.leave()) == [an_error(1, Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)]


def test_items_without_a_byte_cost_no_credit_and_do_not_pile_up() -> None:
    side = Side()
    side.open(flags=SENDS)
    assert side.take(Frame.DATA, 1, 0, b"") == [(Event.CANCEL, 1)]
    assert side.take(Frame.DATA, 1, 0, b"") == []
    assert answers(side.leave()) == [an_error(1, Code.INVALID_ARGUMENT, Processed.UNKNOWN)]


# --- Items to the caller -------------------------------------------------------------------------------------------


def test_items_go_before_the_end_of_their_call() -> None:
    side = Side()
    record = side.open(flags=TAKES)
    side.callee.send_item(record, b"one")
    side.callee.send_item(record, bytes(20_000))
    side.callee.reply(record, b"\xf6")
    assert [fields[:3] for fields in side.leave()] == [
        [Frame.DATA, 1, 0],
        [Frame.DATA, 1, MORE],
        [Frame.DATA, 1, 0],
        [Frame.REPLY, 1, 0],
    ]
    assert side.callee.calls == {}


def test_only_a_caller_ends_its_items() -> None:
    side = Side()
    with pytest.raises(AssertionError):
        side.callee.send_item(side.open(flags=TAKES), b"item", end=True)


def test_an_error_in_the_midst_of_an_item_drops_the_rest_of_it() -> None:
    side = Side()
    record = side.open(flags=TAKES)
    side.callee.send_item(record, bytes(60_000))
    side.callee.fail(record, NotFound())
    assert [fields[0] for fields in side.leave()] == [Frame.DATA, Frame.ERROR]
    assert side.callee.calls == {}


def test_credit_opens_what_was_shut() -> None:
    side = Side()
    record = side.open(flags=TAKES)
    assert record.items_out is not None
    assert side.take(Frame.CREDIT, 1, WINDOW) == []
    side.callee.send_item(record, bytes(WINDOW + 100))
    assert not record.items_out.is_open
    assert side.take(Frame.CREDIT, 1, WINDOW + 100) == []
    assert side.take(Frame.CREDIT, 1, WINDOW + 101) == [(Event.CREDIT, 1)]
    with pytest.raises(ProtocolError, match="the total fell") as caught:
        side.take(Frame.CREDIT, 1, WINDOW)
    assert caught.value.reason is Reason.CREDIT


def test_credit_counts_while_the_fragments_of_its_call_still_come() -> None:
    side = Side()
    side.call(1, MORE | TAKES, arguments=PIECE)
    assert side.take(Frame.CREDIT, 1, 100_000) == []
    side.take(Frame.DATA, 1, 0, b"")
    record = side.callee.calls[1]
    assert record.items_out is not None
    assert record.items_out.total == 100_000


@pytest.mark.parametrize("flags", [0, SENDS, MORE, MORE | SENDS])
def test_credit_for_a_call_that_takes_no_items_breaks(flags: int) -> None:
    side = Side()
    side.call(1, flags, arguments=PIECE)
    with pytest.raises(ProtocolError, match="CREDIT for call 1, which takes no items"):
        side.take(Frame.CREDIT, 1, 100_000)


def test_an_item_over_the_peers_max_message_raises_and_costs_no_credit() -> None:
    side = Side(peer=Settings(max_message=20_000))
    record = side.open(flags=TAKES)
    assert record.items_out is not None
    with pytest.raises(ResourceExhausted, match=r"an item of a\.b: 20001 bytes are over max_message"):
        side.callee.send_item(record, bytes(20_001))
    assert record.items_out.sent == 0
    assert side.leave() == []


# --- The end -------------------------------------------------------------------------------------------------------


def test_a_lost_connection_cancels_every_handler_that_runs() -> None:
    side = Side()
    running, cancelled, ending, leaving = (side.open(id, TAKES) for id in (1, 3, 5, 7))
    side.call(9, MORE, arguments=PIECE)
    gathering = side.callee.calls[9]
    side.take(Frame.CANCEL, 3)
    side.callee.reply(leaving, b"\x01")
    side.shared.outbox.take()
    side.callee.reply(ending, b"\x01")
    assert side.lose() == [(Event.CANCEL, 1)]
    assert side.callee.calls == {}
    for record in (running, cancelled, ending, leaving, gathering):
        assert record.state is State.ENDED
        side.callee.reply(record, b"late")
        side.callee.fail(record, NotFound())
        side.callee.send_item(record, b"late")
    side.callee.ends_written()
    assert side.lose() == []
