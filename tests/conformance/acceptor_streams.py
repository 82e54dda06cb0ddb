"""An acceptor under test: streams of items, their credit, and contexts."""

from __future__ import annotations

from tests.conformance.case import (
    CREDIT,
    LEAVES,
    SIZE,
    Case,
    Cut,
    answered,
    broken,
    case,
    ended,
    failed,
    granted,
    hears,
    may_be_told,
    told,
)
from tests.conformance.cbor import NULL, UNDEFINED, array, octets, text, uint
from tests.conformance.frames import (
    END,
    GENEROUS,
    HELLO,
    MORE,
    NAMED,
    NOTHING,
    SENDS,
    TAKES,
    args,
    call,
    cancel,
    credit,
    data,
    error_map,
    hello,
    named,
    ping,
    pong,
    reply,
    settings,
)

__all__ = ["CASES"]

TOTAL = call(1, "total", flags=SENDS)
SIZES = call(1, "sizes", flags=SENDS)
RELAY = call(1, "relay", flags=SENDS | TAKES)
UNREAD = call(1, "unread", args(text("u")), flags=SENDS)
WAIT = call(1, "wait", args(text("w")))
HOLD = call(1, "hold", args(text("h")), flags=SENDS | TAKES)

STARTED, CANCELLED = told("u", "started"), told("u", "cancelled")
MAY_START = may_be_told("w", "started")

TEN_K = octets(bytes(10_000))

OUT = [
    case("S260", 4, "Items come before the REPLY, each in a DATA.", HELLO, call(1, "count", args(uint(3)), flags=TAKES),
         answered(data(1, uint(0)), data(1, uint(1)), data(1, uint(2)), reply(1, NULL))),
    case("S261", 4, "A stream may have no item.", HELLO, call(1, "count", args(uint(0)), flags=TAKES),
         answered(reply(1, NULL))),
    case("S262", 4, "A stream that fails ends with its ERROR, behind its items.", HELLO,
         call(1, "half", args(uint(2)), flags=TAKES),
         answered(data(1, uint(0)), data(1, uint(1)), failed(1, 15, 0))),
    case("S263", 3, "An item larger than the window passes, in fragments.", hello(settings(max_message=uint(2**20))),
         call(1, "blobs", args(uint(1), uint(100_000)), flags=TAKES),
         Cut(2, 1, octets(bytes(100_000))), hears(reply(1, NULL))),
    case("S264", 5, "An item over the caller's max_message ends its call, not to be tried again.", HELLO,
         call(1, "blobs", args(uint(1), uint(16_384)), flags=TAKES), answered(failed(1, 8, 2))),
]  # fmt: skip

IN = [
    case("S265", 4, "It takes items until END on the last of them.", HELLO, TOTAL, data(1, uint(1)), data(1, uint(2)),
         data(1, uint(3), END), answered(reply(1, uint(6)))),
    case("S266", 4, "END on an empty DATA is no item.", HELLO, TOTAL, data(1, uint(1)), data(1, uint(2)),
         data(1, b"", END), answered(reply(1, uint(3)))),
    case("S267", 4, "END may be all that comes.", HELLO, TOTAL, data(1, b"", END), answered(reply(1, uint(0)))),
    case("S268", 4, "Items go both ways on one call.", HELLO, RELAY, data(1, text("a")), hears(data(1, text("a"))),
         data(1, uint(5), END), hears(data(1, uint(5)), reply(1, NULL))),
    case("S269", 3, "It joins the fragments of an item; END stands on the last.", HELLO, SIZES,
         data(1, TEN_K[:4096], MORE), data(1, TEN_K[4096:9000], MORE), data(1, TEN_K[9000:]),
         data(1, TEN_K[:5000], MORE), data(1, TEN_K[5000:], END),
         answered(reply(1, array(uint(10_000), uint(10_000))))),
    case("S270", 3, "The last fragment of an item may be empty, with END.", HELLO, SIZES, data(1, TEN_K, MORE),
         data(1, b"", END), answered(reply(1, array(uint(10_000))))),
    case("S271", 3, "It refuses a fragment of an item of 4095 bytes.", HELLO, UNREAD, STARTED,
         data(1, bytes(4095), MORE), broken(1, SIZE, last_id=1), CANCELLED),
    case("S272", 4, "It may end a call before its items have ended; late ones are ignored.", HELLO,
         call(1, "first", flags=SENDS), data(1, uint(5)), hears(reply(1, uint(5))), data(1, uint(6)),
         data(1, TEN_K[:5000], MORE), data(1, b"", END)),
]  # fmt: skip

UNFIT = [
    case("S273", 5, "An item that cannot be decoded ends its call alone: INVALID_ARGUMENT, no promise.", HELLO, TOTAL,
         data(1, UNDEFINED), answered(failed(1, 3, 0)), data(1, uint(1))),
    case("S274", 5, "So does an item that does not fit.", HELLO, TOTAL, data(1, uint(1)), data(1, text("two")),
         answered(failed(1, 3, 0))),
    case("S275", 5, "So does an item without a byte.", HELLO, TOTAL, data(1, b""), answered(failed(1, 3, 0))),
    case("S276", 5, "An item over max_message is RESOURCE_EXHAUSTED; what still comes of it is ignored.", HELLO, SIZES,
         data(1, bytes(20_000), MORE), data(1, bytes(5000), MORE), data(1, bytes(5000), MORE), data(1, b"", END),
         answered(failed(1, 8, 2))),
    case("S277", 4, "It refuses an item on a call without SENDS.", HELLO, WAIT, data(1, uint(5)), broken(last_id=1),
         MAY_START),
    case("S278", 4, "It refuses END on a call without SENDS.", HELLO, WAIT, data(1, b"", END), broken(last_id=1),
         MAY_START),
    case("S279", 4, "It refuses an item behind END.", HELLO, UNREAD, STARTED, data(1, uint(5), END), data(1, uint(6)),
         broken(last_id=1), CANCELLED),
    case("S280", 4, "It refuses a second END.", HELLO, UNREAD, STARTED, data(1, b"", END), data(1, b"", END),
         broken(last_id=1), CANCELLED),
]  # fmt: skip

BLOB = octets(bytes(16_000))
BLOBS = call(1, "blobs", args(uint(8), uint(16_000)), flags=TAKES)
EIGHTH = octets(bytes(8189))
"""An item of an eighth of the least window."""
ITEM = octets(bytes(16_381))
"""An item of a quarter of the least window."""

PARAMETERS = [
    case("S301", 3, "The stream is none of the arguments: the others stand without it, by name as well.", HELLO,
         call(1, "unread", named(name=text("u")), flags=SENDS | NAMED), STARTED, cancel(1), hears(failed(1, 1, 0)),
         CANCELLED),
    case("S302", 3, "An argument in the place of the stream is one too many.", HELLO,
         call(1, "unread", args(text("u"), array()), flags=SENDS),
         call(3, "unread", named(args(text("u")), items=array()), flags=SENDS | NAMED),
         answered(failed(1, 3, 1), failed(3, 3, 1), any_order=True)),
]  # fmt: skip

CREDITS = [
    case("S281", 4, "It starts no item without credit, and goes on when there is some.", HELLO, BLOBS,
         hears(*[data(1, BLOB)] * 5), ping(1), hears(pong(1)), credit(1, 81_000), hears(data(1, BLOB)),
         credit(1, 2**20), hears(*[data(1, BLOB)] * 2, reply(1, NULL))),
    case("S282", 4, "A handler that waits for credit is cancelled all the same; later credit is ignored.", HELLO, BLOBS,
         hears(*[data(1, BLOB)] * 5), cancel(1), credit(1, 2**20), hears(failed(1, 1, 0))),
    case("S283", 4, "It refuses a total below its caller's window.", HELLO, RELAY, credit(1, 65_535),
         broken(1, CREDIT, last_id=1)),
    case("S284", 4, "It refuses a total below the last.", HELLO, RELAY, credit(1, 80_000), credit(1, 79_999),
         broken(1, CREDIT, last_id=1)),
    case("S285", 4, "A total that says nothing new is taken, and the greatest one.", HELLO, RELAY, credit(1, 65_536),
         credit(1, 65_536), credit(1, 2**64 - 1), data(1, uint(5), END), answered(data(1, uint(5)), reply(1, NULL))),
    case("S286", 4, "It refuses credit for a call without TAKES.", HELLO, WAIT, credit(1, 2**20),
         broken(1, CREDIT, last_id=1), MAY_START),
    case("S287", 4, "It refuses credit for a call that only sends.", HELLO, UNREAD, STARTED, credit(1, 2**20),
         broken(1, CREDIT, last_id=1), CANCELLED),
    case("S288", 4, "It refuses an item that was started without credit.", HELLO, UNREAD, STARTED,
         *[data(1, ITEM)] * 4, data(1, uint(5)), broken(CREDIT, last_id=1), CANCELLED),
    case("S289", 4, "The last item may overshoot its window, and END needs no credit.", HELLO, UNREAD, STARTED,
         *[data(1, octets(bytes(20_000)))] * 4, data(1, b"", END), cancel(1), hears(failed(1, 1, 0)), CANCELLED),
    case("S290", 4, "It refuses an item behind one that overshot.", HELLO, UNREAD, STARTED,
         *[data(1, octets(bytes(20_000)))] * 4, data(1, uint(5)), broken(CREDIT, last_id=1), CANCELLED),
    case("S291", 4, "It grants credit as items are taken.", HELLO, SIZES, *[data(1, octets(bytes(20_000)))] * 4,
         hears(granted(1, 80_013)), *[data(1, octets(bytes(20_000)))] * 2, data(1, b"", END),
         hears(reply(1, array(*[uint(20_000)] * 6)))),
    case("S292", 4, "A larger window in HELLO is credit.", GENEROUS, BLOBS,
         hears(*[data(1, BLOB)] * 8, reply(1, NULL))),
    case("S300", 4, "It starts no item when its credit is just used up.", HELLO,
         call(1, "blobs", args(uint(9), uint(8189)), flags=TAKES), hears(*[data(1, EIGHTH)] * 8), ping(1),
         hears(pong(1)), credit(1, 65_537), hears(data(1, EIGHTH), reply(1, NULL))),
]  # fmt: skip

CONTEXTS = [
    case("S293", 4, "A context gives one item, its value, and is left by an empty DATA with END.", HELLO, HOLD,
         hears(data(1, text("h"))), data(1, b"", END), hears(reply(1, NULL)), told("h", "left")),
    case("S294", 4, "An error map with END is raised inside the handler.", HELLO, HOLD, hears(data(1, text("h"))),
         data(1, error_map(5, "gone"), END), told("h", "raised", code=5, message="gone"), hears(failed(1, None, 0))),
    case("S295", 4, "CANCEL cancels a context.", HELLO, HOLD, hears(data(1, text("h"))), cancel(1),
         told("h", "cancelled"), hears(failed(1, 1, 0))),
    case("S296", 4, "The end of the connection cancels a context.", HELLO, HOLD, hears(data(1, text("h"))), LEAVES,
         ended(), told("h", "cancelled")),
    case("S297", 5, "What ends a context, and is no error map, is INVALID_ARGUMENT.", HELLO, HOLD,
         hears(data(1, text("h"))), data(1, uint(5), END), hears(failed(1, 3, 0)), told("h", "raised", code=3)),
    case("S298", 4, "A context may be left before its value has been read.", HELLO, HOLD, data(1, b"", END),
         answered(data(1, text("h")), reply(1, NULL))),
    case("S299", 5, "A context whose arguments do not fit is not entered.", HELLO,
         call(1, "hold", NOTHING, flags=SENDS | TAKES), answered(failed(1, 3, 1))),
]  # fmt: skip

CASES: list[Case] = [*OUT, *IN, *UNFIT, *PARAMETERS, *CREDITS, *CONTEXTS]
