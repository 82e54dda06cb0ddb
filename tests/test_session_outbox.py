from __future__ import annotations

from functools import partial
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpc.limits import LEAST_FRAGMENT, MAX_ID, MAX_METADATA
from rpc.session.calls import Incoming, Outgoing
from rpc.session.credit import Allowance
from rpc.session.outbox import SMALL, Message, Outbox, size_of
from rpc.session.states import State, Step
from rpc.wire import frames
from rpc.wire.frames import Fields, Flag, Frame
from rpc.wire.metadata import NO_METADATA, encode
from rpc.wire.payload import Payload
from tests.pairs import decoded, left

MAX_FRAME = 16_384
METHOD = frames.method_item("a.b")
MORE, END = int(Flag.MORE), int(Flag.END)


def outgoing(id: int = 1) -> Outgoing:
    return Outgoing(id, "a.b", int(Flag.SENDS))


def incoming(id: int = 2) -> Incoming:
    """A call that is being answered."""
    record = Incoming(id, int(Flag.TAKES), "a.b", None, None)
    record.step(Step.WHOLE)
    record.step(Step.END)
    return record


def call_message(id: int, payload: Payload, flags: int = 0) -> Message:
    return Message(partial(frames.call, id, METHOD, None, NO_METADATA), payload, flags)


def reply_message(record: Incoming, payload: Payload) -> Message:
    return Message(partial(frames.reply, record.id), payload, ends=record)


def item_message(id: int, payload: Payload, flags: int = 0) -> Message:
    return Message(partial(frames.data, id), payload, flags)


def kinds(batches: list[list[Fields]]) -> list[list[tuple[Frame, int]]]:
    """Frame types and ids, batch for batch."""
    return [[(Frame(fields[0]), fields[1]) for fields in batch] for batch in batches]


# --- Messages ------------------------------------------------------------------------------------------------------


def test_the_size_of_a_payload_is_that_of_its_buffers() -> None:
    assert size_of(b"12345") == size_of([b"12", bytearray(b"3"), memoryview(b"45")]) == 5
    assert size_of(b"") == size_of([]) == 0


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=5), max_size=5), st.lists(st.integers(0, 9), max_size=9))
def test_a_message_is_taken_in_any_pieces(buffers: list[bytes], sizes: list[int]) -> None:
    message = item_message(1, list(buffers))
    payload = b"".join(buffers)
    taken = b""
    for size in [*sizes, len(payload)]:
        size = min(size, message.left)
        piece = b"".join(message.take(size))
        assert len(piece) == size
        taken += piece
        assert message.left == len(payload) - len(taken)
    assert taken == payload


def test_a_message_copies_nothing() -> None:
    buffer = bytearray(b"before")
    message = item_message(1, [buffer])
    buffer[:] = b"after."
    assert b"".join(message.take(6)) == b"after."


# --- When to send --------------------------------------------------------------------------------------------------


def test_frames_make_a_batch_when_they_are_many_and_lanes_and_control_do_not_count() -> None:
    outbox = Outbox(MAX_FRAME)
    outbox.put_control(frames.ping(1))
    outbox.put(outgoing(), item_message(1, bytes(1_000_000)))
    while not outbox.has_batch:
        outbox.put_frame(frames.notify(METHOD, NO_METADATA, 0))
    assert 8 < len(outbox.take()) < 200
    assert not outbox.has_batch


def test_an_outbox_knows_whether_anything_waits_for_its_turn() -> None:
    outbox = Outbox(MAX_FRAME)
    outbox.put(outgoing(1), item_message(1, b"small"))
    assert (outbox.has_lanes, outbox.has_lane(1)) == (False, False)
    outbox.put(outgoing(3), item_message(3, bytes(20_000)))
    assert (outbox.has_lanes, outbox.has_lane(1), outbox.has_lane(3)) == (True, False, True)
    outbox.take()
    assert not outbox.has_lanes


# --- One frame, or several -----------------------------------------------------------------------------------------


def test_an_empty_outbox_says_so() -> None:
    outbox = Outbox(MAX_FRAME)
    assert not outbox
    assert outbox.size == 0
    assert outbox.take() == []
    outbox.put_frame(b"frame")
    assert outbox
    assert outbox.size == 5
    assert outbox.take() == [b"frame"]
    assert not outbox


@pytest.mark.parametrize(
    ("size", "pieces"),
    [
        (0, [0]),
        (1, [1]),
        (MAX_FRAME - 7, [MAX_FRAME - 7]),  # 84 02 01 00 59 .. ..
        (MAX_FRAME - 6, [MAX_FRAME - 7, 1]),
        (2 * (MAX_FRAME - 7), [MAX_FRAME - 7] * 2),
        (2 * (MAX_FRAME - 7) + 1, [MAX_FRAME - 7, MAX_FRAME - 7, 1]),
    ],
)
def test_a_payload_is_cut_where_it_does_not_fit(size: int, pieces: list[int]) -> None:
    outbox = Outbox(MAX_FRAME)
    payload = bytes(range(256)) * (size // 256 + 1)
    outbox.put(outgoing(), item_message(1, payload[:size], END))
    found = list(chain(*left(outbox)))
    assert [len(piece) for _, _, _, piece in found] == pieces
    assert b"".join(piece for *_, piece in found) == payload[:size]
    assert [flags for _, _, flags, _ in found] == [MORE] * (len(pieces) - 1) + [END]


@pytest.mark.parametrize("max_frame", [MAX_FRAME, 20_000, 65_536, 262_144])
@pytest.mark.parametrize("id", [1, 24, 256, 65_536, 2**32, 2**53 - 1])
def test_a_frame_fills_what_the_peer_accepts(max_frame: int, id: int) -> None:
    outbox = Outbox(max_frame)
    outbox.put(outgoing(id), item_message(id, bytes(3 * max_frame)))
    stream = b"".join(bytes(part) for _ in range(3) for part in outbox.take())
    assert not outbox
    sizes: list[int] = []
    while stream:
        sizes.append(int.from_bytes(stream[:4], "big"))
        stream = stream[4 + sizes[-1] :]
    assert len(sizes) == 4
    # Where a few bytes less make the head of the byte string shorter, they are not made up for.
    assert all(max_frame - 2 <= size <= max_frame for size in sizes[:-1])


def test_flags_of_a_call_stand_on_its_first_frame() -> None:
    outbox = Outbox(MAX_FRAME)
    flags = int(Flag.NAMED | Flag.SENDS | Flag.TAKES)
    outbox.put_call(outgoing(), call_message(1, bytes(40_000), flags))
    first, *rest = chain(*left(outbox))
    assert first[:3] == [Frame.CALL, 1, flags | MORE]
    assert [fields[:3] for fields in rest] == [[Frame.DATA, 1, MORE], [Frame.DATA, 1, 0]]


def test_the_largest_head_leaves_room_for_a_whole_fragment() -> None:
    outbox = Outbox(MAX_FRAME)
    method, metadata = frames.method_item("m" * 255), encode({"a": "x" * (MAX_METADATA - 6)})
    first = partial(frames.call, MAX_ID, method, 2**64 - 1, metadata)
    outbox.put_call(outgoing(MAX_ID), Message(first, bytes(20_000)))
    fields = decoded(bytes(outbox.take()[0]))[0]
    assert len(fields[-1]) >= LEAST_FRAGMENT


def test_large_pieces_go_out_as_the_buffers_they_are() -> None:
    outbox = Outbox(262_144)
    buffer = bytearray(100_000)
    outbox.put(outgoing(), item_message(1, [b"head", buffer, b"tail"]))
    batch = outbox.take()
    assert len(batch) == 4
    assert [len(part) for part in batch[1:]] == [4, 100_000, 4]
    buffer[0] = 1
    assert bytes(batch[2])[:1] == b"\x01"


# --- Order and turns -----------------------------------------------------------------------------------------------


def test_control_frames_go_ahead() -> None:
    outbox = Outbox(MAX_FRAME)
    outbox.put_frame(frames.notify(METHOD, NO_METADATA, 0))
    outbox.put_control(frames.ping(1))
    outbox.put(outgoing(), item_message(1, bytes(40_000)))
    outbox.put_control(frames.pong(2))
    assert outbox.size == len(frames.notify(METHOD, NO_METADATA, 0)) + 2 * len(frames.ping(1)) + 40_000 + 11
    assert kinds(left(outbox)) == [
        [(Frame.PING, 1), (Frame.PONG, 2), (Frame.NOTIFY, "a.b"), (Frame.DATA, 1), (Frame.DATA, 1)],
        [(Frame.DATA, 1)],
    ]


def test_control_frames_pass_what_is_left_of_a_large_payload() -> None:
    outbox = Outbox(MAX_FRAME)
    outbox.put(outgoing(), item_message(1, bytes(60_000)))
    outbox.take()
    outbox.put_control(frames.cancel(1))
    outbox.put_control(frames.credit(1, 99))
    assert kinds(left(outbox)) == [[(Frame.CANCEL, 1), (Frame.CREDIT, 1), (Frame.DATA, 1)], [(Frame.DATA, 1)]]


def test_large_payloads_take_turns_a_frame_each() -> None:
    outbox = Outbox(MAX_FRAME)
    for id, size in ((1, 40_000), (3, 60_000), (5, 20_000)):
        outbox.put(outgoing(id), item_message(id, bytes(size)))
    order = [id for _, id in chain(*kinds(left(outbox)))]
    assert order == [1, 3, 5, 1, 3, 5, 1, 3, 3]


def test_a_small_frame_waits_for_one_frame_of_a_large_payload_at_most() -> None:
    outbox = Outbox(MAX_FRAME)
    outbox.put(outgoing(1), item_message(1, bytes(1_000_000)))
    for id in (3, 5, 7):
        outbox.take()
        outbox.put(outgoing(id), item_message(id, b"small"))
        outbox.put_frame(frames.notify(METHOD, NO_METADATA, 0))
        batch = decoded(b"".join(outbox.take()))
        assert [(Frame(fields[0]), fields[1]) for fields in batch] == [
            (Frame.DATA, id),
            (Frame.NOTIFY, "a.b"),
            (Frame.DATA, 1),
        ]


def test_frames_of_one_id_keep_their_order() -> None:
    outbox = Outbox(MAX_FRAME)
    record, end = incoming(2), incoming(2)
    outbox.put(record, item_message(2, b"first"))
    outbox.put(record, item_message(2, b"L" * 40_000))
    assert outbox.has_lane(2)
    outbox.put(record, item_message(2, b"second"))
    outbox.put(record, item_message(2, b"M" * 20_000))
    outbox.put(end, reply_message(end, b"last"))
    found = list(chain(*left(outbox)))
    assert [bytes(payload[:6]) for _, _, _, payload in found] == [
        b"first",
        b"LLLLLL",
        b"LLLLLL",
        b"LLLLLL",
        b"second",
        b"MMMMMM",
        b"MMMMMM",
        b"last",
    ]
    assert not outbox.has_lane(2)
    assert found[-1][0] == Frame.REPLY
    assert outbox.leaving == [end]


def test_first_frames_of_calls_leave_in_the_order_of_ids_even_when_large() -> None:
    outbox = Outbox(MAX_FRAME)
    for id in (1, 3, 5):
        outbox.put_call(outgoing(id), call_message(id, bytes(40_000)))
    small = outgoing(7)
    outbox.put_small_call(small, frames.call(7, METHOD, None, NO_METADATA, 0, 1) + b"\x80")
    found = list(chain(*kinds(left(outbox))))
    assert [id for kind, id in found if kind is Frame.CALL] == [1, 3, 5, 7]
    assert found[:4] == [(Frame.CALL, 1), (Frame.CALL, 3), (Frame.CALL, 5), (Frame.CALL, 7)]
    assert small.state is State.OPEN


# --- Ends ----------------------------------------------------------------------------------------------------------


def test_an_end_leaves_with_its_last_frame() -> None:
    outbox = Outbox(MAX_FRAME)
    small, large, other = incoming(2), incoming(4), incoming(6)
    outbox.put_small_end(small, frames.reply(2, 0, 0))
    outbox.put(large, reply_message(large, bytes(40_000)))
    outbox.put(other, reply_message(other, b"whole"))
    assert outbox.leaving == []
    outbox.take()
    assert outbox.leaving == [small, other]
    outbox.take()
    assert outbox.leaving == [small, other, large]


# --- Items ---------------------------------------------------------------------------------------------------------


def test_items_are_charged_when_they_are_queued() -> None:
    outbox = Outbox(MAX_FRAME)
    record, allowance = outgoing(), Allowance(100)
    outbox.put_item(record, allowance, b"12345")
    outbox.put_item(record, allowance, [b"123", b"4" * 40_000])
    assert allowance.sent == 5 + 40_003
    with pytest.raises(AssertionError, match="an item was sent without credit"):
        outbox.put_item(record, allowance, b"")
    assert kinds(left(outbox)) == [[(Frame.DATA, 1), (Frame.DATA, 1), (Frame.DATA, 1)], [(Frame.DATA, 1)]]


# --- What is taken back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 16_384, 16_385, 65_536, 65_537])
@pytest.mark.parametrize("in_pieces", [False, True])
def test_an_item_is_one_frame_whichever_way_it_goes_and_a_large_one_a_batch(size: int, in_pieces: bool) -> None:
    outbox, record, allowance = Outbox(262_144), outgoing(), Allowance(1)
    record.step(Step.TAKEN)
    large = bytes(size)
    outbox.put_item(record, allowance, [large[:5], large[5:]] if in_pieces else large, END)
    assert allowance.sent == size
    assert outbox.has_batch == (in_pieces and size > 16_384)
    batch = outbox.take()
    assert decoded(b"".join(batch)) == [[Frame.DATA, 1, END, large]]
    assert not outbox.has_batch


def test_what_has_not_begun_to_leave_is_dropped_and_the_rest_of_what_has() -> None:
    outbox = Outbox(MAX_FRAME)
    outbox.put(incoming(2), item_message(2, bytes(60_000)))
    outbox.put(incoming(4), item_message(4, bytes(30_000)))
    outbox.put(incoming(2), item_message(2, b"waits"))
    outbox.take()
    outbox.drop(2)
    outbox.drop(6)
    assert kinds(left(outbox)) == [[(Frame.DATA, 4)]]
    outbox.drop(2)
    assert not outbox


@pytest.mark.parametrize("size", [1, SMALL, 20_000, 100_000])
def test_a_call_that_was_never_taken_leaves_nothing_behind(size: int) -> None:
    outbox = Outbox(MAX_FRAME)
    first, second, third = outgoing(1), outgoing(3), outgoing(5)
    outbox.put_small_call(first, frames.call(1, METHOD, None, NO_METADATA, 0, 1) + b"\x80")
    outbox.put_call(second, call_message(3, bytes(size)))
    outbox.put_item(second, Allowance(2), b"1")
    outbox.put_item(first, Allowance(2), b"1")
    outbox.put_item(second, Allowance(2), b"12")
    outbox.put_small_call(third, frames.call(5, METHOD, None, NO_METADATA, 0, 1) + b"\x80")
    outbox.drop_call(second)
    second.step(Step.GIVE_UP)
    assert kinds(left(outbox)) == [[(Frame.CALL, 1), (Frame.DATA, 1), (Frame.CALL, 5)]]
    assert (first.state, second.state, third.state) == (State.OPEN, State.ENDED, State.OPEN)


def test_a_small_call_is_taken_back_too() -> None:
    outbox = Outbox(MAX_FRAME)
    record = outgoing(1)
    outbox.put_small_call(record, frames.call(1, METHOD, None, NO_METADATA, 0, 1) + b"\x80")
    outbox.drop_call(record)
    assert outbox.size == 0
    assert b"".join(outbox.take()) == b""


def test_items_of_a_call_that_was_taken_are_not_counted_as_its_own() -> None:
    outbox = Outbox(MAX_FRAME)
    record = outgoing(1)
    outbox.put_small_call(record, frames.call(1, METHOD, None, NO_METADATA, 0, 1) + b"\x80")
    outbox.take()
    outbox.put_item(record, Allowance(2), b"1")
    assert len(record.places) == 1


def test_what_is_cleared_is_all_but_control_frames() -> None:
    outbox = Outbox(MAX_FRAME)
    record, end = outgoing(1), incoming(2)
    outbox.put_call(record, call_message(1, bytes(40_000)))
    outbox.put_small_end(end, frames.reply(2, 0, 0))
    outbox.put_frame(frames.notify(METHOD, NO_METADATA, 0))
    outbox.put_control(frames.ping(1))
    outbox.clear()
    outbox.drop_call(record)  # its place is gone, and that is well
    assert kinds(left(outbox)) == [[(Frame.PING, 1)]]
    assert outbox.leaving == []
    assert record.state is State.QUEUED
