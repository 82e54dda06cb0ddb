"""Playing the conversations of the golden vectors against a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rpc.limits import Limits
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event, Events
from rpc.session.session import Session
from rpc.wire import frames
from rpc.wire.frames import Frame
from tests.pairs import single
from tests.vector_files import Vector, octets, value

__all__ = ["answer", "expected", "outcome"]

Happened = dict[str, list[Any]]
"""What happened to the side under test, under the keys of an expectation."""


class UnderTest:
    """A session, its transport, and an application that notes what happens and does only what it is told."""

    def __init__(self, vector: Vector) -> None:
        limits = Limits(**vector.get("limits", {}))
        self.session = Session(is_connector=vector["peer"] == "acceptor", limits=limits)
        self.happened: Happened = {}
        self.incoming: dict[int, Incoming] = {}
        self.outgoing: dict[int, Outgoing] = {}
        self.write()

    def receive(self, data: bytes) -> None:
        """Take what was read; a large frame straight into the place that the session offers."""
        while data:
            room = self.session.want()
            if room is None:
                self._take(self.session.receive(data))
                break
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self._take(self.session.filled(count))
            data = data[count:]
        written = self.write()
        while written:
            size = 4 + int.from_bytes(written[:4], "big")
            self._note("answers", answer(written[4:size]))
            written = written[size:]

    def do(self, step: Vector) -> None:
        """What the application does; what that writes is no answer to the peer."""
        match step["do"]:
            case "call":
                call = self.session.caller.call("a.b", b"\x80", flags=step["flags"])
                assert call.id == step["id"]
                self.outgoing[call.id] = call
            case "cancel":
                self.session.caller.cancel(self.outgoing[step["id"]])
            case "reply":
                self.session.callee.reply(self.incoming[step["id"]], octets(step["payload"]))
            case "goaway":
                self.session.drain(last=step["last_id"] is not None)
            case "end of stream":
                self._take(self.session.lost("the peer closed the connection"))
        self.write()

    def write(self) -> bytes:
        """All that is queued, as if the transport had taken it."""
        written = b""
        while self.session.has_output:
            written += b"".join(self.session.take())
            self.session.sent()
        return written

    def _note(self, key: str, entry: Any) -> None:
        self.happened.setdefault(key, []).append(entry)

    def _take(self, events: Events) -> None:
        for event, record, content in single(events):
            match event:
                case Event.CALL:
                    self.incoming[record.id] = record
                    self._note("calls", (record.id, bytes(record.payload)))
                case Event.CANCEL:
                    self._note("cancelled", record.id)
                case Event.REPLY:
                    self._note("results", (record.id, bytes(content)))
                case Event.ERROR:
                    self._note("failures", (record.id, int(content.code), int(content.processed)))
                case Event.ITEM:
                    self._note("items", (record.id, bytes(content)))
                case Event.ITEMS_END:
                    self._note("ends", record.id)
                case Event.NOTIFY:
                    self._note("notified", content[0])
                case Event.PING:
                    self.session.pong(content)
                case _:
                    pass


def answer(body: bytes) -> Vector:
    """A frame that was written, in the form of an expectation."""
    fields = frames.decode(body)
    assert fields is not None
    match fields:
        case [Frame.ERROR, id, error]:
            return {"type": "ERROR", "id": id, "code": error[0], "processed": error.get(2, 0)}
        case [Frame.CANCEL, id]:
            return {"type": "CANCEL", "id": id}
        case [Frame.PONG, token]:
            return {"type": "PONG", "token": token}
        case [Frame.GOAWAY, last_id, reason, text]:
            return {"type": "GOAWAY", "last_id": last_id, "reason": reason, "text": text}
        case [kind, *rest]:
            return {"type": Frame(kind).name, "fields": rest}
        case _:
            raise AssertionError(fields)


def expected(expectation: Vector) -> Happened:
    """What an expectation says, in the form of what happens."""
    return {key: [_ENTRIES.get(key, value)(entry) for entry in listed] for key, listed in expectation.items()}


def _payload_entry(entry: list[Any]) -> tuple[int, bytes]:
    return entry[0], octets(entry[1])


_ENTRIES: dict[str, Callable[[Any], Any]] = {
    "answers": lambda frame: {key: value(field) for key, field in frame.items()},
    "calls": _payload_entry,
    "items": _payload_entry,
    "results": _payload_entry,
    "failures": tuple,
}


# --- Ways to cut the peer's bytes into reads ---------------------------------------------------------------------

Cut = Callable[[list[bytes]], Iterator[bytes]]


def frame_by_frame(sent: list[bytes]) -> Iterator[bytes]:
    yield from sent


def in_small_pieces(sent: list[bytes]) -> Iterator[bytes]:
    """Byte by byte; what is large in pieces that end nowhere in particular."""
    for data in sent:
        size = 1 if len(data) < 2048 else 509
        yield from (data[at : at + size] for at in range(0, len(data), size))


def all_at_once(sent: list[bytes]) -> Iterator[bytes]:
    yield b"".join(sent)


def play(vector: Vector, cut: Cut) -> Happened:
    """What happens where the bytes between two `do` are cut in one of the ways."""
    under_test = UnderTest(vector)
    sent: list[bytes] = []
    for step in [*vector["steps"], {"do": "nothing more"}]:
        if "hex" in step:
            sent.append(octets(step["hex"]))
            continue
        for data in cut(sent):
            under_test.receive(data)
        sent = []
        under_test.do(step)
    return under_test.happened


def outcome(vector: Vector) -> Happened:
    """What happens, which does not depend on how the bytes are cut."""
    happened = play(vector, frame_by_frame)
    assert play(vector, in_small_pieces) == happened
    assert play(vector, all_at_once) == happened
    return happened
