"""A connector under test: GOAWAY, pings, and what it serves to its acceptor."""

from __future__ import annotations

from tests.conformance.case import (
    CREDIT,
    LEAVES,
    SIZE,
    TOO_MANY,
    Case,
    Step,
    answered,
    broken,
    case,
    do,
    ended,
    failed,
    hears,
    told,
)
from tests.conformance.cbor import NULL, UNDEFINED, array, mapping, octets, text, uint
from tests.conformance.frames import (
    END,
    HELLO,
    MORE,
    SENDS,
    TAKES,
    args,
    call,
    cancel,
    credit,
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

CONNECTED = told("client", "connected")
OPEN: list[Step] = [HELLO, CONNECTED]


def asks(name: str, value: int, id: int) -> list[Step]:
    return [do("call", name, method="suite.echo", arguments=[value]), hears(call(id, "echo", args(uint(value))))]


def fails(name: str, code: int, processed: int = 0) -> Step:
    return told(name, "error", code=code, processed=processed)


GOAWAYS = [
    case("C250", 6, "Calls that are open when GOAWAY(null) comes are served to their end.", *OPEN, *asks("a", 5, 1),
         goaway(None), reply(1, uint(6)), told("a", "result", value=6)),
    case("C251", 6, "It opens no call behind GOAWAY(null): where there is no other server, none was processed.", *OPEN,
         goaway(None), ping(1), hears(pong(1)), do("call", "a", method="suite.echo", arguments=[5]),
         fails("a", 14, 1)),
    case("C252", 6, "A call above the last id has failed, and was not processed; one below it is served.", *OPEN,
         *asks("a", 5, 1), *asks("b", 6, 3), goaway(1), fails("b", 14, 1), reply(1, uint(7)),
         told("a", "result", value=7), error(3, error_map(14, "closing", (2, uint(1))))),
    case("C253", 6, "GOAWAY(0) fails every call, unprocessed.", *OPEN, *asks("a", 5, 1), goaway(0), fails("a", 14, 1),
         error(1, error_map(14, "closing", (2, uint(1))))),
    case("C254", 6, "It refuses a last id that rises.", *OPEN, *asks("a", 5, 1), goaway(3), goaway(5), broken(),
         fails("a", 14)),
    case("C255", 6, "A GOAWAY for an error, and the end: a call at or below its last id may have run.", *OPEN,
         *asks("a", 5, 1), *asks("b", 6, 3), goaway(1, 2, "a fault"), LEAVES, ended(), fails("b", 14, 1),
         fails("a", 14, 0)),
    case("C256", 6, "It takes a GOAWAY for a reason that it does not know.", *OPEN, *asks("a", 5, 1),
         goaway(None, 2**64 - 1, "why?"), reply(1, uint(6)), told("a", "result", value=6)),
    case("C257", 6, "Who has said GOAWAY may still call.", *OPEN, goaway(None), call(2, "echo", args(uint(5))),
         answered(reply(2, uint(5)))),
]  # fmt: skip

PINGS = [
    case("C258", 6, "It answers a PING with its token.", *OPEN, ping(2**64 - 1), answered(pong(2**64 - 1))),
    case("C259", 6, "It ignores a PONG that it has not asked for, and types 32 to 63.", *OPEN, pong(5),
         *[(3).to_bytes(4, "big") + array(uint(kind)) for kind in (32, 63)]),
    case("C260", 6, "It ends a connection that pings without end.", *OPEN, b"".join(map(ping, range(200))),
         broken(TOO_MANY, behind=(9,))),
]  # fmt: skip

NOTIFIES = [
    case("C261", 6, "It takes notifications in their order; those to nobody, or that do not fit, are dropped.", *OPEN,
         notify("observe", named(args(uint(5)))), notify("nothing", named()), notify("observe", UNDEFINED),
         notify("observe", named(args(text("six")))), notify("observe", named(args(uint(7)))),
         answered(notify("observed", named(args(uint(5)))), notify("observed", named(args(uint(7)))))),
    case("C262", 3, "Its own notification has its arguments by position and by name.", *OPEN,
         do("notify", "n", method="suite.observe", arguments=[5]), hears(notify("observe", named(args(uint(5)))))),
    case("C281", 3, "A notification over the peer's max_frame is never cut: it is not sent.", *OPEN,
         do("notify", "n", method="suite.observe", arguments=["x" * 20_000]), fails("n", 8, 2)),
]  # fmt: skip


def wait(id: int) -> bytes:
    return call(id, "wait", args(text("w")))


STARTED, CANCELLED = told("w", "started"), told("w", "cancelled")
TEN_K = args(octets(bytes(9990)))
RELAY = call(2, "relay", flags=SENDS | TAKES)
UNREAD = call(2, "unread", args(text("w")), flags=SENDS)

SERVES = [
    case("C263", 4, "It serves calls, whose ids are even.", *OPEN, call(2, "echo", args(uint(5))),
         answered(reply(2, uint(5))), call(8, "add", named(b=uint(2), a=uint(3)), flags=4),
         answered(reply(8, uint(5)))),
    case("C264", 4, "It refuses an id that was used.", *OPEN, call(2, "echo", args(uint(5))), hears(reply(2, uint(5))),
         call(2, "echo", args(uint(5))), broken(last_id=2)),
    case("C265", 4, "It answers in any order.", *OPEN, wait(2), STARTED, call(4, "echo", args(uint(5))),
         hears(reply(4, uint(5))), cancel(2), hears(failed(2, 1, 0)), CANCELLED),
    case("C266", 5, "It has no such method.", *OPEN, call(2, "nothing"), answered(failed(2, 12, 1))),
    case("C267", 5, "A payload that breaks the profile costs its call alone.", *OPEN,
         call(2, "echo", UNDEFINED), call(4, "echo", b"\x9f\xff"), call(6, "echo", args(uint(5))),
         answered(failed(2, 3, 1), failed(4, 3, 1), reply(6, uint(5)), any_order=True)),
    case("C268", 5, "What a handler raised, declared or not.", *OPEN, call(2, "crash"),
         answered(failed(2, 2, 0, type="Crash", hides="a secret")), call(4, "refuse", args(uint(5))),
         answered(failed(4, 2, 0, type="suite.Refused", details=mapping((text("amount"), uint(5)))))),
    case("C269", 4, "A timeout of 0 has passed.", *OPEN, call(2, "echo", args(uint(5)), timeout=uint(0)),
         answered(failed(2, 4, 1))),
    case("C270", 4, "Of more calls than its max_calls it refuses those over it.", *OPEN,
         *(wait(2 * number) for number in range(1, 17)), *[STARTED] * 16, call(34, "echo"), hears(failed(34, 8, 1)),
         LEAVES, ended()),
    case("C271", 3, "It joins the fragments of a CALL.", *OPEN, call(2, "echo", TEN_K[:4096], flags=MORE),
         data(2, TEN_K[4096:]), answered(reply(2, TEN_K[1:]))),
    case("C272", 3, "It refuses a fragment of 4095 bytes.", *OPEN, call(2, "echo", bytes(4095), flags=MORE),
         broken(1, SIZE, last_id=2)),
    case("C273", 4, "CANCEL amid the fragments of a CALL.", *OPEN, call(2, "echo", TEN_K[:4096], flags=MORE),
         cancel(2), answered(failed(2, 1, 1))),
    case("C274", 4, "Items go both ways on a call of its acceptor.", *OPEN, RELAY, data(2, text("a")),
         hears(data(2, text("a"))), data(2, b"", END), hears(reply(2, NULL))),
    case("C275", 4, "It refuses an item behind END.", *OPEN, UNREAD, STARTED, data(2, uint(5), END),
         data(2, uint(6)), broken(last_id=2), CANCELLED),
    case("C276", 4, "It refuses an item without credit.", *OPEN, UNREAD, STARTED,
         *[data(2, octets(bytes(16_381)))] * 4, data(2, uint(5)), broken(CREDIT, last_id=2), CANCELLED),
    case("C277", 4, "It refuses a total that falls.", *OPEN, RELAY, credit(2, 2**20), credit(2, 2**19),
         broken(1, CREDIT, last_id=2)),
    case("C278", 4, "The end of the connection cancels its handlers.", *OPEN, wait(2), STARTED, LEAVES, ended(),
         CANCELLED),
    case("C279", 4, "Calls in both directions do not touch each other.", *OPEN, *asks("a", 5, 1), wait(2), STARTED,
         reply(1, uint(6)), told("a", "result", value=6), cancel(2), hears(failed(2, 1, 0)), CANCELLED),
    case("C280", 4, "It calls back its caller inside a call of that.", *OPEN, call(2, "ask", args(uint(5))),
         hears(call(1, "answer", args(uint(5)))), reply(1, uint(6)), hears(reply(2, uint(6)))),
]  # fmt: skip

CASES: list[Case] = [*GOAWAYS, *PINGS, *NOTIFIES, *SERVES]
