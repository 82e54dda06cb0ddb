"""A connector under test: the calls that it makes, and how their ends are told."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import (
    LEAVES,
    SIZE,
    Case,
    Cut,
    Do,
    Step,
    broken,
    called,
    case,
    do,
    ended,
    hears,
    told,
)
from tests.conformance.cbor import (
    NULL,
    TRUE,
    UNDEFINED,
    array,
    double,
    mapping,
    negative,
    octets,
    tag,
    text,
    uint,
    wide,
)
from tests.conformance.frames import (
    END,
    GENEROUS,
    HELLO,
    MORE,
    args,
    call,
    cancel,
    credit,
    data,
    error,
    error_map,
    frame,
    hello,
    ping,
    pong,
    reply,
    settings,
)

__all__ = ["CASES"]

CONNECTED = told("client", "connected")


def makes(name: str, method: str, *arguments: Any, **more: Any) -> Do:
    """The application calls a method."""
    return do("call", name, method=f"suite.{method}", arguments=list(arguments), **more)


def fails(name: str, code: int, processed: int = 0, **more: Any) -> Step:
    return told(name, "error", code=code, processed=processed, **more)


ECHO = call(1, "echo", args(uint(5)))
ASKS: list[Step] = [HELLO, CONNECTED, makes("a", "echo", 5), hears(ECHO)]
"""A call is open."""

AGAIN: list[Step] = [
    makes("b", "echo", 5), hears(call(3, "echo", args(uint(5)))), reply(3, uint(6)), told("b", "result", value=6)
]  # fmt: skip
"""The next one goes well."""

LOST = fails("a", 14)
"""The call may have run."""

GOOD = [
    case("C100", 4, "Its first call has id 1, and says what was asked for in the fewest bytes.", *ASKS,
         reply(1, uint(7)), told("a", "result", value=7)),
    case("C101", 4, "Its ids rise by two.", *ASKS, reply(1, NULL), told("a", "result", value=None), *AGAIN),
    case("C102", 4, "It takes answers in any order.", *ASKS, makes("b", "echo", 6),
         hears(call(3, "echo", args(uint(6)))), reply(3, uint(8)), reply(1, uint(7)), told("b", "result", value=8),
         told("a", "result", value=7)),
    case("C103", 3, "Arguments by name stand in a map behind those by position.", HELLO, CONNECTED,
         do("call", "a", method="suite.add", arguments=[2], named={"b": 3}),
         hears(call(1, "add", array(args(uint(2)), mapping((text("b"), uint(3)))), flags=4)), reply(1, uint(5)),
         told("a", "result", value=5)),
    case("C104", 8, "It takes a REPLY with heads of eight bytes, and a payload of such.", *ASKS,
         frame(wide(4, 4, 8) + wide(0, 3, 8) + wide(0, 1, 8) + wide(0, 0, 8) + wide(2, 9, 8) + wide(0, 7, 8)),
         told("a", "result", value=7)),
    case("C105", 3, "It joins a REPLY in fragments.", *ASKS, reply(1, octets(bytes(9997))[:4096], MORE),
         data(1, octets(bytes(9997))[4096:9000], MORE), data(1, octets(bytes(9997))[9000:]),
         told("a", "result", value={"size": 9997})),
    case("C106", 3, "The last fragment of a REPLY may be empty.", *ASKS, reply(1, octets(bytes(5000)), MORE),
         data(1, b""), told("a", "result", value={"size": 5000})),
    case("C107", 3, "It joins two REPLYs that take turns.", *ASKS, makes("b", "echo", 6),
         hears(call(3, "echo", args(uint(6)))), reply(1, octets(bytes(5000))[:4500], MORE),
         reply(3, octets(bytes(6000))[:4500], MORE), data(1, octets(bytes(5000))[4500:]),
         data(3, octets(bytes(6000))[4500:]), told("a", "result", value={"size": 5000}),
         told("b", "result", value={"size": 6000})),
    case("C108", 3, "Arguments over the peer's max_frame go in fragments.", GENEROUS, CONNECTED,
         makes("a", "echo", "x" * 50_000), Cut(1, 1, args(text("x" * 50_000))), reply(1, NULL), told("a", "result")),
    case("C109", 3, "Arguments over the peer's max_message are not sent at all.", HELLO, CONNECTED,
         makes("a", "echo", "x" * 16_400), fails("a", 8, 2), makes("b", "echo", 5), hears(ECHO), reply(1, uint(6)),
         told("b", "result", value=6)),
]  # fmt: skip

ERRORS = [
    case("C110", 5, "An ERROR ends its call with its code.", *ASKS, error(1, error_map(5, "gone")), fails("a", 5),
         *AGAIN),
    case("C111", 5, "It keeps the promise of an ERROR, and its type.", *ASKS,
         error(1, error_map(9, "later", (2, uint(1)), (3, uint(10)), (4, text("suite.Later")))),
         fails("a", 9, 1, type="suite.Later")),
    case("C112", 5, "A code that it does not know is UNKNOWN.", *ASKS, error(1, error_map(99)), fails("a", 2)),
    case("C113", 5, "So is code 0, and one of 64 bits.", *ASKS, error(1, error_map(0)), fails("a", 2),
         makes("b", "echo", 5), hears(call(3, "echo", args(uint(5)))), error(3, error_map(2**64 - 1)), fails("b", 2)),
    case("C114", 5, "A promise that it does not know is none.", *ASKS, error(1, error_map(5, "", (2, uint(3)))),
         fails("a", 5, 0)),
    case("C115", 5, "It ignores keys of an ERROR that it does not know.", *ASKS,
         error(1, error_map(5, "", (8, array(NULL)), (2**64 - 1, TRUE))), fails("a", 5)),
    case("C116", 5, "It takes an ERROR with all its keys.", *ASKS,
         error(1, error_map(3, "no", (2, uint(2)), (3, uint(0)), (4, text("Odd")), (5, octets(uint(5))),
                            (6, text("line 1")), (7, array(error_map(5, "gone"))))), fails("a", 3, 2, type="Odd")),
    case("C117", 5, "Details that cannot be decoded do not lose the ERROR.", *ASKS,
         error(1, error_map(5, "gone", (5, octets(UNDEFINED)))), fails("a", 5)),
    case("C118", 3, "An ERROR may come amid the fragments of a REPLY.", *ASKS, reply(1, bytes(4096), MORE),
         error(1, error_map(15)), fails("a", 15), *AGAIN),
    case("C119", 3, "It takes an ERROR of 16384 bytes.", *ASKS, error(1, error_map(5, "x" * (16_384 - 10))),
         fails("a", 5)),
]  # fmt: skip

BAD_ERRORS = [
    ("C120", 3, "an ERROR of 16385 bytes", error(1, error_map(5, "x" * (16_385 - 10))), (1, SIZE)),
    ("C121", 5, "an ERROR that is null", error(1, NULL), (1,)),
    ("C122", 5, "an ERROR that is an array", error(1, array(uint(5), text(""))), (1,)),
    ("C123", 5, "an ERROR without a code", error(1, mapping((uint(1), text("")))), (1,)),
    ("C124", 5, "an ERROR without a message", error(1, mapping((uint(0), uint(5)))), (1,)),
    ("C125", 5, "a code that is negative", error(1, mapping((uint(0), negative(-1)), (uint(1), text("")))), (1,)),
    ("C126", 5, "a code that is a float", error(1, mapping((uint(0), double(5.0)), (uint(1), text("")))), (1,)),
    ("C127", 5, "a message that is a byte string", error(1, mapping((uint(0), uint(5)), (uint(1), octets(b"")))), (1,)),
    ("C128", 8, "a message that is not UTF-8", error(1, mapping((uint(0), uint(5)), (uint(1), b"\x61\xff"))), (1,)),
    ("C129", 5, "a promise that is true", error(1, error_map(5, "", (2, TRUE))), (1,)),
    ("C130", 5, "a retry_after that is a float", error(1, error_map(5, "", (3, double(1.0)))), (1,)),
    ("C131", 5, "a type that is null", error(1, error_map(5, "", (4, NULL))), (1,)),
    ("C132", 5, "details that are not encoded a second time", error(1, error_map(5, "", (5, mapping()))), (1,)),
    ("C133", 5, "a traceback that is a byte string", error(1, error_map(5, "", (6, octets(b"")))), (1,)),
    ("C134", 5, "a cause without a message", error(1, error_map(5, "", (7, array(mapping((uint(0), uint(5))))))), (1,)),
    ("C135", 8, "a key of an ERROR twice", error(1, error_map(5, "", (1, text("")))), (1,)),
    ("C136", 3, "a tag in an ERROR", error(1, error_map(5, "", (9, tag(1, uint(0))))), (1,)),
]

ROWS = [
    ("C137", 3, "a REPLY without a payload", frame(array(uint(3), uint(1), uint(0)))),
    ("C138", 3, "a REPLY whose payload is not encoded a second time", frame(array(uint(3), uint(1), uint(0), uint(7)))),
    ("C139", 3, "END on a REPLY", reply(1, uint(7), END)),
    ("C140", 3, "a flag on a REPLY that nobody knows", reply(1, uint(7), 32)),
    ("C141", 3, "a REPLY to id 0", reply(0, uint(7))),
    ("C142", 4, "a REPLY to a call that it never made", reply(3, uint(7))),
    ("C143", 4, "an ERROR for a call that it never made", error(3, error_map(5))),
    ("C144", 3, "a REPLY from the caller of a call", reply(2, uint(7))),
    ("C145", 3, "a CANCEL from the callee of a call", cancel(1)),
    ("C146", 4, "an item of a call that takes none", data(1, uint(7))),
    ("C147", 3, "END from a callee", data(1, uint(7), END)),
    ("C148", 4, "an item of a call that it never made", data(3, uint(7))),
    ("C149", 4, "a CREDIT for a call that it never made", credit(3, 2**20)),
    ("C150", 4, "a CREDIT above the last id of the acceptor", credit(2, 2**20)),
    ("C151", 4, "a CANCEL above the last id of the acceptor", cancel(2)),
]

BROKEN = [
    case("C152", 4, "It refuses a CREDIT for a call that sends nothing.", *ASKS, credit(1, 2**20), broken(1, 3), LOST),
    case("C153", 3, "It refuses a fragment of a REPLY of 4095 bytes.", *ASKS, reply(1, bytes(4095), MORE),
         broken(1, SIZE), LOST),
    case("C154", 3, "It refuses a REPLY inside another to the same call.", *ASKS, reply(1, bytes(4096), MORE),
         reply(1, uint(7)), broken(), LOST),
    case("C155", 4, "It refuses a second REPLY.", *ASKS, reply(1, uint(7)), told("a", "result", value=7),
         reply(1, uint(7)), broken()),
    case("C156", 4, "It refuses an ERROR behind a REPLY.", *ASKS, reply(1, uint(7)), told("a", "result", value=7),
         error(1, error_map(5)), broken()),
    case("C157", 4, "It refuses an item behind a REPLY.", *ASKS, reply(1, uint(7)), told("a", "result", value=7),
         data(1, uint(7)), broken()),
    case("C158", 4, "It refuses a CREDIT behind a REPLY.", *ASKS, reply(1, uint(7)), told("a", "result", value=7),
         credit(1, 2**20), broken()),
    case("C159", 3, "It refuses a fragment behind the last.", *ASKS, reply(1, bytes(4096), MORE), data(1, bytes(10)),
         data(1, bytes(10)), broken(), fails("a", 13, 2)),
]  # fmt: skip

UNFIT = [
    case("C160", 5, "A result that cannot be decoded is INTERNAL, not to be tried again, and fails its call alone.",
         *ASKS, reply(1, UNDEFINED), fails("a", 13, 2), *AGAIN),
    case("C161", 8, "So is a result without a byte.", *ASKS, reply(1, b""), fails("a", 13, 2), *AGAIN),
    case("C162", 8, "So is a result of 65 levels.", *ASKS, reply(1, b"\x81" * 64 + b"\x80"), fails("a", 13, 2), *AGAIN),
    case("C163", 8, "So is a result of indefinite length.", *ASKS, reply(1, b"\x9f\xff"), fails("a", 13, 2), *AGAIN),
    case("C164", 3, "A result over its max_message is RESOURCE_EXHAUSTED; whole, it has ended its call.", *ASKS,
         reply(1, octets(bytes(25_000))), fails("a", 8, 2), *AGAIN),
    case("C165", 3, "In fragments, it is cancelled once, and what still comes of it is discarded.", *ASKS,
         reply(1, bytes(20_000), MORE), data(1, bytes(5000), MORE), hears(cancel(1)), fails("a", 8, 2),
         data(1, bytes(5000), MORE), data(1, b""), *AGAIN),
]  # fmt: skip

GIVEN_UP: list[Step] = [*ASKS, do("cancel", "a"), hears(cancel(1)), told("a", "cancelled")]

CANCELS = [
    case("C166", 4, "Who gives up a call sends CANCEL, once; a REPLY that comes is discarded.", *GIVEN_UP,
         reply(1, uint(7)), *AGAIN),
    case("C167", 4, "So is an ERROR.", *GIVEN_UP, error(1, error_map(1)), *AGAIN),
    case("C168", 4, "So are the fragments of a REPLY, whatever they hold.", *GIVEN_UP, reply(1, bytes(9000), MORE),
         data(1, bytes(9000), MORE), data(1, UNDEFINED), *AGAIN),
    case("C169", 4, "What it gave up has one end as well: it refuses a second.", *GIVEN_UP, reply(1, uint(7)),
         error(1, error_map(1)), broken()),
    case("C170", 3, "In what it discards, a fragment of 4095 bytes is refused all the same.", *GIVEN_UP,
         reply(1, bytes(4095), MORE), broken(1, SIZE)),
]  # fmt: skip

DEADLINES = [
    case("C171", 4, "It tells how much time is left, gives up when it has passed, and says CANCEL.", HELLO, CONNECTED,
         makes("a", "echo", 5, seconds=0.2), hears(called(1, "echo", 0, args(uint(5)), timeout=range(1, 201))),
         hears(cancel(1)), told("a", "too slow"), error(1, error_map(4)), *AGAIN),
    case("C172", 4, "An ERROR that comes before is an ERROR.", HELLO, CONNECTED,
         makes("a", "echo", 5, seconds=60), hears(called(1, "echo", 0, args(uint(5)), timeout=range(50_000, 60_001))),
         error(1, error_map(4)), fails("a", 4)),
]  # fmt: skip


def calling(count: int) -> list[Step]:
    """So many calls, one after the other."""
    steps: list[Step] = []
    for index in range(count):
        steps += [makes(f"c{index}", "echo", index), hears(call(2 * index + 1, "echo", args(uint(index))))]
    return steps


SLOTS = [
    case("C173", 4, "It opens no more calls than the peer's max_calls; one more waits for an end.", HELLO, CONNECTED,
         *calling(16), makes("z", "echo", 5), ping(1), hears(pong(1)), reply(1, uint(7)),
         told("c0", "result", value=7), hears(call(33, "echo", args(uint(5)))), reply(33, uint(9)),
         told("z", "result", value=9)),
    case("C174", 4, "A call that it gave up holds its slot until its end.", HELLO, CONNECTED, *calling(16),
         do("cancel", "c0"), hears(cancel(1)), makes("z", "echo", 5), ping(1), hears(pong(1)), error(1, error_map(1)),
         hears(call(33, "echo", args(uint(5)))), reply(33, uint(9)), told("z", "result", value=9)),
    case("C175", 4, "A larger max_calls is taken at its word.", hello(settings(max_calls=uint(20))), CONNECTED,
         *calling(20), reply(39, uint(7)), told("c19", "result", value=7)),
]  # fmt: skip

ENDS = [
    case("C176", 6, "The end of the stream without GOAWAY: nobody knows what has run.", *ASKS, LEAVES, ended(), LOST),
    case("C177", 6, "So it is inside a frame.", *ASKS, reply(1, uint(7))[:-1], LEAVES, ended(), LOST),
]  # fmt: skip

CASES: list[Case] = [
    *GOOD,
    *ERRORS,
    *(
        case(number, section, f"It refuses {what}.", *ASKS, octets, broken(*reasons), LOST)
        for number, section, what, octets, reasons in BAD_ERRORS
    ),
    *(
        case(number, section, f"It refuses {what}.", *ASKS, octets, broken(), LOST)
        for number, section, what, octets in ROWS
    ),
    *BROKEN,
    *UNFIT,
    *CANCELS,
    *DEADLINES,
    *SLOTS,
    *ENDS,
]
