"""Two sessions and all that their applications may do, in any order, beside a simple model of what must come of it.

The model (`tests.stateful_model`) knows what each side has asked, answered and been told, and nothing of frames; those
are seen by a witness (`tests.stateful_wire`). The bytes between the two are cut anywhere, and so are the wires.

``FUZZ=long pytest tests/test_stateful_session.py`` tries much more, and new things each time.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rpc.errors import NotFound, Processed, Unavailable
from rpc.wire.frames import Flag
from tests.fuzz.amounts import LONG
from tests.pairs import LIMITS
from tests.stateful_model import CONTEXT, ITEM_SIZES, SIZES, Call, Model
from tests.stateful_wire import Witness

KINDS = (0, 0, int(Flag.SENDS), int(Flag.TAKES), Flag.SENDS | Flag.TAKES)

SIDES = st.booleans()
PICKS = st.integers(0, 2**16)
SELDOM = st.sampled_from([False] * 7 + [True])


class Talk(Model, RuleBasedStateMachine):
    """What both applications, the wires and chance do."""

    @initialize()
    def connect(self) -> None:
        self.begin()
        self.witness = Witness(LIMITS.window, LIMITS.max_calls)
        for by in (True, False, True, False):
            self.move(by)
        for by in (True, False):
            self.call(by, 10, Flag.SENDS | Flag.TAKES, None)
            self.enter(by)
            self.move(by)

    @precondition(lambda self: not self.is_lost)
    @rule()
    def exchange(self) -> None:
        """All that either side has to say arrives, and handlers of contexts give their value."""
        for by in (True, False):
            self.move(by)
        for by in (True, False):
            for call in self.handlers(by):
                if call.record.method == CONTEXT and not call.sent[False] and not call.is_cancelled:
                    self.send(call, by, self.content(10))

    # --- Calls ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.is_lost)
    @rule(
        by=SIDES, size=st.sampled_from(SIZES), kind=st.sampled_from(KINDS), timeout=st.sampled_from([None, None, 0, 9])
    )
    def call(self, by: bool, size: int, kind: int, timeout: int | None, method: str = "a.b") -> None:
        caller = self.sides[by].session.caller
        if caller.free_slots <= 0:
            return
        arguments = self.content(size)
        try:
            record = caller.call(method, arguments, flags=kind, timeout=timeout)
        except Unavailable as error:
            refusal = error
        else:
            assert record.id not in self.calls
            self.calls[record.id] = Call(by, record, arguments, timeout)
            return
        assert refusal.processed is Processed.NOT_PROCESSED
        assert self.sides[not by].last_taken is not None, refusal

    @precondition(lambda self: not self.is_lost)
    @rule(by=SIDES)
    def enter(self, by: bool) -> None:
        """Call a context; its handler gives one value."""
        self.call(by, 10, Flag.SENDS | Flag.TAKES, None, CONTEXT)

    @precondition(lambda self: self.entered(True) or self.entered(False))
    @rule(by=SIDES, pick=PICKS, has_failed=st.booleans())
    def leave(self, by: bool, pick: int, has_failed: bool) -> None:
        """Leave a context that was entered, in order or with what its block raised."""
        entered = self.entered(by)
        if entered:
            call = entered[pick % len(entered)]
            if has_failed and not call.has_ended:
                self.send(call, by, self.content(10), end=True)
            else:
                self.sides[by].session.caller.end_items(call.record)
            call.has_ended = True

    @precondition(lambda self: self.handlers(True) or self.handlers(False))
    @rule(of=SIDES, pick=PICKS, size=st.sampled_from(SIZES))
    def reply(self, of: bool, pick: int, size: int) -> None:
        handlers = self.handlers(of)
        if handlers:
            call = handlers[pick % len(handlers)]
            call.answer = self.content(size)
            assert call.handled is not None
            self.sides[of].session.callee.reply(call.handled, call.answer)

    @precondition(lambda self: self.handlers(True) or self.handlers(False))
    @rule(of=SIDES, pick=PICKS)
    def fail(self, of: bool, pick: int) -> None:
        handlers = self.handlers(of)
        if handlers:
            call = handlers[pick % len(handlers)]
            call.answer = NotFound(f"no such key: {self.content(4)!r}")
            assert call.handled is not None
            self.sides[of].session.callee.fail(call.handled, call.answer)

    @rule(by=SIDES, pick=PICKS)
    def cancel(self, by: bool, pick: int) -> None:
        """Give a call up; what is over already may be given up too."""
        mine = [call for call in self.calls.values() if call.by is by]
        if mine:
            call = mine[pick % len(mine)]
            call.is_waited_for = call.is_waited_for and bool(call.told)
            self.sides[by].session.caller.cancel(call.record)

    @rule(by=SIDES, pick=PICKS)
    def stop(self, by: bool, pick: int) -> None:
        """Cancel a call, and wait for its end."""
        mine = self.callers(by)
        if mine:
            call = mine[pick % len(mine)]
            call.is_stopped = True
            call.is_waited_for = self.sides[by].session.caller.stop(call.record)

    # --- Items -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.able(True) or self.able(False))
    @rule(by=SIDES, pick=PICKS, sizes=st.lists(st.sampled_from(ITEM_SIZES), min_size=1, max_size=4))
    def send_items(self, by: bool, pick: int, sizes: list[int]) -> None:
        for size in sizes:
            able = self.able(by)
            if able:
                self.send(able[pick % len(able)], by, self.content(size))

    @rule(by=SIDES, pick=PICKS)
    def end_items(self, by: bool, pick: int) -> None:
        senders = [
            call for call in self.callers(by) if call.record.flags & Flag.SENDS and call.record.method != CONTEXT
        ]
        if senders:
            call = senders[pick % len(senders)]
            call.has_ended = True
            self.sides[by].session.caller.end_items(call.record)

    @precondition(lambda self: any(side.untaken for side in self.sides.values()))
    @rule(by=SIDES, count=st.integers(1, 5))
    def consume(self, by: bool, count: int) -> None:
        side = self.sides[by]
        for _ in range(min(count, len(side.untaken))):
            record, size = side.untaken.pop(0)
            side.session.consumed(record, size)

    # --- The rest --------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.is_lost)
    @rule(by=SIDES, size=st.sampled_from(SIZES[:4]))
    def notify(self, by: bool, size: int) -> None:
        note = self.content(size)
        self.sides[by].session.notify("a.note", note)
        self.sides[by].notes_sent.append(note)

    @precondition(lambda self: not self.is_lost)
    @rule(by=SIDES)
    def ping(self, by: bool) -> None:
        self.number += 1
        self.sides[by].session.ping(self.number)
        self.sides[by].pings.append(self.number)

    @precondition(lambda self: not self.is_lost)
    @rule(by=SIDES, last=st.booleans(), chance=SELDOM)
    def drain(self, by: bool, last: bool, chance: bool) -> None:
        """Seldom: it is the end of all calls toward this side."""
        if chance:
            side = self.sides[by]
            side.session.drain(last=last, text="stopping")
            if side.last_taken is None or last:
                side.last_taken = side.session.callee.last_taken if last else 2**53

    # --- Bytes -----------------------------------------------------------------------------------------------------

    @rule(by=SIDES, share=st.sampled_from([0.1, 0.5, 1.0]))
    def write(self, by: bool, share: float) -> None:
        """The transport takes some of what a session has to say, or the rest of it."""
        side = self.sides[by]
        if side.batch is None:
            if self.is_lost or not side.session.has_output:
                return
            batch = [bytes(buffer) for buffer in side.session.take()]
            self.witness.wrote(by, batch)
            side.batch = b"".join(batch)
        count = max(1, int(len(side.batch) * share))
        side.wire += side.batch[:count]
        side.batch = side.batch[count:]
        side.session.stalled(len(side.batch))
        if not side.batch:
            side.batch = None
            side.session.sent()

    @rule(by=SIDES, count=st.integers(1, 64) | st.integers(1, 200_000))
    def deliver(self, by: bool, count: int) -> None:
        """So many bytes that one side has written arrive at the other."""
        sender = self.sides[by]
        data, sender.wire = sender.wire[:count], sender.wire[count:]
        self.witness.heard(not by, data)
        session = self.sides[not by].session
        while data:
            room = session.want()
            if room is None:
                events, data = session.receive(data), b""
            else:
                size = min(len(room), len(data))
                room[:size] = data[:size]
                events, data = session.filled(size), data[size:]
            self.take(not by, events)

    @precondition(lambda self: not self.is_lost)
    @rule(by=SIDES)
    def move(self, by: bool) -> None:
        """All that a side has to say arrives."""
        while self.sides[by].batch or self.sides[by].session.has_output:
            self.write(by, 1.0)
        self.deliver(by, 10**9)

    @precondition(lambda self: not self.is_lost)
    @rule(chance=SELDOM, share=st.floats(0, 1))
    def drop(self, chance: bool, share: float) -> None:
        """The wires are cut, seldom; of what is on them something may arrive. Another connection follows."""
        if chance:
            for by in (True, False):
                self.deliver(by, int(len(self.sides[by].wire) * share))
            self.is_lost = True
            for by in (True, False):
                self.take(by, self.sides[by].session.lost("cable cut"))
            self.judge()
            self.connect()

    @invariant()
    def tables_are_right(self) -> None:
        self.check()

    def teardown(self) -> None:
        """Bring all bytes, take all items, answer all calls: then every call has ended, and nothing is left."""
        if self.is_lost:
            return  # what cut the wires has failed, and tells of it
        self.settle()
        while any(self.handlers(by) for by in self.sides):
            for by in self.sides:
                while self.handlers(by):
                    self.reply(by, 0, 40)
            self.settle()
        self.judge()

    def settle(self) -> None:
        sides = self.sides
        while any(side.session.has_output or side.batch or side.wire for side in sides.values()):
            for by in sides:
                self.consume(by, 10**6)
                self.move(by)


AMOUNTS = settings(
    max_examples=2000 if LONG else 100,
    stateful_step_count=100 if LONG else 50,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def test_whatever_two_sides_do_comes_out_as_the_model_says() -> None:
    run_state_machine_as_test(Talk, settings=AMOUNTS)
