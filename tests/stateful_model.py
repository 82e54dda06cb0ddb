"""What must come of two sessions that talk: a dict of calls, and what each side has asked, answered and been told."""

from __future__ import annotations

from typing import Any

import attrs

from rpc.errors import Code, Error, Processed
from rpc.session.budget import Budget
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event, Events
from rpc.session.session import Session
from tests.pairs import LIMITS, single

__all__ = ["CONTEXT", "ITEM_SIZES", "SIZES", "Call", "Model", "Side"]

SIZES = (1, 40, 4096, 4097, 16_384, 40_000, 100_000)
ITEM_SIZES = (1, 5_000, 30_000, 70_000)
CONTEXT = "a.context"


@attrs.define(eq=False)
class Call:
    """What is known of one call.

    Attributes:
        by: whether the connector makes it.
        record: the caller's.
        handled: the callee's, once its handler was started.
        answer: what the handler ended it with.
        is_waited_for: whether the caller wants to know its end.
        told: what the caller was told as its end.
        is_cancelled: whether the handler was told to stop.
        sent, got: items of the caller (True) and of the callee (False).
        has_ended: whether the caller's items have, and `told_ended` whether the handler knows.
    """

    by: bool
    record: Outgoing
    arguments: bytes
    timeout: int | None
    is_stopped: bool = False
    is_waited_for: bool = True
    handled: Incoming | None = None
    answer: bytes | Error | None = None
    told: list[Any] = attrs.field(factory=list)
    is_cancelled: bool = False
    sent: dict[bool, list[bytes]] = attrs.field(factory=lambda: {True: [], False: []})
    got: dict[bool, list[bytes]] = attrs.field(factory=lambda: {True: [], False: []})
    has_ended: bool = False
    told_ended: bool = False

    @property
    def is_open(self) -> bool:
        """Whether its caller has to be told of its end yet."""
        return self.is_waited_for and not self.told


@attrs.define(eq=False)
class Side:
    """One application: its session, and what of it is on its way.

    Attributes:
        batch: bytes that were taken and not yet written, None between two batches.
        wire: those that were written and have not arrived.
        untaken: items that the application has yet to take, with their calls and records.
        last_taken: the last id that it says it takes.
    """

    session: Session
    batch: bytes | None = None
    wire: bytes = b""
    untaken: list[tuple[Any, int]] = attrs.field(factory=list)
    notes_sent: list[bytes] = attrs.field(factory=list)
    notes_got: list[bytes] = attrs.field(factory=list)
    pings: list[int] = attrs.field(factory=list)
    last_taken: int | None = None


class Model:
    """Both sides, the calls between them, and what may happen to those.

    Attributes:
        budgets: of either side, for one connection after the other.
        is_lost: whether the wires are cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self.budgets = {by: Budget(LIMITS) for by in (True, False)}
        self.begin()

    def begin(self) -> None:
        """A new connection."""
        self.sides = {
            by: Side(Session(is_connector=by, limits=LIMITS, budget=self.budgets[by])) for by in (True, False)
        }
        self.calls: dict[int, Call] = {}
        self.is_lost = False
        self.number = 0

    def content(self, size: int) -> bytes:
        """Bytes that are told from all others."""
        self.number += 1
        return (self.number.to_bytes(4, "big") * (size // 4 + 1))[:size]

    def callers(self, by: bool) -> list[Call]:
        return [call for call in self.calls.values() if call.by is by and call.is_open]

    def handlers(self, of: bool) -> list[Call]:
        return [call for call in self.calls.values() if call.by is not of and call.handled and call.answer is None]

    def entered(self, by: bool) -> list[Call]:
        return [call for call in self.callers(by) if call.record.method == CONTEXT and call.got[False]]

    def able(self, by: bool) -> list[Call]:
        """Calls on which a side may send an item now."""
        senders: list[tuple[Call, Any]] = [(call, call.record) for call in self.callers(by) if not call.has_ended]
        senders += [(call, call.handled) for call in self.handlers(by)]
        able = [call for call, record in senders if record.items_out is not None and record.items_out.is_open]
        return [call for call in able if call.record.method != CONTEXT or (call.by is not by and not call.sent[False])]

    def send(self, call: Call, by: bool, item: bytes, *, end: bool = False) -> None:
        is_callers, session = call.by is by, self.sides[by].session
        record: Any = call.record if is_callers else call.handled
        before = record.items_out.sent
        if is_callers:
            session.caller.send_item(record, item, end=end)
        else:
            session.callee.send_item(record, item)
        if record.items_out.sent > before:
            call.sent[is_callers].append(item)

    # --- What happens ----------------------------------------------------------------------------------------------

    def take(self, by: bool, events: Events) -> None:
        side, other = self.sides[by], self.sides[not by]
        for event, record, value in single(events):
            match event:
                case Event.CALL:
                    self.started(by, record)
                case Event.CANCEL:
                    call = self.calls[record.id]
                    assert call.handled is record
                    assert not call.is_cancelled
                    assert self.is_lost or call.is_stopped or not call.is_waited_for, "a handler that nobody stopped"
                    call.is_cancelled = True
                case Event.REPLY | Event.ERROR:
                    self.ended(self.calls[record.id], by, value)
                case Event.ITEM:
                    call = self.calls[record.id]
                    is_callers = call.by is not by
                    assert not (is_callers and (call.is_cancelled or call.told_ended))
                    got = call.got[is_callers]
                    assert value == call.sent[is_callers][len(got)], "items come in order, and none is invented"
                    got.append(bytes(value))
                    side.untaken.append((record, len(value)))
                case Event.ITEMS_END:
                    call = self.calls[record.id]
                    assert call.has_ended
                    assert call.got[True] == call.sent[True], "the end comes behind all items"
                    assert not call.told_ended
                    call.told_ended = True
                case Event.NOTIFY:
                    side.notes_got.append(bytes(value[2]))
                    assert side.notes_got == other.notes_sent[: len(side.notes_got)]
                case Event.PING:
                    side.session.pong(value)
                case Event.PONG:
                    assert side.pings.pop(0) == value
                case Event.BROKEN:
                    raise AssertionError(f"an honest peer broke the connection: {value}")
                case _:
                    pass

    def started(self, by: bool, record: Incoming) -> None:
        """A handler is to run."""
        call = self.calls[record.id]
        assert call.by is not by
        assert call.handled is None, "a call runs once"
        assert (record.payload, record.timeout) == (call.arguments, call.timeout)
        assert call.timeout != 0, "what is late is not begun"
        assert [error for error in call.told if error.processed is Processed.NOT_PROCESSED] == []
        call.handled = record

    def ended(self, call: Call, by: bool, end: Any) -> None:
        """A caller is told what came of its call: it must be what its handler gave, or have a reason."""
        assert call.by is by
        assert call.is_waited_for, "who gave up is told nothing"
        call.told.append(end)
        assert len(call.told) == 1, "a call ends once"
        if not isinstance(end, Error):
            assert end == call.answer
        elif end.code is Code.NOT_FOUND:
            assert isinstance(call.answer, Error)
            assert end.message == call.answer.message
        elif end.processed is Processed.NOT_PROCESSED:
            assert call.handled is None, "what was said not to have run has run"
            last = self.sides[not by].last_taken
            match end.code:
                case Code.CANCELLED:
                    assert call.is_stopped
                case Code.DEADLINE_EXCEEDED:
                    assert call.timeout == 0
                case _:
                    assert end.code is Code.UNAVAILABLE
                    assert self.is_lost or (last is not None and call.record.id > last)
        else:
            assert (end.code, end.processed) == (Code.UNAVAILABLE, Processed.UNKNOWN)
            assert self.is_lost

    def check(self) -> None:
        """What holds at any time."""
        for by, side in self.sides.items():
            session, budget = side.session, self.budgets[by]
            assert session.caller.free_slots >= 0
            assert budget.calls == len(session.callee.calls)
            waiting = {call.record.id for call in self.callers(by)}
            assert waiting <= session.caller.calls.keys(), "what is waited for is in the table"
            running = {call.record.id for call in self.handlers(by) if not self.is_lost}
            assert running <= session.callee.calls.keys()
            assert len(running) <= LIMITS.max_calls
            for record in session.callee.calls.values():
                assert record.held <= max(SIZES) + LIMITS.window + max(ITEM_SIZES) + 64 * LIMITS.window
            for untaken in side.untaken:
                assert untaken[1] > 0

    def judge(self) -> None:
        """What holds when all is over."""
        for call in self.calls.values():
            assert len(call.told) == call.is_waited_for, f"{call.record} ended with {call.told}"
        for by, side in self.sides.items():
            assert side.session.is_idle
            assert self.budgets[by].calls == 0
            if self.is_lost:
                assert (self.budgets[by].bytes, side.session.share.held) == (0, 0)
            else:
                assert side.session.queued == 0
                assert not side.pings
                assert side.notes_got == self.sides[not by].notes_sent
                for call in self.calls.values():
                    if call.by is by and call.told and call.told[0] == call.answer and not call.is_stopped:
                        assert call.got[False] == call.sent[False], "items come before the end of their call"
