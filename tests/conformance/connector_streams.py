"""A connector under test: streams of items in both directions, their credit, and contexts."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import (
    CREDIT,
    LEAVES,
    SIZE,
    Case,
    Cut,
    Step,
    broken,
    case,
    do,
    ended,
    granted,
    hears,
    told,
)
from tests.conformance.cbor import NULL, UNDEFINED, octets, text, uint
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
    hello,
    ping,
    pong,
    reply,
    settings,
)

__all__ = ["CASES"]

CONNECTED = told("client", "connected")


def fails(code: int, processed: int = 0) -> Step:
    return told("a", "error", code=code, processed=processed)


def item(value: Any) -> Step:
    return told("a", "item", value=value)


TAKING: list[Step] = [
    HELLO, CONNECTED, do("stream", "a", method="suite.count", arguments=[3]),
    hears(call(1, "count", args(uint(3)), flags=TAKES)),
]  # fmt: skip
"""It takes the items of a call as they come."""

PULLING: list[Step] = [
    HELLO, CONNECTED, do("stream", "a", method="suite.count", arguments=[3], pulls=True),
    hears(call(1, "count", args(uint(3)), flags=TAKES)),
]  # fmt: skip
"""It takes an item when told to."""

PULL = do("order", "a")

AGAIN: list[Step] = [
    do("call", "b", method="suite.echo", arguments=[5]), hears(call(3, "echo", args(uint(5)))), reply(3, uint(6)),
    told("b", "result", value=6),
]  # fmt: skip

TEN_K = octets(bytes(9997))

IN = [
    case("C200", 4, "It takes items, and the REPLY that ends them.", *TAKING, data(1, uint(0)), data(1, text("a")),
         reply(1, NULL), item(0), item("a"), told("a", "ended")),
    case("C201", 4, "A stream may have no item.", *TAKING, reply(1, NULL), told("a", "ended")),
    case("C202", 4, "Items come before the ERROR behind them.", *TAKING, data(1, uint(0)), error(1, error_map(15)),
         item(0), fails(15)),
    case("C203", 3, "It joins the fragments of an item.", *TAKING, data(1, TEN_K[:4096], MORE),
         data(1, TEN_K[4096:9000], MORE), data(1, TEN_K[9000:]), data(1, uint(1)), reply(1, NULL),
         item({"size": 9997}), item(1), told("a", "ended")),
    case("C204", 3, "An ERROR may come amid the fragments of an item, which is lost.", *TAKING, data(1, uint(0)),
         data(1, TEN_K[:4096], MORE), error(1, error_map(15)), item(0), fails(15), *AGAIN),
    case("C205", 3, "It refuses a REPLY inside an unfinished item.", *TAKING, data(1, TEN_K[:4096], MORE),
         reply(1, NULL), broken(), fails(14)),
    case("C206", 3, "It refuses a fragment of an item of 4095 bytes.", *TAKING, data(1, bytes(4095), MORE),
         broken(1, SIZE), fails(14)),
    case("C207", 3, "It refuses END from the callee of a stream.", *TAKING, data(1, uint(0), END), broken(),
         fails(14)),
    case("C208", 3, "It refuses END on an empty DATA from a callee.", *TAKING, data(1, b"", END), broken(), fails(14)),
    case("C209", 4, "It refuses an item behind the REPLY.", *TAKING, reply(1, NULL), told("a", "ended"),
         data(1, uint(0)), broken()),
    case("C210", 5, "An item that cannot be decoded is INTERNAL, and the call is given up.", *TAKING,
         data(1, UNDEFINED), hears(cancel(1)), error(1, error_map(1)), fails(13, 2), *AGAIN),
    case("C211", 5, "So is an item without a byte.", *TAKING, data(1, b""), hears(cancel(1)), error(1, error_map(1)),
         fails(13, 2), *AGAIN),
    case("C212", 3, "So is, as RESOURCE_EXHAUSTED, an item over its max_message.", *TAKING,
         data(1, bytes(20_000), MORE), data(1, bytes(5000), MORE), hears(cancel(1)), data(1, bytes(5000), MORE),
         data(1, b""), error(1, error_map(1)), fails(8, 2), *AGAIN),
    case("C213", 4, "Who leaves a stream cancels it, and discards what still comes.", *PULLING, data(1, uint(0)), PULL,
         item(0), do("finish", "a"), hears(cancel(1)), data(1, uint(1)), error(1, error_map(1)), told("a", "ended"),
         *AGAIN),
    case("C214", 4, "The REPLY may be in fragments, behind items.", *TAKING, data(1, uint(0)),
         reply(1, TEN_K[:5000], MORE), data(1, TEN_K[5000:]), item(0), told("a", "ended")),
    case("C215", 6, "A lost connection ends a stream behind the items that came.", *TAKING, data(1, uint(0)), LEAVES,
         ended(), item(0), fails(14)),
]  # fmt: skip

QUARTER = octets(bytes(16_381))
"""An item of a quarter of the window."""

GRANTS = [
    case("C216", 4, "It refuses an item that was started without credit.", *PULLING, *[data(1, QUARTER)] * 4,
         data(1, uint(0)), broken(CREDIT), do("cancel", "a"), told("a", "cancelled")),
    case("C217", 4, "One item may overshoot the window.", *PULLING, *[data(1, octets(bytes(20_000)))] * 4, PULL,
         item({"size": 20_000}), reply(1, NULL), PULL, item({"size": 20_000})),
    case("C218", 4, "It grants credit as its application takes items.", *PULLING, *[data(1, QUARTER)] * 4, PULL, PULL,
         hears(granted(1, 65_537)), data(1, uint(5)), PULL, PULL, PULL, *[item({"size": 16_381})] * 4, item(5),
         reply(1, NULL)),
    case("C219", 4, "After CANCEL it grants no credit.", *TAKING, data(1, uint(0)), item(0), do("cancel", "a"),
         hears(cancel(1)), told("a", "cancelled"), *[data(1, QUARTER)] * 4, ping(1), hears(pong(1)),
         error(1, error_map(1)), *AGAIN),
]  # fmt: skip

SENDING: list[Step] = [
    HELLO, CONNECTED, do("call", "a", method="suite.total", arguments=[], sends=True),
    hears(call(1, "total", flags=SENDS)),
]  # fmt: skip
"""It sends the items that it is given."""


def give(value: Any) -> Step:
    return do("order", "a", value=value)


FINISH = do("finish", "a")

LONG = "x" * 15_997
LONG_ITEM = text(LONG)
"""16000 bytes."""

OUT = [
    case("C220", 4, "It sends items, and END behind them on an empty DATA, or on the last.", *SENDING, give(1),
         hears(data(1, uint(1))), give(2), hears(data(1, uint(2))), FINISH, hears(data(1, b"", END)),
         reply(1, uint(3)), told("a", "result", value=3)),
    case("C221", 4, "Its callee may end the call early; it sends nothing more.", *SENDING, give(1),
         hears(data(1, uint(1))), reply(1, uint(3)), told("a", "result", value=3), give(2), FINISH, *AGAIN),
    case("C222", 4, "It starts no item without credit, and goes on when there is some.", *SENDING,
         *[give(LONG)] * 8, hears(*[data(1, LONG_ITEM)] * 5), ping(1), hears(pong(1)), credit(1, 80_001),
         hears(data(1, LONG_ITEM)), ping(2), hears(pong(2)), credit(1, 2**40), hears(*[data(1, LONG_ITEM)] * 2),
         FINISH, hears(data(1, b"", END)), reply(1, NULL), told("a", "result", value=None)),
    case("C223", 4, "END needs no credit.", *SENDING, *[give(LONG)] * 5, hears(*[data(1, LONG_ITEM)] * 5), FINISH,
         hears(data(1, b"", END)), reply(1, NULL), told("a", "result", value=None)),
    case("C224", 4, "A larger window in HELLO is credit.", hello(settings(window=uint(130_000))), CONNECTED,
         do("call", "a", method="suite.total", arguments=[], sends=True), hears(call(1, "total", flags=SENDS)),
         *[give(LONG)] * 10, hears(*[data(1, LONG_ITEM)] * 9), ping(1), hears(pong(1)), error(1, error_map(1)),
         fails(1)),
    case("C241", 4, "It starts no item when its credit is just used up.", *SENDING, *[give("x" * 8189)] * 9,
         hears(*[data(1, text("x" * 8189))] * 8), ping(1), hears(pong(1)), credit(1, 65_537),
         hears(data(1, text("x" * 8189))), error(1, error_map(1)), fails(1)),
    case("C225", 4, "It refuses a total below the window.", *SENDING, credit(1, 65_535), broken(1, CREDIT), fails(14)),
    case("C226", 4, "It refuses a total below the last.", *SENDING, credit(1, 2**20), credit(1, 2**20 - 1),
         broken(1, CREDIT), fails(14)),
    case("C227", 4, "It refuses a CREDIT behind the REPLY.", *SENDING, reply(1, NULL),
         told("a", "result", value=None), credit(1, 2**20), broken()),
    case("C228", 4, "It refuses an item on a call that only sends.", *SENDING, data(1, uint(1)), broken(), fails(14)),
    case("C229", 3, "An item over the peer's max_frame goes in fragments, larger than the window or not.",
         hello(settings(max_message=uint(2**20))), CONNECTED,
         do("call", "a", method="suite.total", arguments=[], sends=True), hears(call(1, "total", flags=SENDS)),
         give("x" * 100_000), Cut(2, 1, text("x" * 100_000)), error(1, error_map(1)), fails(1)),
    case("C230", 3, "An item over the peer's max_message is not sent, and its call is given up.", *SENDING,
         give("x" * 20_000), hears(cancel(1)), error(1, error_map(1)), fails(8, 2)),
    case("C231", 4, "Who gives up a call amid its items sends CANCEL, and no END.", *SENDING, give(1),
         hears(data(1, uint(1))), do("cancel", "a"), hears(cancel(1)), told("a", "cancelled"),
         error(1, error_map(1)), *AGAIN),
    case("C232", 4, "Credit for a call that it gave up is taken.", *SENDING, do("cancel", "a"), hears(cancel(1)),
         told("a", "cancelled"), credit(1, 2**20), error(1, error_map(1)), *AGAIN),
]  # fmt: skip

HOLDING: list[Step] = [
    HELLO, CONNECTED, do("enter", "a", method="suite.hold", arguments=["h"]),
    hears(call(1, "hold", args(text("h")), flags=SENDS | TAKES)),
]  # fmt: skip

HELD: list[Step] = [*HOLDING, data(1, text("v")), told("a", "entered", value="v")]

CONTEXTS = [
    case("C233", 4, "A context is entered with its one item, and left by an empty DATA with END.", *HELD,
         do("order", "a"), hears(data(1, b"", END)), reply(1, NULL), told("a", "left")),
    case("C234", 4, "A body that raises sends an error map with END, and raises what it raised.", *HELD,
         do("order", "a", value="boom"), hears(data(1, error_map(2, "boom", (4, text("LookupError"))), END)),
         error(1, error_map(2, "boom", (4, text("LookupError")))), told("a", "raised", message="boom")),
    case("C235", 4, "So it does where the context swallows it.", *HELD, do("order", "a", value="boom"),
         hears(data(1, error_map(2, "boom", (4, text("LookupError"))), END)), reply(1, NULL),
         told("a", "raised", message="boom")),
    case("C236", 4, "A body that is cancelled sends CANCEL.", *HELD, do("cancel", "a"), hears(cancel(1)),
         told("a", "cancelled"), error(1, error_map(1)), *AGAIN),
    case("C237", 4, "A context that fails is not entered.", *HOLDING, error(1, error_map(7, "no", (2, uint(1)))),
         fails(7, 1)),
    case("C238", 4, "A context that ends before its value is not entered.", *HOLDING, reply(1, NULL), fails(13, 2)),
    case("C239", 4, "What a context fails with as it is left is told.", *HELD, do("order", "a"),
         hears(data(1, b"", END)), error(1, error_map(10, "no")), fails(10)),
    case("C240", 6, "A context whose connection is lost fails when it is left.", *HELD, LEAVES, ended(),
         do("order", "a"), fails(14)),
]  # fmt: skip

CASES: list[Case] = [*IN, *GRANTS, *OUT, *CONTEXTS]
