from __future__ import annotations

from collections.abc import Callable

import pytest

from rpc.errors import Code, Processed, ProtocolError, Reason, ResourceExhausted
from rpc.limits import LEAST_FRAGMENT, Limits
from rpc.session.calls import Incoming, Outgoing, Record
from rpc.session.credit import Window
from rpc.session.shared import Shared
from rpc.session.states import State, Step
from rpc.wire.frames import Frame
from rpc.wire.hello import Settings
from rpc.wire.payload import Payload
from tests.pairs import left

PIECE = bytes(LEAST_FRAGMENT)


def shared() -> Shared:
    return Shared(Limits(max_message=16_384, max_unread=65_536, window=65_536), parity=1)


def outgoing() -> Outgoing:
    record = Outgoing(1, "a.b", 0)
    record.step(Step.TAKEN)
    return record


def incoming() -> Incoming:
    record = Incoming(2, 0, "a.b", None, None)
    record.step(Step.WHOLE)
    return record


def test_until_its_hello_was_read_a_peer_accepts_the_least() -> None:
    assert shared().peer == Settings()
    assert shared().outbox.max_frame == 16_384


# --- Payloads that come in pieces ----------------------------------------------------------------------------------


BOTH = pytest.mark.parametrize("make", [outgoing, incoming])


@BOTH
@pytest.mark.parametrize("payload", [b"", b"whole", bytes(16_384)], ids=len)
def test_a_payload_in_one_piece_is_that_piece(make: Callable[[], Record], payload: bytes) -> None:
    record = make()
    assert shared().gather(record, payload, 0) == (payload, True)
    assert record.parts is None


@pytest.mark.parametrize("last", [b"", b"last", PIECE], ids=len)
def test_pieces_are_joined_with_the_last(last: bytes) -> None:
    common, record = shared(), incoming()
    assert common.gather(record, PIECE, 1) == (None, True)
    assert common.gather(record, PIECE + b"more", 1) == (None, True)
    assert common.gather(record, last, 0) == (PIECE + PIECE + b"more" + last, True)
    assert record.parts is None


def test_every_piece_but_the_last_has_4096_bytes() -> None:
    common = shared()
    common.gather(incoming(), PIECE, 1)
    for piece in (b"", PIECE[1:]):
        with pytest.raises(ProtocolError, match=f"a fragment of {len(piece)} bytes; all but the last") as caught:
            common.gather(incoming(), piece, 1)
        assert caught.value.reason is Reason.SIZE


def test_max_message_bounds_a_payload_in_one_piece() -> None:
    assert shared().gather(incoming(), bytes(16_384), 0)[1] is True
    assert shared().gather(incoming(), bytes(16_385), 0)[1] is False


def test_max_message_bounds_a_payload_in_pieces_and_what_is_over_it_is_not_kept() -> None:
    common, record = shared(), incoming()
    assert common.gather(record, bytes(16_384), 1) == (None, True)
    assert common.gather(record, PIECE, 1) == (None, False)
    assert record.parts is not None
    assert record.parts.held == 0
    assert record.parts.size == 16_384 + 4096
    assert common.gather(record, b"", 0)[1] is False
    for size, fits in ((16_384 - 4096, True), (16_385 - 4096, False)):
        common.gather(record, PIECE, 1)
        assert common.gather(record, bytes(size), 0)[1] is fits


def test_what_a_caller_gave_up_is_counted_but_not_kept() -> None:
    common, record = shared(), outgoing()
    common.gather(record, PIECE, 1)
    record.step(Step.GIVE_UP)
    assert common.gather(record, PIECE, 1) == (None, True)
    assert record.parts is not None
    assert (record.parts.held, record.parts.size) == (0, 8192)
    assert common.gather(record, bytes(16_384 - 8192), 0)[1] is True


def test_what_was_only_stopped_is_kept() -> None:
    common, record = shared(), outgoing()
    common.gather(record, PIECE, 1)
    record.step(Step.GIVE_UP)
    record.wants_end = True
    assert common.gather(record, b"last", 0) == (PIECE + b"last", True)


def test_what_is_too_large_arrived_or_was_refused() -> None:
    common = shared()
    error = common.too_large("the result of a.b")
    assert error.message == "the result of a.b is over max_message, 16384 bytes, of its receiver"
    assert (error.code, error.processed) == (Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)
    common.peer = Settings(max_message=20_000)
    common.check_size(bytes(20_000), "an item of a.b")
    common.check_size([bytes(10_000), bytes(10_000)], "an item of a.b")
    too_large: list[Payload] = [bytes(20_001), [bytes(20_000), b"1"]]
    for payload in too_large:
        with pytest.raises(
            ResourceExhausted, match=r"an item of a\.b: 20001 bytes are over max_message, 20000 bytes, of the peer"
        ) as caught:
            common.check_size(payload, "an item of a.b")
        assert caught.value.processed is Processed.DO_NOT_RETRY


def test_an_item_that_cannot_be_taken_is_too_large_or_no_value() -> None:
    common = shared()
    for record, code, processed in (
        (outgoing(), Code.INTERNAL, Processed.DO_NOT_RETRY),
        (incoming(), Code.INVALID_ARGUMENT, Processed.UNKNOWN),
    ):
        large, empty = common.unfit_item(record, fits=False), common.unfit_item(record, fits=True)
        assert large.message == "an item of a.b is over max_message, 16384 bytes, of its receiver"
        assert empty.message == "an item of a.b has no bytes; the smallest value has one"
        assert (empty.code, empty.processed) == (code, processed)


# --- Credit for the peer -------------------------------------------------------------------------------------------


@BOTH
def test_what_was_consumed_is_granted_again_in_steps(make: Callable[[], Record]) -> None:
    common, record = shared(), make()
    record.items_in = Window(65_536)
    assert not common.consumed(record, 32_767)
    assert not common.outbox
    assert common.consumed(record, 1)
    assert left(common.outbox) == [[[Frame.CREDIT, record.id, 65_536 + 32_768]]]


@pytest.mark.parametrize("state", [state for state in State if state is not State.OPEN])
def test_a_call_that_is_not_open_grants_nothing(state: State) -> None:
    common = shared()
    for record in (outgoing(), incoming()):
        record.items_in = Window(65_536)
        record.state = state
        assert not common.consumed(record, 100_000)
    assert not common.outbox


def test_a_call_without_items_grants_nothing() -> None:
    common = shared()
    common.consumed(incoming(), 100_000)
    assert not common.outbox


# --- What the peer leaves unread -----------------------------------------------------------------------------------


def test_answers_that_are_not_read_are_bounded() -> None:
    common = shared()
    assert common.owe(bytes(65_536)) == bytes(65_536)
    assert not common.overrun
    common.owe(b"1")
    assert common.overrun


def test_what_is_being_written_counts_until_it_was() -> None:
    common = shared()
    common.owe(bytes(65_000))
    common.batch_taken()
    common.owe(bytes(536))
    assert not common.overrun
    common.batch_sent()
    common.owe(bytes(65_000))
    assert not common.overrun
    common.owe(b"1")
    assert common.overrun


def test_credits_count_among_the_answers() -> None:
    common, record = shared(), incoming()
    common.owe(bytes(65_536))
    record.items_in = Window(65_536)
    common.consumed(record, 65_536)
    assert common.overrun
