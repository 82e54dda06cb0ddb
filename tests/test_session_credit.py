from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import ProtocolError, Reason
from rpc.session.credit import Allowance, Window


def test_an_item_may_be_started_below_the_total() -> None:
    allowance = Allowance(100)
    for sent, is_open in ((0, True), (99, True), (100, False), (250, False)):
        allowance.sent = sent
        assert allowance.is_open is is_open


@pytest.mark.parametrize(
    ("sent", "total", "opens"),
    [
        (0, 100, False),  # nothing new
        (0, 200, False),  # it was open
        (100, 100, False),  # it stays shut
        (100, 101, True),
        (250, 250, False),  # after an item that overshot
        (250, 251, True),
    ],
)
def test_credit_tells_when_it_opens_what_was_shut(sent: int, total: int, opens: bool) -> None:
    allowance = Allowance(100)
    allowance.sent = sent
    assert allowance.raise_to(total) is opens
    assert allowance.total == total


def test_a_total_never_falls() -> None:
    allowance = Allowance(100)
    allowance.raise_to(150)
    with pytest.raises(ProtocolError, match="CREDIT: the total fell from 150 to 149") as caught:
        allowance.raise_to(149)
    assert caught.value.reason is Reason.CREDIT
    assert allowance.total == 150


@pytest.mark.parametrize(("received", "may_start"), [(0, True), (99, True), (100, False), (101, False)])
def test_an_item_is_started_with_credit_or_breaks_the_connection(received: int, may_start: bool) -> None:
    window = Window(100)
    window.add(received)
    if may_start:
        window.start()
    else:
        with pytest.raises(ProtocolError, match="an item was started without credit") as caught:
            window.start()
        assert caught.value.reason is Reason.CREDIT


def test_credit_is_granted_in_steps_of_half_a_window() -> None:
    window = Window(100)
    window.add(150)
    assert [window.consume(size) for size in (0, 49, 1, 49, 0, 51)] == [None, None, 150, None, None, 250]
    assert (window.granted, window.consumed, window.received) == (250, 150, 150)


@given(
    size=st.integers(1, 1000),
    items=st.lists(st.integers(0, 3000), max_size=30),
    consumed_at_once=st.integers(1, 3000),
)
def test_a_sender_with_an_attentive_receiver_never_waits_for_ever(
    size: int, items: list[int], consumed_at_once: int
) -> None:
    window, allowance = Window(size), Allowance(size)
    waiting: list[int] = []
    for item in items:
        while not allowance.is_open:
            assert waiting, "nobody is to blame, and nothing moves"
            part = min(waiting[0], consumed_at_once)
            waiting[0] -= part
            if not waiting[0]:
                waiting.pop(0)
            total = window.consume(part)
            if total is not None:
                allowance.raise_to(total)
        window.start()
        window.add(item)
        allowance.sent += item
        waiting.append(item)
        assert sum(waiting) <= size + max(items)


def test_a_whole_item_arrives_in_one_step() -> None:
    window = Window(10)
    window.take(30)
    assert window.received == 30
    with pytest.raises(ProtocolError, match="without credit"):
        window.take(1)
    assert window.received == 30


def test_so_many_items_have_credit() -> None:
    window = Window(100)
    assert [window.free(size) for size in (1, 99, 100, 1000)] == [100, 2, 1, 1]
    window.take(30, 3)
    assert (window.received, window.items, window.free(30)) == (90, 3, 1)
    window.take(30)
    assert window.free(1) == 0
    assert window.consume(60, 2) == 160
    assert (window.items, window.free(30)) == (2, 2)
