"""An acceptor under test: calls, from their ids to their one end."""

from __future__ import annotations

from tests.conformance.case import (
    LEAVES,
    SIZE,
    Case,
    Cut,
    Step,
    answered,
    broken,
    case,
    ended,
    failed,
    hears,
    told,
)
from tests.conformance.cbor import NULL, octets, text, uint
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
    reply,
)

__all__ = ["CASES"]


def echo(id: int, value: int = 5) -> bytes:
    return call(id, "echo", args(uint(value)))


def wait(id: int, timeout: bytes = NULL) -> bytes:
    return call(id, "wait", args(text("w")), timeout=timeout)


STARTED, CANCELLED = told("w", "started"), told("w", "cancelled")

IDS = [
    case("S130", 4, "It takes ids with gaps between them.", HELLO, echo(1), answered(reply(1, uint(5))), echo(9),
         answered(reply(9, uint(5)))),
    case("S131", 4, "It takes the greatest id, 2^53-1.", HELLO, echo(2**53 - 1), hears(reply(2**53 - 1, uint(5)))),
    case("S132", 4, "It refuses an even id: those are its own.", HELLO, echo(2), broken()),
    case("S133", 4, "It refuses id 0.", HELLO, echo(0), broken()),
    case("S134", 4, "It refuses id 2^53+1.", HELLO, echo(2**53 + 1), broken()),
    case("S135", 4, "It refuses an id that was used, though its call has ended.", HELLO, echo(1),
         hears(reply(1, uint(5))), echo(1), broken(last_id=1)),
    case("S136", 4, "It refuses an id below the last one.", HELLO, echo(5), hears(reply(5, uint(5))), echo(3),
         broken(last_id=5)),
    case("S137", 4, "It refuses an id that is open.", HELLO, wait(1), STARTED, echo(1), broken(last_id=1), CANCELLED),
]  # fmt: skip

STRAY = [
    case("S138", 4, "It refuses a CANCEL above the last id.", HELLO, cancel(1), broken()),
    case("S139", 4, "It refuses a DATA above the last id.", HELLO, data(1, uint(5)), broken()),
    case("S140", 4, "It refuses a CREDIT above the last id.", HELLO, credit(1, 2**20), broken()),
    case("S141", 4, "It ignores what comes for a call that has ended.", HELLO, echo(1), hears(reply(1, uint(5))),
         cancel(1), data(1, uint(5)), data(1, b"", END), credit(1, 1), echo(3), answered(reply(3, uint(5)))),
    case("S142", 4, "It ignores what comes for an id that was left out.", HELLO, echo(9), hears(reply(9, uint(5))),
         cancel(3), data(5, uint(5)), credit(7, 1), echo(11), answered(reply(11, uint(5)))),
    case("S143", 3, "It refuses a REPLY from the caller of a call.", HELLO, wait(1), STARTED, reply(1, NULL),
         broken(last_id=1), CANCELLED),
    case("S144", 3, "It refuses an ERROR from the caller of a call.", HELLO, wait(1), STARTED, error(1, error_map(2)),
         broken(last_id=1), CANCELLED),
    case("S145", 4, "It refuses a REPLY to a call that it never made.", HELLO, reply(2, NULL), broken()),
    case("S146", 4, "It refuses an ERROR for a call that it never made.", HELLO, error(2, error_map(2)), broken()),
    case("S147", 3, "It refuses a CANCEL of a call of its own.", HELLO, cancel(2), broken()),
    case("S148", 4, "It refuses an item for a call that it never made.", HELLO, data(2, uint(5)), broken()),
    case("S149", 4, "It refuses a CREDIT for a call that it never made.", HELLO, credit(2, 2**20), broken()),
]  # fmt: skip


def waiting(count: int) -> list[Step]:
    """So many handlers that wait."""
    return [*(wait(1 + 2 * index) for index in range(count)), *[STARTED] * count]


SLOTS = [
    case("S150", 4, "Of more calls than its max_calls it refuses those over it, unprocessed.", HELLO, *waiting(16),
         echo(33), hears(failed(33, 8, 1)), LEAVES, ended()),
    case("S151", 4, "The id of a call that it refused was used.", HELLO, *waiting(16), echo(33),
         hears(failed(33, 8, 1)), echo(33), broken(last_id=33)),
    case("S152", 4, "A call that has ended leaves room for another.", HELLO, *waiting(16), cancel(1),
         hears(failed(1, 1)), echo(33), hears(reply(33, uint(5))), LEAVES, ended()),
    case("S153", 4, "A call that was cut and refused is refused once, and its fragments are taken.", HELLO,
         *waiting(16), call(33, "echo", bytes(4096), flags=MORE), data(33, bytes(4096), MORE), data(33, b""),
         hears(failed(33, 8, 1)), LEAVES, ended()),
    case("S154", 5, "It judges its limits before a timeout of 0.", HELLO, *waiting(16),
         call(33, "echo", timeout=uint(0)), hears(failed(33, 8, 1)), LEAVES, ended()),
    case("S155", 4, "It answers in any order: a call that waits holds up no other.", HELLO, wait(1), STARTED, echo(3),
         hears(reply(3, uint(5))), cancel(1), hears(failed(1, 1)), CANCELLED),
]  # fmt: skip

CUT_ECHO = call(1, "echo", args(octets(bytes(8000)))[:4096], flags=MORE)

CANCELS = [
    case("S156", 4, "CANCEL cancels the handler; the answer is CANCELLED, and promises nothing.", HELLO, wait(1),
         STARTED, cancel(1), hears(failed(1, 1, 0)), CANCELLED),
    case("S157", 4, "A second CANCEL, items and credit behind the first are ignored.", HELLO, wait(1), STARTED,
         cancel(1), cancel(1), data(1, uint(5)), credit(1, 0), hears(failed(1, 1, 0)), CANCELLED),
    case("S158", 4, "CANCEL amid the fragments of a CALL: CANCELLED, unprocessed.", HELLO, CUT_ECHO, cancel(1),
         data(1, bytes(4096), MORE), hears(failed(1, 1, 1))),
    case("S159", 4, "The end of the connection cancels its handlers.", HELLO, wait(1), STARTED, LEAVES, ended(),
         CANCELLED),
    case("S160", 4, "A connection error cancels its handlers.", HELLO, wait(1), STARTED, bytes(4),
         broken(SIZE, last_id=1), CANCELLED),
]  # fmt: skip

DEADLINES = [
    case("S161", 4, "A timeout of 0 has passed: DEADLINE_EXCEEDED, unprocessed.", HELLO,
         call(1, "echo", args(uint(5)), timeout=uint(0)), answered(failed(1, 4, 1))),
    case("S162", 4, "A timeout of 2^53 and more is none.", HELLO,
         call(1, "echo", args(uint(5)), timeout=uint(2**53)), answered(reply(1, uint(5))),
         call(3, "echo", args(uint(5)), timeout=uint(2**64 - 1)), answered(reply(3, uint(5)))),
    case("S163", 4, "A handler that runs into its deadline is cancelled: DEADLINE_EXCEEDED, no promise.", HELLO,
         wait(1, timeout=uint(200)), STARTED, hears(failed(1, 4, 0)), CANCELLED),
    case("S164", 3, "A CALL whose fragments do not come is given up: DEADLINE_EXCEEDED, unprocessed.", HELLO, CUT_ECHO,
         hears(failed(1, 4, 1)), under="short_frame"),
]  # fmt: skip

TEN_K = args(octets(bytes(range(250)) * 40))
LARGEST = args(octets(bytes(24_576 - 4)))

FRAGMENTS = [
    case("S165", 3, "It joins the fragments of a CALL.", HELLO,
         call(1, "echo", TEN_K[:4096], flags=MORE), data(1, TEN_K[4096:8192], MORE), data(1, TEN_K[8192:]),
         answered(reply(1, TEN_K[1:]))),
    case("S166", 3, "It joins the fragments of two calls that take turns, and serves a third in between.", HELLO,
         call(1, "echo", TEN_K[:5000], flags=MORE), call(3, "echo", TEN_K[:4096], flags=MORE),
         data(1, TEN_K[5000:9999], MORE), echo(5), data(3, TEN_K[4096:]), data(1, TEN_K[9999:]),
         answered(reply(5, uint(5)), reply(3, TEN_K[1:]), reply(1, TEN_K[1:]), any_order=True)),
    case("S167", 3, "The last fragment may be empty.", HELLO,
         call(1, "echo", TEN_K, flags=MORE), data(1, b""), answered(reply(1, TEN_K[1:]))),
    case("S168", 3, "It refuses a first fragment of 4095 bytes.", HELLO, call(1, "echo", bytes(4095), flags=MORE),
         broken(1, SIZE, last_id=1)),
    case("S169", 3, "It refuses a fragment in the midst of 4095 bytes.", HELLO, CUT_ECHO, data(1, bytes(4095), MORE),
         broken(1, SIZE, last_id=1)),
    case("S170", 3, "It refuses END on the last fragment of a CALL.", HELLO, CUT_ECHO, data(1, bytes(10), END),
         broken(last_id=1)),
    case("S171", 3, "It takes arguments of just its max_message; a large result comes in fragments.", GENEROUS,
         call(1, "echo", LARGEST), Cut(3, 1, LARGEST[1:])),
    case("S172", 3, "It refuses arguments over its max_message in one frame, for good.", HELLO,
         call(1, "echo", LARGEST + b"\x00"), answered(failed(1, 8, 2))),
    case("S173", 3, "It refuses arguments over its max_message in fragments, and takes those that still come.", HELLO,
         call(1, "echo", bytes(20_000), flags=MORE), data(1, bytes(5000), MORE), data(1, bytes(5000), MORE),
         data(1, b""), echo(3), answered(failed(1, 8, 2), reply(3, uint(5)), any_order=True)),
    case("S174", 3, "It refuses a CALL inside the fragments of another with its id.", HELLO, CUT_ECHO, CUT_ECHO,
         broken(last_id=1)),
    case("S175", 3, "A result of 100 kB comes in fragments.", GENEROUS, call(1, "blob", args(uint(100_000))),
         Cut(3, 1, octets(bytes(100_000)))),
    case("S176", 5, "A result over the caller's max_message is RESOURCE_EXHAUSTED, not to be tried again.", HELLO,
         call(1, "blob", args(uint(16_384))), answered(failed(1, 8, 2))),
    case("S177", 3, "A result of just the caller's max_message comes.", HELLO,
         call(1, "blob", args(uint(16_381))), Cut(3, 1, octets(bytes(16_381)))),
]  # fmt: skip

CASES: list[Case] = [*IDS, *STRAY, *SLOTS, *CANCELS, *DEADLINES, *FRAGMENTS]
