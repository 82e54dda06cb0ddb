"""Two sessions that talk to each other as a list of actions says, over a wire that can be cut anywhere.

The applications here are honest: what they do is what the rules allow, so nothing may break. What is chosen (which
call, how large, how many bytes) comes from the number of an action, so that a list of actions is a conversation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Any

from rpc.errors import Code, Error, NotFound, Processed, Unavailable
from rpc.session.calls import Incoming, Outgoing, Record
from rpc.session.events import Event, Events
from rpc.session.session import Session
from rpc.session.states import State
from rpc.wire.frames import Flag
from rpc.wire.gathering import Gathered
from tests.pairs import LIMITS, brief, single

__all__ = ["ACTIONS", "Conversation"]

Action = tuple[str, bool, int]
"""What is done, whether the connector does it, and a number that says which and how much."""

SIZES = (1, 10, 4096, 4097, 16_384, 20_000, 40_000, 100_000)
ITEM_SIZES = (1, 5_000, 30_000, 70_000)


def chosen(number: int, among: Any) -> Any:
    return among[number % len(among)]


def content(number: int, size: int) -> bytes:
    """A payload that is told from others."""
    return (number.to_bytes(4, "big") * (size // 4 + 1))[:size]


class Side:
    """One of the two: a session, what its application knows, and the bytes on their way to the other side.

    Attributes:
        incoming: calls whose handlers run.
        outgoing: calls whose end this side waits for.
        seen: ids of the calls that a handler has seen.
        cancelled: ids of those that were cancelled.
        ends: what each call of this side ended with, by id.
        given_up: ids of the calls whose end nobody waits for.
        told: all that has happened here.
    """

    def __init__(self, *, is_connector: bool) -> None:
        self.session = Session(is_connector=is_connector, limits=LIMITS)
        self.batch = b""
        self.is_writing = False
        self.wire = b""
        self.incoming: list[Incoming] = []
        self.outgoing: list[Outgoing] = []
        self.arrived: list[tuple[Record, int]] = []
        self.seen: set[int] = set()
        self.cancelled: set[int] = set()
        self.ends: dict[int, list[Any]] = defaultdict(list)
        self.given_up: set[int] = set()
        self.told: list[tuple[Any, ...]] = []
        self.sent_items: dict[int, list[bytes]] = defaultdict(list)
        self.got_items: dict[int, list[bytes]] = defaultdict(list)
        self.arguments: dict[int, bytes] = {}
        self.results: dict[int, bytes] = {}


class Conversation:
    """A connector, an acceptor and the wires between them.

    Args:
        cuts: the sizes of the pieces in which bytes are brought to a session, over and over.
    """

    def __init__(self, cuts: Iterable[int] = (10**9,)) -> None:
        self.connector = Side(is_connector=True)
        self.acceptor = Side(is_connector=False)
        self._cuts = cycle(cuts)
        for side in (self.connector, self.acceptor):
            self._move(side, 0)

    def run(self, actions: Iterable[Action]) -> None:
        """Do one action after the other, and look after each whether all is well."""
        for name, is_connectors, number in actions:
            ACTIONS[name](self, self.connector if is_connectors else self.acceptor, number)
            self.check()

    def check(self) -> None:
        """What holds at any time."""
        for side in (self.connector, self.acceptor):
            assert len(side.incoming) <= LIMITS.max_calls
            assert side.session.caller.free_slots >= 0
            calls: list[Record] = [*side.session.caller.calls.values(), *side.session.callee.calls.values()]
            for record in calls:
                if record.items_in is not None:
                    window = record.items_in
                    assert 0 <= window.consumed <= window.received
                    assert window.consumed <= window.granted <= window.consumed + LIMITS.window
                    assert window.received - window.consumed <= LIMITS.window + max(ITEM_SIZES)
                if record.items_out is not None:
                    assert record.items_out.sent < record.items_out.total + max(ITEM_SIZES)

    def finish(self) -> None:
        """Bring all bytes, take all items, answer all calls, until there is nothing left to do."""
        sides = (self.connector, self.acceptor)
        self._settle()
        while any(side.incoming for side in sides):
            for side in sides:
                self._reply_all(side, 0)
            self._settle()
        for side in sides:
            assert side.session.is_idle
            assert side.session.queued == 0
            for record in side.outgoing:
                assert record.state is State.ENDED
        self.check_ends()

    def _settle(self) -> None:
        sides = (self.connector, self.acceptor)
        while any(side.session.has_output or side.is_writing or side.wire for side in sides):
            for side in sides:
                self._move(side, 0)
                while side.arrived:
                    self._consume(side, 0)
            self.check()

    def lose(self) -> None:
        """Cut the wires."""
        for side in (self.connector, self.acceptor):
            self._take_events(side, side.session.lost("cable cut"))
            assert side.told[-1][1] is Event.ENDED
            assert side.session.is_idle
        self.check_ends()

    def check_ends(self) -> None:
        """What holds at the end: every call has ended once, and what was promised about it is true."""
        for side in (self.connector, self.acceptor):
            other = self.other(side)
            for id in side.arguments:
                ends = side.ends[id]
                assert len(ends) == (0 if id in side.given_up else 1), f"call {id} ended with {ends}"
                for end in ends:
                    if isinstance(end, bytes | Gathered):
                        assert end == other.results[id]
                    elif end.processed is Processed.NOT_PROCESSED:
                        assert id not in other.seen
            for id, items in side.got_items.items():
                assert items == other.sent_items[id][: len(items)]

    def other(self, side: Side) -> Side:
        return self.acceptor if side is self.connector else self.connector

    # --- Calls -----------------------------------------------------------------------------------------------------

    def _call(self, side: Side, number: int) -> None:
        caller = side.session.caller
        arguments = content(number, chosen(number, SIZES))
        flags = int(number & (Flag.SENDS | Flag.TAKES))
        timeout = chosen(number // 8, (None, 0, 1000, 2**53))
        if caller.free_slots:
            try:
                record = caller.call("a.b", arguments, flags=flags, timeout=timeout)
            except Unavailable:
                return  # the other side drains
            side.outgoing.append(record)
            side.arguments[record.id] = arguments

    def _call_more(self, side: Side, number: int) -> None:
        """As many plain calls as the other side takes, none of them large."""
        for more in range(side.session.caller.free_slots):
            self._call(side, (number + more) % 5)

    def _reply(self, side: Side, number: int) -> None:
        if side.incoming:
            record = side.incoming.pop(number % len(side.incoming))
            result = side.results[record.id] = content(number + 1, chosen(number, SIZES))
            side.session.callee.reply(record, result)

    def _reply_all(self, side: Side, number: int) -> None:
        while side.incoming:
            self._reply(side, number)

    def _fail(self, side: Side, number: int) -> None:
        if side.incoming:
            record = side.incoming.pop(number % len(side.incoming))
            side.session.callee.fail(record, NotFound("no such key"))

    def _cancel(self, side: Side, number: int) -> None:
        if side.outgoing:
            record = chosen(number, side.outgoing)
            if record.id not in side.ends:
                side.given_up.add(record.id)
            side.session.caller.cancel(record)

    def _stop(self, side: Side, number: int) -> None:
        running = [record for record in side.outgoing if record.id not in side.given_up and record.id not in side.ends]
        if running:
            record = chosen(number, running)
            if not side.session.caller.stop(record):
                side.given_up.add(record.id)

    # --- Items -----------------------------------------------------------------------------------------------------

    def _send_item(self, side: Side, number: int) -> None:
        calls: list[Any] = [*side.outgoing, *side.incoming]
        open_calls = [record for record in calls if record.items_out is not None and record.items_out.is_open]
        if open_calls:
            record = chosen(number, open_calls)
            item = content(number, chosen(number // 4, ITEM_SIZES))
            half: Any = side.session.caller if isinstance(record, Outgoing) else side.session.callee
            allowance: Any = record.items_out
            before = allowance.sent
            half.send_item(record, item)
            if allowance.sent > before:
                side.sent_items[record.id].append(item)

    def _end_items(self, side: Side, number: int) -> None:
        if side.outgoing:
            side.session.caller.end_items(chosen(number, side.outgoing))

    def _consume(self, side: Side, number: int) -> None:
        if side.arrived:
            record, size = side.arrived.pop(0)
            side.session.consumed(record, size)

    # --- The rest --------------------------------------------------------------------------------------------------

    def _notify(self, side: Side, number: int) -> None:
        side.session.notify("a.b", content(number, chosen(number, SIZES[:4])))

    def _ping(self, side: Side, number: int) -> None:
        side.session.ping(number)

    def _drain(self, side: Side, number: int) -> None:
        if number % 32 < 2:  # seldom: it ends all calls toward this side
            side.session.drain(last=bool(number % 2), text="stopping")

    # --- Bytes -----------------------------------------------------------------------------------------------------

    def _write(self, side: Side, number: int) -> None:
        """The transport takes some of what the session has to say, or the rest of it."""
        if not side.is_writing:
            if not side.session.has_output:
                return
            side.batch = b"".join(side.session.take())
            side.is_writing = True
        count = number % (len(side.batch) + 1) if number % 4 else len(side.batch)
        side.wire += side.batch[:count]
        side.batch = side.batch[count:]
        if not side.batch:
            side.is_writing = False
            side.session.sent()

    def _deliver(self, side: Side, number: int) -> None:
        """Some of what is on the wire arrives at the other side, or all of it."""
        count = number % (len(side.wire) + 1) if number % 2 else len(side.wire)
        stream, side.wire = side.wire[:count], side.wire[count:]
        other = self.other(side)
        self._take_events(other, self._receive(other.session, stream))

    def _move(self, side: Side, number: int) -> None:
        """All that a side has to say arrives."""
        while side.is_writing or side.session.has_output:
            self._write(side, 0)
        self._deliver(side, 0)

    def _receive(self, session: Session, stream: bytes) -> Events:
        events: Events = []
        while stream:
            room, size = session.want(), next(self._cuts)
            if room is None:
                events += session.receive(stream[:size])
            else:
                size = min(size, len(room), len(stream))
                room[:size] = stream[:size]
                events += session.filled(size)
            stream = stream[size:]
        return single(events)

    # --- What happens ----------------------------------------------------------------------------------------------

    def _take_events(self, side: Side, events: Events) -> None:
        side.told += [(side is self.connector, *happening) for happening in brief(events)]
        for event, record, value in events:
            match event:
                case Event.CALL:
                    assert record.payload == self.other(side).arguments[record.id]
                    assert record.id not in side.seen
                    side.seen.add(record.id)
                    side.incoming.append(record)
                case Event.REPLY | Event.ERROR:
                    assert not isinstance(value, Error) or value.code is not Code.RESOURCE_EXHAUSTED
                    side.ends[record.id].append(value)
                case Event.ITEM:
                    assert record.id not in side.cancelled
                    side.arrived.append((record, len(value)))
                    side.got_items[record.id].append(value)
                case Event.ITEMS_END:
                    assert record.id not in side.cancelled
                case Event.CREDIT:
                    assert record.id not in side.cancelled
                    assert record.items_out.is_open
                case Event.CANCEL:
                    assert record.id not in side.cancelled
                    side.cancelled.add(record.id)
                case Event.PING:
                    side.session.pong(value)
                case Event.BROKEN:
                    raise AssertionError(f"an honest peer broke the connection: {value}")
                case _:
                    pass


ACTIONS: dict[str, Callable[[Conversation, Side, int], None]] = {
    "call": Conversation._call,
    "call more": Conversation._call_more,
    "reply": Conversation._reply,
    "reply all": Conversation._reply_all,
    "fail": Conversation._fail,
    "cancel": Conversation._cancel,
    "stop": Conversation._stop,
    "send item": Conversation._send_item,
    "end items": Conversation._end_items,
    "consume": Conversation._consume,
    "notify": Conversation._notify,
    "ping": Conversation._ping,
    "drain": Conversation._drain,
    "write": Conversation._write,
    "deliver": Conversation._deliver,
    "move": Conversation._move,
}
