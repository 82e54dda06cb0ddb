"""An acceptor under test: pings, notifications, its own calls, and GOAWAY in both directions."""

from __future__ import annotations

from tests.conformance.case import (
    PULSE,
    TOO_MANY,
    Case,
    answered,
    broken,
    called,
    case,
    do,
    ended,
    failed,
    going_away,
    hears,
    told,
)
from tests.conformance.cbor import UNDEFINED, mapping, octets, text, uint
from tests.conformance.frames import (
    HELLO,
    MORE,
    args,
    call,
    cancel,
    data,
    error,
    error_map,
    goaway,
    named,
    notify,
    ping,
    pong,
    reply,
)

__all__ = ["CASES"]

ECHO, IT_IS_FIVE = call(1, "echo", args(uint(5))), reply(1, uint(5))
WAIT = call(1, "wait", args(text("w")))


def observe(value: int) -> bytes:
    return notify("observe", named(args(uint(value))))


def observed(value: int) -> bytes:
    return notify("observed", named(args(uint(value))))


PINGS = [
    case("S310", 6, "It answers a PING with its token.", HELLO, ping(0), ping(2**64 - 1),
         answered(pong(0), pong(2**64 - 1))),
    case("S311", 6, "It ignores a PONG that it has not asked for.", HELLO, pong(7), ECHO, answered(IT_IS_FIVE)),
    case("S312", 6, "It answers thirty PINGs at once.", HELLO, *map(ping, range(30)), answered(*map(pong, range(30)))),
    case("S313", 6, "It ends a connection that pings without end.", HELLO, b"".join(map(ping, range(200))),
         broken(TOO_MANY, behind=(9,))),
]  # fmt: skip

NOTIFIES = [
    case("S314", 6, "A notification reaches its handler, and has no answer of its own.", HELLO, observe(5),
         answered(observed(5))),
    case("S315", 6, "Notifications run in the order in which they came.", HELLO, *map(observe, range(20)),
         answered(*map(observed, range(20)))),
    case("S316", 6, "A notification to nobody is dropped.", HELLO, notify("nothing", named()), observe(5),
         answered(observed(5))),
    case("S317", 6, "A notification to a method is dropped, and does not run it.", HELLO,
         notify("wait", named(args(text("w")))), observe(5), answered(observed(5))),
    case("S318", 6, "A notification whose payload breaks the profile is dropped.", HELLO,
         notify("observe", UNDEFINED), notify("observe", b""), observe(5), answered(observed(5))),
    case("S319", 6, "A notification whose arguments do not fit, or have no names beside them, is dropped.", HELLO,
         notify("observe", named(args(text("five")))), notify("observe", args(uint(5))), observe(5),
         answered(observed(5))),
    case("S320", 3, "Metadata of a notification are taken.", HELLO,
         notify("observe", named(args(uint(5))), mapping((text("a"), uint(1)), (uint(6), text("x")))),
         answered(observed(5))),
]  # fmt: skip

ASK = call(1, "ask", args(uint(5)))
ASKED = call(2, "answer", args(uint(5)))
LARGE = octets(bytes(20_000))

BACK = [
    case("S321", 4, "It calls its caller: its first id is 2.", HELLO, ASK, hears(ASKED), reply(2, uint(7)),
         hears(reply(1, uint(7)))),
    case("S322", 4, "Its ids rise, and answers to it may come in any order.", HELLO, ASK, hears(ASKED),
         call(3, "ask", args(uint(6))), hears(call(4, "answer", args(uint(6)))), reply(4, uint(8)), reply(2, uint(7)),
         hears(reply(1, uint(7)), reply(3, uint(8)), any_order=True)),
    case("S323", 5, "An error of a call of its own, that its handler lets escape, is UNKNOWN and promises nothing.",
         HELLO, ASK, hears(ASKED), error(2, error_map(5, "gone", (2, uint(1)))), hears(failed(1, 2, 0))),
    case("S324", 4, "It joins a REPLY in fragments.", HELLO, ASK, hears(ASKED), reply(2, LARGE[:5000], MORE),
         data(2, LARGE[5000:9096], MORE), data(2, LARGE[9096:]), hears(failed(1, 8, 2))),
    case("S337", 4, "A call of its own has no more time than the call that it serves.", HELLO,
         call(1, "ask", args(uint(5)), timeout=uint(60_000)),
         hears(called(2, "answer", 0, args(uint(5)), timeout=range(30_000, 60_001))), reply(2, uint(7)),
         hears(reply(1, uint(7)))),
    case("S325", 4, "It refuses a second REPLY.", HELLO, ASK, hears(ASKED), reply(2, uint(7)),
         hears(reply(1, uint(7))), reply(2, uint(7)), broken(last_id=1)),
    case("S326", 4, "It refuses an item on a call of its own that takes none.", HELLO, ASK, hears(ASKED),
         data(2, uint(7)), broken(last_id=1)),
    case("S327", 5, "A result that it cannot decode fails its call alone.", HELLO, ASK, hears(ASKED),
         reply(2, UNDEFINED), hears(failed(1, 2, 0)), call(3, "echo", args(uint(5))), hears(reply(3, uint(5)))),
    case("S328", 4, "A handler that is cancelled cancels what it has called.", HELLO, ASK, hears(ASKED), cancel(1),
         hears(cancel(2), failed(1, 1, 0), any_order=True), error(2, error_map(1))),
    case("S329", 6, "It opens no call to a peer that said GOAWAY, and serves it as before.", HELLO, goaway(None), ASK,
         hears(failed(1, 2, 0)), call(3, "echo", args(uint(5))), answered(reply(3, uint(5)))),
    case("S330", 6, "A call of its own above the peer's last id has failed.", HELLO, ASK, hears(ASKED), goaway(0),
         hears(failed(1, 2, 0)), error(2, error_map(14, "closing", (2, uint(1))))),
]  # fmt: skip

GOAWAYS = [
    case("S331", 6, "It takes a GOAWAY for a reason that it does not know.", HELLO, goaway(None, 2**64 - 1, "why?"),
         ECHO, answered(IT_IS_FIVE)),
    case("S332", 6, "A last id may be named again, and fall.", HELLO, goaway(8), goaway(8), goaway(2), ECHO,
         answered(IT_IS_FIVE)),
    case("S333", 6, "It refuses a last id that rises.", HELLO, goaway(2), goaway(4), broken()),
    case("S334", 6, "It refuses a last id that rises from 0.", HELLO, goaway(0), goaway(2), broken()),
]  # fmt: skip

DRAINS = [
    case("S335", 6, "A server that stops says GOAWAY(null), and after a round trip its last id; then it closes.",
         HELLO, ECHO, hears(IT_IS_FIVE), do("stop", "draining"), hears(going_away(None)), PULSE,
         hears(going_away(1)), ended(), told("draining", "stopped"), under="draining"),
    case("S336", 6, "A call that crosses the first GOAWAY is served, one above its last id is refused unprocessed.",
         HELLO, WAIT, told("w", "started"), do("stop", "draining"), hears(going_away(None)),
         call(3, "echo", args(uint(5))), PULSE, hears(reply(3, uint(5)), going_away(3)), call(5, "echo"),
         hears(failed(5, 14, 1)), cancel(1), hears(failed(1, 1, 0)), ended(), told("draining", "stopped"),
         under="draining"),
]  # fmt: skip

CASES: list[Case] = [*PINGS, *NOTIFIES, *BACK, *GOAWAYS, *DRAINS]
