"""A session under fire, with an application that does what applications do, on calls that are open or over."""

from __future__ import annotations

import random
import sys

from rpc.errors import NotFound, Unavailable
from rpc.limits import Limits
from rpc.session.budget import Budget
from rpc.session.calls import Incoming, Outgoing, Record
from rpc.session.events import Event, Events
from rpc.session.session import Session
from rpc.session.states import State
from rpc.wire import frames
from rpc.wire.frames import Flag, Frame
from rpc.wire.payload import decode
from tests.fuzz.material import fitting_frame
from tests.pairs import single, write
from tests.raw_peer import HELLO

__all__ = ["Victim", "blocks"]

LIMITS = Limits(max_frame=65_536, max_message=200_000, max_calls=16, window=65_536)


def blocks() -> int:
    """What this process holds of small memory."""
    return sys.getallocatedblocks()


class Victim:
    """One session, and the calls it knows of.

    Attributes:
        budget: shared by all victims of one test: what they hold must be given back.
        session: it.
    """

    def __init__(self, budget: Budget, *, is_connector: bool, greeted: bool) -> None:
        self.budget = budget
        self.session = Session(is_connector=is_connector, limits=LIMITS, budget=budget)
        self._first_id = 2 if is_connector else 1
        self._incoming: list[Incoming] = []
        self._outgoing: list[Outgoing] = []
        if greeted:
            self.receive(HELLO)
            for flags in (0, Flag.TAKES, Flag.SENDS | Flag.TAKES):
                self._outgoing.append(self.session.caller.call("a.b", b"\x80", flags=int(flags)))
        write(self.session)

    def receive(self, data: bytes) -> None:
        """Take bytes, as a connection does: large bodies go straight to where the session wants them."""
        while data:
            room = self.session.want()
            if room is None:
                self._act(self.session.receive(data))
                return
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self._act(self.session.filled(count))
            data = data[count:]

    def _act(self, events: Events) -> None:
        broken = [event for event, *_ in events if event is Event.BROKEN]
        assert len(broken) <= 1
        assert not broken or events[-1][0] is Event.BROKEN, "a broken peer is the last event"
        for event, record, value in single(events):
            if event is Event.CALL:
                self._incoming.append(record)
                _try_decoding(bytes(record.payload))
            elif event in (Event.ITEM, Event.REPLY):
                _try_decoding(bytes(value))
                if event is Event.ITEM:
                    self.session.consumed(record, len(value))
            elif event is Event.PING:
                self.session.pong(value)

    def fitting(self, chance: random.Random) -> bytes:
        """A frame that the peer might send now."""
        called, answered = self.session.callee.calls, self.session.caller.calls
        next_id = self.session.callee.last_id + 2 if self.session.callee.last_id else self._first_id
        streams = [id for calls in (called, answered) for id, record in calls.items() if record.items_in is not None]
        return fitting_frame(chance, next_id, list(called), list(answered), streams)

    def use(self, chance: random.Random) -> None:
        """What the application does between two reads: a little of everything."""
        session, load = self.session, bytes(chance.choice((0, 1, 300, 5000)))
        match chance.randrange(6):
            case 0:
                flags = chance.choice((0, Flag.SENDS, Flag.TAKES))
                try:
                    if session.caller.free_slots > 0:
                        self._outgoing.append(session.caller.call("a.b", load, flags=int(flags)))
                except Unavailable:
                    pass
            case 1 if self._outgoing:
                session.caller.cancel(chance.choice(self._outgoing))
            case 2 if self._incoming:
                session.callee.reply(chance.choice(self._incoming), load)
            case 3 if self._incoming:
                session.callee.fail(chance.choice(self._incoming), NotFound("no such key"))
            case 4 if self._outgoing:
                record = chance.choice(self._outgoing)
                if record.items_out is not None and record.items_out.is_open:
                    session.caller.send_item(record, load, end=not load)
            case _:
                write(session)

    def end(self) -> None:
        """The transport ends; the session's last words are in order, and nothing is left."""
        was_broken = not self.session.is_open and self.session.want() is None
        said = write(self.session)
        if was_broken and said:
            assert _kinds(said)[-1] in (Frame.GOAWAY, Frame.HELLO), "who is broken off is told why"
        self.session.lost("closed")
        assert self.session.is_idle
        assert not self.session.has_output
        assert self.session.share.held == 0
        known: list[Record] = [*self._incoming, *self._outgoing]
        assert {record.state for record in known} <= {State.ENDED}
        assert (self.budget.calls, self.budget.bytes) == (0, 0)


def _kinds(stream: bytes) -> list[int]:
    kinds: list[int] = []
    while stream:
        end = 4 + int.from_bytes(stream[:4], "big")
        body = stream[4:end]
        fields = None if body.startswith(b"\xd9\xd9\xf7") else frames.decode(body)
        kinds.append(Frame.HELLO if fields is None else fields[0])
        stream = stream[end:]
    return kinds


def _try_decoding(payload: bytes) -> None:
    try:
        decode(payload)
    except ValueError:
        pass  # of the library's own: it fails one call
